"""Python's smtplib and email. Usage: python.py PORT attach FILE | text FILE | mails N"""
import smtplib
import sys
from email import policy
from email.message import EmailMessage

port, what, arg = int(sys.argv[1]), sys.argv[2], sys.argv[3]


def message():
    m = EmailMessage(policy=policy.SMTP)
    m["From"], m["To"], m["Subject"] = "a@x.test", "b@x.test", "bench"
    m.set_content("hi\n" if what != "mails" else ("x" * 63 + "\n") * 16)
    if what == "attach":
        with open(arg, "rb") as f:
            m.add_attachment(f.read(), maintype="application", subtype="octet-stream", filename="f")
    if what == "text":
        with open(arg, encoding="utf-8") as f:
            m.add_attachment(f.read(), cte="quoted-printable", filename="f")
    return m


with smtplib.SMTP("127.0.0.1", port) as server:
    for _ in range(int(arg) if what == "mails" else 1):
        server.send_message(message())
