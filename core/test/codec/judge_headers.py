#!/usr/bin/env python3
"""An independent judge: Python's email package reads back the header fields that the codec writes.

usage: judge_headers.py [PROGRAM]    PROGRAM is judge_headers.c built; without it, it is built with cc
"""
import email.header
import email.policy
import email.utils
import glob
import os
import random
import subprocess
import sys
import tempfile
from email.parser import BytesParser

HERE = os.path.dirname(os.path.abspath(__file__))
CORE = os.path.dirname(os.path.dirname(HERE))
random.seed(20)
WORDS = ["word", "Zażółć", "gęślą", "日本語", "😀", "a", "report", "=?utf-8?q?x?=", "(x)", "a@b", "100%", "it's",
         "x" * 90, "é", "and", "Ω", '"q"', "\\", ",", ";", "_", "?", "=", "."]


def build():
    program = os.path.join(tempfile.mkdtemp(), "judge_headers")
    sources = glob.glob(CORE + "/base/*.c") + glob.glob(CORE + "/codec/*.c") + [HERE + "/judge_headers.c"]
    subprocess.run(["cc", "-std=c11", "-O1", "-I", CORE + "/include", "-o", program] + sources, check=True)
    return program


def text(most, glue=(" ", " ", " ", "", "  ")):
    return "".join(random.choice(WORDS) + random.choice(glue) for _ in range(random.randint(1, most))).strip()


def quote(name):
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def cases():
    for _ in range(3000):
        yield "S", text(14), None
        name = text(5, (" ", "", "-")).replace("/", "")
        while len(name.encode()) > 250:
            name = name[: len(name) // 2]
        yield "F", name.strip() + random.choice(["", ".pdf", ".tar.gz"]), None
        yield "T", name.strip() + random.choice(["", ".txt"]), None
        boxes = [(text(4, (" ",)), random.choice(["a@b.org", "very.long.local.part@mail.example.org"]))
                 for _ in range(random.randint(1, 6))]
        yield "A", ", ".join(f"{quote(n)} <{a}>" for n, a in boxes), boxes


def decode_words(value):
    """RFC 2047 words inside a quoted parameter, as mail readers take them."""
    return str(email.header.make_header(email.header.decode_header(value)))


def judge(kind, given, want, raw):
    for line in raw.split(b"\r\n"):
        if len(line) > 998 or (b"=?utf-8?" in line and len(line) > 76):
            return "a line is too long"
    message = BytesParser(policy=email.policy.default).parsebytes(raw + b"\r\n")
    if list(message.keys()) != [raw.split(b":")[0].decode()]:
        return "not exactly one field"
    if kind == "S":
        got = str(message["Subject"])
        return None if got == given else f"read as {got!r}"
    if kind == "F":
        got = message.get_filename()  # takes the quotes off a second time, if the name has them itself
        return None if got in (given, email.utils.unquote(given)) else f"read as {got!r}"
    if kind == "T":
        compat = BytesParser(policy=email.policy.compat32).parsebytes(raw + b"\r\n")
        got = decode_words(compat.get_param("name"))
        if compat.get_param("charset") != "utf-8":
            return "charset is lost"
        return None if got == given else f"read as {got!r}"
    if [a.addr_spec for a in message["To"].addresses] != [address for _, address in want]:
        return "other addresses"
    # The newer parser puts a space between the encoded words of a name; the older one joins them, as it must.
    old = BytesParser(policy=email.policy.compat32).parsebytes(raw + b"\r\n")
    got = [(decode_words(name), address) for name, address in email.utils.getaddresses([old["To"]])]
    return None if got == want else f"read as {got!r}"


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else build()
    rows = list(cases())
    sent = "".join(f"{kind} {given.encode().hex()}\n" for kind, given, _ in rows)
    answer = subprocess.run([program], input=sent, capture_output=True, text=True, check=True).stdout.split("\n")
    wrong = 0
    for (kind, given, want), line in zip(rows, answer):
        why = "refused" if line == "-" else judge(kind, given, want, bytes.fromhex(line))
        if why is None:
            continue
        wrong += 1
        if wrong <= 10:
            print(f"{kind} {given!r}: {why}")
            print("   ", bytes.fromhex(line) if line != "-" else "")
    print(f"judge_headers: {len(rows)} fields read back by Python's email, {wrong} wrong")
    return 1 if wrong else 0


sys.exit(main())
