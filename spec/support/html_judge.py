"""Reads a mail with Python's email: what a reader shows of its text and of the pictures in its HTML.

usage: html_judge.py MAIL text      the text/plain part; format=flowed is put together again (RFC 3676 4.1 to 4.3),
                                    a quoted paragraph is one line with its > in front
       html_judge.py MAIL lines     the same part as it came
       html_judge.py MAIL pictures  a line for each cid: of the HTML: name, type, octets of the part it leads to
"""
import email
import email.policy
import re
import sys


def flowed(text):
    out, part = [], None
    for line in text.splitlines():
        depth = len(line) - len(line.lstrip(">"))
        line = line[depth:]
        line = line[1:] if line.startswith(" ") else line
        goes_on = line.endswith(" ") and line != "-- "
        if part and part[0] == depth and line != "-- ":
            part = (depth, part[1] + line)
        else:
            out += [part] if part else []
            part = (depth, line)
        if not goes_on:
            out.append(part)
            part = None
    out += [part] if part else []
    return "".join((">" * depth + " " if depth else "") + line + "\n" for depth, line in out)


def main(path, what):
    with open(path, "rb") as f:
        mail = email.message_from_binary_file(f, policy=email.policy.default)
    faults = [d for p in mail.walk() for d in p.defects]
    if faults:
        sys.exit(f"defects: {faults}")
    parts = {p["Content-ID"]: p for p in mail.walk() if p["Content-ID"]}
    by_type = {p.get_content_type(): p for p in mail.walk()}
    if what == "pictures":
        for cid in re.findall(r"cid:([^\"')\s>&]+)", by_type["text/html"].get_content()):
            p = parts[f"<{cid}>"]
            print(p.get_filename(), p.get_content_type(), p.get_content().decode())
        return
    plain = by_type["text/plain"]
    text = plain.get_content().replace("\r\n", "\n")
    if what == "text" and plain["Content-Type"].params.get("format") == "flowed":
        text = flowed(text)
    sys.stdout.write(text)


main(*sys.argv[1:])
