#!/usr/bin/env python3
"""demo_check.py FOLDER: is the demo's mail whole? Reads tools/read_mail.py --json from stdin.

Wants text, HTML, an inline picture and two attachments, none empty. A part whose file name is that of
a file under FOLDER must have that file's octets.
"""
import hashlib
import json
import pathlib
import sys


def faults_of(mail, folder):
    parts = [p for p in mail["parts"] if not p["type"].startswith("multipart/")]
    attached = [p for p in parts if p["disposition"] == "attachment"]
    wanted = [
        ("a text", any(p["type"] == "text/plain" and p not in attached for p in parts)),
        ("an HTML text", any(p["type"] == "text/html" and p not in attached for p in parts)),
        ("a picture inside the HTML", any(p["type"].startswith("image/") and p["cid"] for p in parts)),
        ("two attachments", len(attached) >= 2),
    ]
    faults = [f"{what} is missing" for what, there in wanted if not there]
    faults += [f"part {p['path']} is empty" for p in parts if p["size"] == 0]
    compared = 0
    for part in parts:
        found = [path for path in sorted(folder.rglob("*")) if path.name == part["filename"]]
        for path in found[:1]:
            compared += 1
            if hashlib.sha256(path.read_bytes()).hexdigest() != part["sha256"]:
                faults.append(f"part {part['path']}: not the octets of {path}")
    return faults, len(parts), compared


def main():
    faults, count, compared = faults_of(json.load(sys.stdin), pathlib.Path(sys.argv[1]))
    for line in faults:
        print(line)
    print(f"{count} parts, {compared} compared with their files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
