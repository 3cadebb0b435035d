#!/usr/bin/env python3
"""Reads what random_trees composed with Python's email and compares it with what was given.

    judge.py OUTDIR      every OUTDIR/*.eml against the .json beside it

Structure, decoded octets, file names, addresses and texts must be equal, no parser may find a defect, and
every line must keep the law: RFC 5322 2.1.1, RFC 2047 2, RFC 2045 6.
"""
import email
import email.header
import email.headerregistry
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

ENCODINGS = ("7bit", "8bit", "binary")


def check_lines(raw, bits):
    """What goes as binary may be anything; else RFC 5322 2.1.1, and ASCII where nothing says otherwise."""
    if bits == "binary":
        return
    if b"\0" in raw:
        raise Wrong("NUL")
    if re.search(rb"\r(?!\n)|(?<!\r)\n", raw):
        raise Wrong("a bare CR or LF")
    if not raw.endswith(b"\r\n"):
        raise Wrong("does not end with a line end")
    for line in raw.split(b"\r\n"):
        if len(line) > 998:
            raise Wrong(f"a line of {len(line)} octets")
    if bits == "7bit" and any(c >= 0x80 for c in raw):
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


def check_parameters(part, expected):
    found = {}
    for name, value in part.get_params(unquote=True)[1:]:
        if isinstance(value, tuple):
            value = email.utils.collapse_rfc2231_value(value)
        if name not in ("name", "charset", "boundary", "type"):
            found[name] = value
    want("parameters", found, expected)


def check_said(part, e):
    """What is said about a part, be it a leaf or not."""
    want("type", part.get_content_type(), e["type"])
    want("charset", part.get_param("charset"), charset_of(e))
    want("disposition", part.get_content_disposition(), e["disposition"])
    cid = part["content-id"]
    want("Content-ID", cid and str(cid), e["cid"] and f"<{e['cid']}>")
    language = part["content-language"]
    want("Content-Language", language and str(language), e["language"])
    check_name(part, e["name"])
    check_parameters(part, e["parameters"])
    for key, name in (("description", "content-description"), ("header", "x-part")):
        if e[key] is None:
            want(name, part[name], None)
        else:
            check_text(part, name, e[key])


def check_encoded(part):
    """RFC 2045 6: an encoding is what it says. Gives what the multipart over it has to say."""
    encoding = str(part["content-transfer-encoding"])
    # get_payload() would decode octets above 127
    payload = part._payload.encode("ascii", "surrogateescape")
    if encoding in ("base64", "quoted-printable"):
        if max(map(len, payload.split(b"\r\n"))) > 76:
            raise Wrong(f"a line of {encoding} over 76")
        return "7bit"
    if encoding == "binary":
        return encoding
    if any(c >= 0x80 for c in payload):
        want("encoding of octets above 127", encoding, "8bit")
        return "8bit"
    return "7bit"


def check_leaf(part, e, is_root):
    check_said(part, e)
    expected = bytes.fromhex(e["octets"])
    got = part.get_payload(decode=True)
    if got == expected + b"\r\n" and is_root and e["is_text"] and not expected.endswith(b"\n"):
        return
    if got != expected:
        at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
        raise Wrong(f"{e['type']}: octets differ at {at}: got {got[at:at+30]!r} of {len(got)}, "
                    f"expected {expected[at:at+30]!r} of {len(expected)}")


def without_single(e):
    """Of an intention the expectation always has the mixed; with one child it is left out (H18)."""
    if e.get("by_intention") and len(e["parts"]) == 1:
        return e["parts"][0]
    return e


def check_tree(part, e, is_root):
    """Answers the worst encoding in it, which the multipart over it has to say: RFC 2045 6.2."""
    check_defects(part)
    e = without_single(e)
    if "message" in e:
        check_said(part, e)
        want("messages", len(part.get_payload()), 1)
        bits = check_message(part.get_payload(0), e["message"])
        want("encoding of a message", str(part["content-transfer-encoding"]), bits)
        return bits
    if "parts" not in e:
        if part.is_multipart():
            raise Wrong(f"{part.get_content_type()} in place of {e['type']}")
        check_leaf(part, e, is_root)
        return check_encoded(part)
    if "description" in e:
        check_said(part, e)
    want("type", part.get_content_type(), e["type"])
    children = part.get_payload()
    want("children", len(children), len(e["parts"]))
    if "root" in e:
        want("root's type", part.get_param("type"), without_single(e["parts"][0])["type"])
    want("preamble", part.preamble, None)
    if part.epilogue not in (None, ""):
        raise Wrong(f"epilogue {part.epilogue!r}")
    bits = [check_tree(c, x, False) for c, x in zip(children, e["parts"])]
    worst = max(bits, key=ENCODINGS.index)
    want("encoding of a multipart", str(part["content-transfer-encoding"] or "7bit"), worst)
    return worst


def part_heads(part, raw):
    """The header blocks inside multiparts, found by the boundary lines in the octets."""
    for p in part.walk():
        boundary = p.get_boundary()
        if boundary:
            for piece in raw.split(b"--" + boundary.encode() + b"\r\n")[1:]:
                yield head_of(piece)


def check_typed(message, expected):
    for name, value in expected.items():
        if value is not None:
            want(name, unparsed(message, name), value)


def check_message(message, expected):
    for key in ("from", "sender", "reply-to", "to", "cc", "disposition-notification-to"):
        check_addresses(message, key, expected[key])
    if "subject" in expected:
        check_text(message, "subject", expected["subject"])
    else:
        want("subject", message["subject"], None)
    for name, value in expected["headers"]:
        check_text(message, name, value)
    check_typed(message, expected["typed"])
    want("date", message["date"].datetime.timestamp(), 1764000000.0)
    if not re.fullmatch(r"<[0-9a-f]{32}@\S+>", str(message["message-id"])):
        raise Wrong(f"Message-ID {message['message-id']!r}")
    names = [k.lower() for k in message.keys()]
    want("fields twice", sorted(names), sorted(set(names)))
    return check_tree(message, expected["tree"], True)


FIELDS = email.headerregistry.HeaderRegistry()
FIELDS.map_to_type("disposition-notification-to", email.headerregistry.UniqueAddressHeader)


def judge(raw, expected):
    policy = email.policy.default.clone(header_factory=FIELDS)
    message = email.message_from_bytes(raw, policy=policy)
    for block in (head_of(raw), *part_heads(message, raw)):
        check_head(block)
    if b"secret.example" in raw or b"Hidden" in raw:
        raise Wrong("Bcc in the text")
    bits = check_message(message, expected)
    check_lines(raw, bits)
    if (bits == "8bit" and not expected["may_8bit"]) or (bits == "binary" and not expected["may_binary"]):
        raise Wrong(f"{bits}, though it was not allowed")


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
