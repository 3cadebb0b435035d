#!/usr/bin/env python3
"""An independent judge of domains that are not ASCII: Python's idna package (IDNA2008, RFC 5891).

usage: judge_letters.py PROGRAM      PROGRAM is judge_letters.c built

Every code point on its own, and random labels of several scripts. Two things are held: what posta
refuses without tables (row G04) no domain may have, and the A-labels are the judge's. Two differences
are known and fair: rules of context (CONTEXTO) are for who registers a name, not who looks it up
(RFC 5891 5.4), and libidn2 may be of an older Unicode, and then refuses what it does not know.
"""
import os
import random
import subprocess
import sys
import unicodedata

SYSTEM = "/usr/bin/python3"
try:
    import idna
    from idna import idnadata
    from idna.intranges import intranges_contain
except ImportError:
    if os.path.realpath(sys.executable) == os.path.realpath(SYSTEM):
        sys.exit("python3-idna is needed (Debian: python3-idna)")
    os.execv(SYSTEM, [SYSTEM, "-B"] + sys.argv)  # Debian's package is for Debian's Python

random.seed(6)
ALPHABETS = ["abcxyz019-", "äöüßñéøæþð", "άαβγδεζς", "абвгджз", "אבגדה", "ابتثج٠١", "देवनागरी", "例子测试語", "かなカナー", "한국어",
             "ÄÖΑБ", "\u0301\u0308\u200c\u200d\u00b7\u30fb", "ıſİ\u212a"]


def is_in(table, cp):
    return intranges_contain(cp, idnadata.codepoint_classes[table])


def is_known(text):
    """Both have tables for these: younger characters are told apart by a version of Unicode."""
    return all(unicodedata.category(c) != "Cn" for c in text)


def has_context_rule(text):
    return any(is_in("CONTEXTO", ord(c)) for c in unicodedata.normalize("NFC", text))


def judged(domain):
    small = "".join(c.lower() if c < "\x80" else c for c in domain)
    try:
        return idna.encode(unicodedata.normalize("NFC", small)).decode()
    except (idna.IDNAError, UnicodeError, IndexError):
        return None


def is_valid_char(cp):
    return any(is_in(t, cp) for t in ("PVALID", "CONTEXTJ", "CONTEXTO"))


def alone():
    for cp in range(0x80, 0x110000):
        if 0xD800 <= cp < 0xE000 or (0x30000 <= cp < 0xE0000 and cp % 97) or (cp >= 0xE0200 and cp % 97):
            continue
        yield "a" + chr(cp) + "b.x"


def mixed():
    for _ in range(20000):
        labels = []
        for _ in range(random.randint(1, 3)):
            pool = random.choice(ALPHABETS) + (random.choice(ALPHABETS) if random.random() < 0.4 else "")
            labels.append("".join(random.choice(pool) for _ in range(random.choice([1, 2, 3, 5, 8, 20]))))
        domain = ".".join(labels)
        # an ASCII label like r3---sn is in use, whatever IDNA says of it
        is_odd = any(s.isascii() and s[2:4] == "--" for s in labels)
        if len(domain.encode()) < 250 and not domain.isascii() and not is_odd:
            yield domain


def main(program):
    single = list(alone())
    given = single + list(mixed())
    out = subprocess.run([program], input="".join(d.encode().hex() + "\n" for d in given), stdout=subprocess.PIPE,
                         encoding="utf-8", check=True).stdout.splitlines()
    bad, good, refused = [], 0, 0
    assert len(out) == len(given)
    built = out[0] != "+!not built" and not any(line.endswith("!not built") for line in out[:3000])
    for at, (domain, line) in enumerate(zip(given, out)):
        stands, made, is_single = line[0] == "+", line[1:], at < len(single)
        if not stands and is_single and is_valid_char(ord(domain[1])):
            bad.append((domain, "is refused without IDNA, and may be in a domain", made))
        if not built or not is_known(domain):
            continue
        if is_single and made.endswith("IDNA does not know"):
            continue
        # What looks like a dot or a letter is refused before anything is composed to it.
        want, made = judged(domain) if stands else None, None if made.startswith("!") else made
        if not stands and made is not None:
            bad.append((domain, "is refused without IDNA, taken by it", made))
        if made != want and not (want is None and has_context_rule(domain)):
            bad.append((domain, f"should be {want}", line))
        good, refused = good + (made is not None), refused + (made is None)
    for domain, why, line in bad[:40]:
        print(" ".join(f"{ord(c):04X}" for c in domain), why, line)
    print(f"{len(given)} domains, IDNA {'asked' if built else 'not built'}: {good} taken, {refused} refused, "
          f"{len(bad)} wrong")
    if built and (good < 5000 or refused < 5000):
        return 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
