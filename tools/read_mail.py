#!/usr/bin/env python3
"""read_mail.py [--json] [--strict] FILE: a mail as Python's `email` reads it.

Prints who, what and when, then the tree of parts: type, charset, file name, Content-ID, decoded
size, SHA-256, first line of the text. It is the independent judge of what posta composes, so it
ends with 1 when the parser found any defect. --strict also takes for defects what the parser
forgives: bare CR or LF, NUL, lines over 998 octets, 8-bit octets in the header.
"""
import argparse
import hashlib
import json
import re
import sys
from email import message_from_bytes, policy

SHOWN = ("From", "To", "Cc", "Subject", "Date")


def read_headers(part, path, defects):
    """Every field as {name, value[, addresses]}; a value that cannot be read is a defect."""
    fields = []
    for name, raw in part.raw_items():
        try:
            value = part.policy.header_fetch_parse(name, raw)
            found = list(getattr(value, "defects", ()))
            field = {"name": name, "value": str(value)}
            if hasattr(value, "addresses"):
                field["addresses"] = [
                    {"name": a.display_name, "address": a.addr_spec} for a in value.addresses]
        except Exception as fault:              # the parser itself fell over this field
            found, field = [fault], {"name": name, "value": raw}
        defects += [f"{path}: {name}: {type(d).__name__}: {d}" for d in found]
        fields.append(field)
    return fields


def decode_text(part, octets, path, defects):
    charset = part.get_content_charset("us-ascii")
    try:
        return octets.decode(charset)
    except (LookupError, UnicodeDecodeError) as fault:
        defects.append(f"{path}: text is not {charset}: {fault}")
        return octets.decode("utf-8", "replace")


def read_part(part, path, parts, defects):
    fields = read_headers(part, path, defects)
    row = {"path": path, "type": part.get_content_type(), "params": {}, "disposition": None,
           "filename": None, "cid": None, "size": 0, "sha256": None, "fields": fields}
    try:
        if part["content-type"] is not None:
            row["params"] = dict(part["content-type"].params)
        row["disposition"] = part.get_content_disposition()
        row["filename"] = part.get_filename()
        cid = part["content-id"]
        row["cid"] = str(cid).strip().strip("<>") if cid is not None else None
    except Exception as fault:
        defects.append(f"{path}: {type(fault).__name__}: {fault}")
    parts.append(row)
    if part.is_multipart():
        octets = b"".join(inner.as_bytes() for inner in part.get_payload()) \
            if row["type"] == "message/rfc822" else b""
    else:
        octets = part.get_payload(decode=True) or b""
        if part.get_content_maintype() == "text":
            row["text"] = decode_text(part, octets, path, defects)
    row["size"], row["sha256"] = len(octets), hashlib.sha256(octets).hexdigest()
    defects += [f"{path}: {type(d).__name__}: {d}".rstrip(": ") for d in part.defects]
    if part.is_multipart():
        for n, inner in enumerate(part.get_payload(), 1):
            read_part(inner, f"{path}.{n}", parts, defects)


def strict_defects(octets):
    head = re.split(rb"\r?\n\r?\n", octets, maxsplit=1)[0]
    longest = max(len(line) for line in octets.split(b"\r\n"))
    rules = [(re.search(rb"(?<!\r)\n", octets), "bare LF"),
             (re.search(rb"\r(?!\n)", octets), "bare CR"), (b"\0" in octets, "NUL"),
             (longest > 998, f"a line of {longest} octets"),
             (re.search(rb"[\x80-\xff]", head), "8-bit octets in the header")]
    return [f"octets: {text}" for broken, text in rules if broken]


def show(document):
    top = document["headers"]
    for name in SHOWN:
        for field in top:
            if field["name"].lower() == name.lower():
                print(f"{name + ':':9}{printable(field['value'])}")
    print()
    for row in document["parts"]:
        words = [row["type"]]
        if "charset" in row["params"]:
            words.append(f"charset={row['params']['charset']}")
        if row["disposition"]:
            words.append(row["disposition"])
        if row["filename"] is not None:
            words.append(f'"{row["filename"]}"')
        if row["cid"]:
            words.append(f"<{row['cid']}>")
        if not row["type"].startswith("multipart/"):
            words += [f"{row['size']} octets", f"sha256 {row['sha256'][:12]}"]
        text = row.get("text", "").strip()
        if text:
            words.append("| " + text.splitlines()[0][:60])
        print("  " * row["path"].count(".") + row["path"], printable("  ".join(words)))
    for text in document["defects"]:
        print("defect:", printable(text))


def printable(text):
    return "".join(ch if ch.isprintable() else "?" for ch in text)


def main():
    parser = argparse.ArgumentParser(description="Show a mail as Python's email package reads it.")
    parser.add_argument("file")
    parser.add_argument("--json", action="store_true", help="a JSON document instead of the text")
    parser.add_argument("--strict", action="store_true",
                        help="octets that mail forbids are defects")
    options = parser.parse_args()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        with open(options.file, "rb") as file:
            octets = file.read()
    except OSError as fault:
        sys.exit(f"read_mail.py: {options.file}: {fault.strerror}")
    parts, defects = [], strict_defects(octets) if options.strict else []
    read_part(message_from_bytes(octets, policy=policy.default), "1", parts, defects)
    headers = parts[0]["fields"]
    document = {"headers": headers, "parts": parts, "defects": defects}
    if options.json:
        json.dump(document, sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        show(document)
    sys.exit(1 if defects else 0)


if __name__ == "__main__":
    main()
