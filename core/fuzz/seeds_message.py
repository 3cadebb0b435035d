#!/usr/bin/env python3
"""Where fuzz_message begins: programs that it reads, each of which makes a whole message.

    seeds_message.py FOLDER
"""
import pathlib
import sys

HEAD = bytes([20])  # the window of the second reading, less 8
PART = {"text": 0, "html": 1, "inline": 2, "attach": 3, "calendar": 4, "multipart": 5, "enclose": 6, "leaf": 7}
DATA, SLOT, ONCE, UNKNOWN, SOURCE = 0, 4, 5, 6, 7


def s(text):
    return text.encode() + b"\xff"


def field(setter, first="", second="", which=0):
    return bytes([0, setter, which]) + s(first) + s(second)


def part(what, place=0, body=None, how=DATA, times=0, behind=b"", **options):
    """`options` in the order in which they are read."""
    bits = {"name": 1, "type": 2, "charset": 4, "cid": 8, "text": 16}
    out = bytes([6, PART[what], sum(bits[o] for o in options)]) + b"".join(s(v) for v in options.values())
    out += bytes([place])
    if body is not None:
        out += bytes([how, len(body), times]) + body
    return out + behind


def add(to, child):
    return bytes([3, to, child, 2])


def tree(root):
    return bytes([3, root, 0, 0])


def attach(p):
    return bytes([3, p, 0, 1])


TEXT = b"Hello\n\xc3\xbc = .\nFrom x\n"
PROGRAMS = {
    "text": field(2, "a subject") + part("text", body=TEXT),
    "long": part("text", body=b"a line that is long ", times=63),
    "slot": part("text", body=TEXT, how=SLOT) + part("attach", body=b"\0\1", how=ONCE, name="a.bin"),
    "related": part("html", body=b"<img src='cid:a@x'>", how=SOURCE)
    + part("inline", body=b"x", name="p.png", cid="a@x") + part("text", body=b"x"),
    "calendar": part("text", body=b"x") + part("calendar", body=b"BEGIN:VCALENDAR\n", behind=s("REQUEST")),
    "by hand": part("multipart", 0) + part("leaf", 1, TEXT, type="text/plain") + add(0, 1)
    + part("multipart", 2, type="multipart/alternative") + add(0, 2)
    + part("leaf", 3, b"\xff\0", UNKNOWN) + add(2, 3) + tree(0),
    "enclosed": bytes([2, 1]) + field(2, "within") + part("text", body=TEXT) + bytes([2, 0])
    + part("enclose", 1, behind=b"\0") + attach(1) + part("text", body=b"see there"),
    "typed": field(6, "a@b") + field(7, "c@d", "<e@f> <g@h>") + field(8, "https://x/?u", which=1) + field(9)
    + field(12, "a key") + part("text", body=b"x"),
    "names": field(1, "\u00c9 O'Neil", "c@x.test", which=3) + field(0, "A: b@c, D <e@f>;", which=4),
}


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, program in PROGRAMS.items():
        for how in range(4):
            (folder / f"seed {name} {how}").write_bytes(HEAD + bytes([how, 0]) + program)
    for how in range(2):
        raw = b"Subject: x\r\nX-Y: z\n fold\r\n\r\n.\nbody\r"
        (folder / f"seed raw {how}").write_bytes(HEAD + bytes([how, 7, 0, DATA, len(raw), 0]) + raw + field(13)[1:])


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
