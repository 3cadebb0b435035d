#!/usr/bin/env python3
"""Reads what random_trees composed with Python's email and compares it with what was given.

    judge.py OUTDIR      every OUTDIR/*.eml against the .json beside it

Structure, decoded octets, file names, addresses and texts must be equal, no parser may find a defect, and
every line must keep the law: RFC 5322 2.1.1, RFC 2047 2, RFC 2045 6.
"""
import email
import email.header
import email.policy
import email.utils
import json
import pathlib
import re
import sys


class Wrong(Exception):
    pass


def want(what, got, expected):
    if got != expected:
        raise Wrong(f"{what}: got {got!r}, expected {expected!r}")


# ---- lines ----

def check_lines(raw, has_8bit):
    if b"\0" in raw:
        raise Wrong("NUL")
    if re.search(rb"\r(?!\n)|(?<!\r)\n", raw):
        raise Wrong("a bare CR or LF")
    if not raw.endswith(b"\r\n"):
        raise Wrong("does not end with a line end")
    for line in raw.split(b"\r\n"):
        if len(line) > 998:
            raise Wrong(f"a line of {len(line)} octets")
    if not has_8bit and any(c >= 0x80 for c in raw):
        raise Wrong("8-bit octets that nobody declared")


def check_header_line(line):
    if any(c < 0x20 or c > 0x7e for c in line):
        raise Wrong(f"a header line with {line!r}")
    if not line.strip():
        raise Wrong("a header line of blanks")
    if b"=?" in line and b"?=" in line and re.search(rb"=\?utf-8\?[QqBb]\?[^? ]*\?=", line):
        for word in re.findall(rb"=\?utf-8\?[QqBb]\?[^? ]*\?=", line):
            if len(word) > 75:
                raise Wrong(f"an encoded word of {len(word)} octets")
        if len(line) > 76:
            raise Wrong(f"a line with an encoded word, {len(line)} octets")
    if len(line) > 78:
        # longer only where it cannot be folded: one token, a quoted string counted as one
        tokens = re.sub(rb'"(\\.|[^"\\])*"', b"Q", re.sub(rb"^[!-9;-~]+:", b"", line)).split()
        if len(tokens) > 1:
            raise Wrong(f"a header line of {len(line)} octets that could be folded: {line!r}")


def check_head(block):
    for line in block.split(b"\r\n"):
        check_header_line(line)


def head_of(octets):
    return octets.split(b"\r\n\r\n", 1)[0]


# ---- fields ----

def check_addresses(message, key, expected):
    field = message[key]
    if not expected:
        if key == "to" and message["cc"] is None:
            want("To", str(field), "undisclosed-recipients:;")
        elif key == "sender" and field is not None:
            want("Sender", field.address.addr_spec, message["from"].addresses[0].addr_spec)
        else:
            want(key, field, None)
        return
    found = []
    for group in field.groups:
        if group.display_name is not None:
            found.append([group.display_name, None, None])
        for a in group.addresses:
            found.append([group.display_name, without_blanks(a.display_name), a.addr_spec])
    want(key, found, [[g, without_blanks(n), a] for g, n, a in expected])
    old = email.utils.getaddresses([unparsed(message, key)])
    names = [decoded(n) for n, a in old if a]
    want(key + "'s names", names, [n for _, n, a in expected if a])


def without_blanks(name):
    """Python's modern parser joins encoded words with a space and loses double ones (RFC 2047 6.2 says
    otherwise), so blanks are compared by its old parser alone."""
    return name and "".join(name.split())


def decoded(text):
    return str(email.header.make_header(email.header.decode_header(text)))


def unparsed(part, name):
    for key, value in part.raw_items():
        if key.lower() == name.lower():
            return re.sub(r"\r\n(?=[ \t])", "", value)
    return None


def check_text(message, name, expected):
    """Once by Python's modern parser, once by its old one, which splits and joins words on its own."""
    want(name, str(message[name]), expected)
    old = unparsed(message, name)
    parts = email.header.decode_header(old)
    text = "".join(p if isinstance(p, str) else p.decode(c or "ascii") for p, c in parts)
    want(name + " (old parser)", text.strip() if text.strip() == expected.strip() else text,
         expected.strip() if text.strip() == expected.strip() else expected)


def check_defects(part):
    if part.defects:
        raise Wrong(f"defects {part.defects!r}")
    for key, value in part.items():
        defects = [str(d) for d in getattr(value, "defects", ())]
        defects = [d for d in defects if d not in ALLOWED.get(key.lower(), ())]
        if defects:
            raise Wrong(f"{key} has defects {defects!r}")


# What mail readers in the field need and Python frowns on: an encoded word as Content-Type's name, and a
# plain file name behind the extended one (RFC 6266 D; check_fallback wants it exactly so).
ALLOWED = {
    "content-type": ("encoded word inside quoted string",
                     "missing trailing whitespace after encoded-word"),
    "content-disposition": ("duplicate parameter name; duplicate ignored",),
}


# ---- parts ----

def check_name(part, expected):
    want("file name", part.get_filename(), expected)
    if expected is None:
        return
    raw = unparsed(part, "content-type")
    match = re.search(r'; *name=("(?:\\.|[^"\\])*"|[^;]*)', raw)
    if not match:
        raise Wrong(f"no name in {raw!r}")
    value = match.group(1)
    if value.startswith('"'):
        value = re.sub(r"\\(.)", r"\1", value[1:-1])
    want("Content-Type's name", decoded(value), expected)
    check_fallback(part, expected)


def check_fallback(part, expected):
    """RFC 2231 first, a plain fall-back behind it; only where it is needed."""
    raw = unparsed(part, "content-disposition")
    if expected.isascii():
        if "filename*" in raw and len(expected) < 60:
            raise Wrong(f"an extended file name without need: {raw!r}")
        return
    if not 0 < raw.find("filename*") < raw.find("filename="):
        raise Wrong(f"no extended file name before the plain one: {raw!r}")


def charset_of(e):
    """An attachment without a charset says utf-8 only where that is true."""
    if e["charset"] != "as seen":
        return e["charset"]
    try:
        bytes.fromhex(e["octets"]).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def check_leaf(part, e, is_root):
    want("type", part.get_content_type(), e["type"])
    want("charset", part.get_param("charset"), charset_of(e))
    want("disposition", part.get_content_disposition(), e["disposition"])
    cid = part["content-id"]
    want("Content-ID", cid and str(cid), e["cid"] and f"<{e['cid']}>")
    check_name(part, e["name"])
    for key, name in (("description", "content-description"), ("header", "x-part")):
        if e[key] is None:
            want(name, part[name], None)
        else:
            check_text(part, name, e[key])
    expected = bytes.fromhex(e["octets"])
    got = part.get_payload(decode=True)
    if got == expected + b"\r\n" and is_root and e["is_text"] and not expected.endswith(b"\n"):
        return
    if got != expected:
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
        raise Wrong(f"{e['type']}: octets differ at {at}: got {got[at:at+30]!r} of {len(got)}, "
                    f"expected {expected[at:at+30]!r} of {len(expected)}")


def check_tree(part, e, is_root):
    check_defects(part)
    if "parts" not in e:
        if part.is_multipart():
            raise Wrong(f"{part.get_content_type()} in place of {e['type']}")
        check_leaf(part, e, is_root)
        return 8 if part["content-transfer-encoding"] == "8bit" else 7
    want("type", part.get_content_type(), e["type"])
    children = part.get_payload()
    want("children", len(children), len(e["parts"]))
    if e["type"] == "multipart/related":
        want("root's type", part.get_param("type"), "text/html")
    want("preamble", part.preamble, None)
    if part.epilogue not in (None, ""):
        raise Wrong(f"epilogue {part.epilogue!r}")
    bits = max(check_tree(c, x, False) for c, x in zip(children, e["parts"]))
    want("encoding of a multipart", str(part["content-transfer-encoding"] or "7bit"), f"{bits}bit")
    return bits


def part_heads(part, raw):
    """The header blocks inside multiparts, found by the boundary lines in the octets."""
    for p in part.walk():
        boundary = p.get_boundary()
        if boundary:
            for piece in raw.split(b"--" + boundary.encode() + b"\r\n")[1:]:
                yield head_of(piece)


def judge(raw, expected):
    message = email.message_from_bytes(raw, policy=email.policy.default)
    head = head_of(raw)
    check_head(head)
    for block in part_heads(message, raw):
        check_head(block)
    if b"secret.example" in raw or b"Hidden" in raw:
        raise Wrong("Bcc in the text")
    for key in ("from", "sender", "reply-to", "to", "cc"):
        check_addresses(message, key, expected[key])
    if "subject" in expected:
        check_text(message, "subject", expected["subject"])
    else:
        want("subject", message["subject"], None)
    for name, value in expected["headers"]:
        check_text(message, name, value)
    want("date", message["date"].datetime.timestamp(), 1764000000.0)
    if not re.fullmatch(r"<[0-9a-f]{32}@\S+>", str(message["message-id"])):
        raise Wrong(f"Message-ID {message['message-id']!r}")
    names = [k.lower() for k in message.keys()]
    want("fields twice", sorted(names), sorted(set(names)))
    bits = check_tree(message, expected["tree"], True)
    check_lines(raw, bits == 8)
    if bits == 8 and not expected["may_8bit"]:
        raise Wrong("8bit, though it was not allowed")


def main(folder):
    passed, failed = 0, 0
    for path in sorted(pathlib.Path(folder).glob("*.eml")):
        try:
            judge(path.read_bytes(), json.loads(path.with_suffix(".json").read_text("utf-8")))
            passed += 1
        except Exception as e:  # whatever the parser stumbles over is a finding too
            failed += 1
            print(f"{path.name}: {type(e).__name__}: {e}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
