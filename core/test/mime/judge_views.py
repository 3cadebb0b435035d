#!/usr/bin/env python3
"""Compares what other readers saw in the messages of random_trees with what was given.

    judge_views.py OUTDIR READER      every OUTDIR/*.READER.json with the .json of the message

READER is `gmime` (read_gmime.c) or `postal` (read_postal.mjs). Structure, decoded octets, names, addresses
and texts must be equal, but for what a reader is known to do differently: see QUIRKS.
"""
import json
import pathlib
import re
import sys

from judge import Wrong, charset_of, want, without_blanks, without_single

# What is the reader's doing, each seen in its source or told by its documentation:
#   line_ends     octets that are not in base64 come with LF for each line end, and one at the end
#   cuts_words    of several words in base64 only the first is decoded, where its own getters are asked
#   folded_names  a fold inside a name or a quoted string is left in it
#   bare_locals   a quoted local part loses its quotes
QUIRKS = {
    "gmime": {"cuts_words", "folded_names"},
    "postal": {"line_ends", "bare_locals"},
}


def same_text(got, expected, quirks):
    """Blanks around a whole text are nobody's to keep."""
    if got is not None and expected is not None and got != expected:
        got, expected = got.strip(" "), expected.strip(" ")
        if "cuts_words" in quirks and not expected.isascii() and got and expected.startswith(got):
            return True
    return got == expected


def check_text(what, got, expected, quirks):
    if not same_text(got, expected, quirks):
        raise Wrong(f"{what}: got {got!r}, expected {expected!r}")


def plain_address(address, quirks):
    if address and "bare_locals" in quirks:
        return address.replace('"', "")
    return address


def unfolded(name, quirks):
    if name and "folded_names" in quirks:
        return name.replace("\r\n", "")
    return name


def check_addresses(view, key, expected, quirks):
    """An empty To is `undisclosed-recipients:;`, and several in From have a Sender: judge.py looks."""
    if not expected:
        return
    want(key + "'s number", len(view[key]), len(expected))
    for got, want_it in zip(view[key], expected):
        want(key + "'s group", unfolded(got[0], quirks), want_it[0])
        want(key + "'s address", plain_address(got[2], quirks), plain_address(want_it[2], quirks))
        if want_it[1] is not None:
            check_text(key + "'s name", unfolded(got[1], quirks), want_it[1], quirks)


def check_octets(part, e, is_root, quirks):
    got, expected = bytes.fromhex(part["octets"]), bytes.fromhex(e["octets"])
    encoding = part["headers"].get("content-transfer-encoding")
    if "line_ends" in quirks and encoding == "binary":
        # it reads lines, and its lines end at LF only
        got, expected = (re.sub(rb"[\r\n]", b"", x) for x in (got, expected))
    elif "line_ends" in quirks and encoding != "base64":
        got, expected = (re.sub(rb"\r\n|\r|\n", b"\n", x).rstrip(b"\n") for x in (got, expected))
    if got == expected or (is_root and e["is_text"] and got == expected + b"\r\n"):
        return
    at = next((i for i, (a, b) in enumerate(zip(got, expected)) if a != b), min(len(got), len(expected)))
    raise Wrong(f"{e['type']} in {encoding}: octets differ at {at}: got {got[at:at+30]!r} of {len(got)}, "
                f"expected {expected[at:at+30]!r} of {len(expected)}")


def check_said(part, e, quirks):
    want("type", part["type"], e["type"])
    want("disposition", part["disposition"], e["disposition"])
    want("Content-ID", part["cid"], e["cid"])
    given = {k: v for k, v in part["parameters"].items() if k}
    want("charset", given.pop("charset", None), charset_of(e))
    check_text("name", given.pop("name", None), e["name"], quirks)
    check_text("file name", part["filename"], e["name"], quirks)
    given.pop("boundary", None)
    given.pop("type", None)
    want("parameters", given, e["parameters"])
    headers = part["headers"]
    want("Content-Language", headers.get("content-language"), e["language"])
    check_text("Content-Description", headers.get("content-description"), e["description"], quirks)
    check_text("X-Part", headers.get("x-part"), e["header"], quirks)


def check_tree(part, e, is_root, quirks):
    e = without_single(e)
    if part is None:
        raise Wrong(f"no part in place of {e['type']}")
    if "description" in e:
        check_said(part, e, quirks)
    want("type", part["type"], e["type"])
    if "message" in e:
        check_message(part["message"], e["message"], quirks)
        return
    if "parts" not in e:
        check_octets(part, e, is_root, quirks)
        return
    want("children", len(part["parts"]), len(e["parts"]))
    if "root" in e:
        want("root's type", part["parameters"].get("type"), without_single(e["parts"][0])["type"])
    for child, x in zip(part["parts"], e["parts"]):
        check_tree(child, x, False, quirks)


def check_message(view, e, quirks):
    for key in ("from", "sender", "reply-to", "to", "cc"):
        check_addresses(view, key, e[key], quirks)
    headers = view["headers"]
    check_text("Subject", headers.get("subject"), e.get("subject"), quirks)
    for name, value in e["headers"]:
        check_text(name, headers.get(name.lower()), value, quirks)
    for name, value in e["typed"].items():
        if value is not None:
            want(name, headers.get(name), value)
    # GMime gives the fields of the root's header block to the message, Content-... excepted
    view["tree"]["headers"] = {**headers, **view["tree"]["headers"]}
    check_tree(view["tree"], e["tree"], True, quirks)


def main(folder, reader):
    passed, failed = 0, 0
    for path in sorted(pathlib.Path(folder).glob("*.eml")):
        try:
            view = json.loads(path.with_suffix(f".{reader}.json").read_text("utf-8"))
            expected = json.loads(path.with_suffix(".json").read_text("utf-8"))
            check_message(view, expected, QUIRKS[reader])
            passed += 1
        except Exception as e:  # whatever cannot be read is a finding too
            failed += 1
            print(f"{path.name} by {reader}: {type(e).__name__}: {e}")
    print(f"{passed} passed, {failed} failed")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[2] not in QUIRKS:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
