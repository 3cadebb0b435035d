#!/usr/bin/env python3
"""Guard: what the objects call, keep and show.

    symbols.py objects OBJECT...       paths hold core/LAYER/FILE.c.o; calls of the freestanding layers,
                                       names, and that nothing writable is kept between calls
    symbols.py library LIB.so HEADER...   only posta_noun_verb is visible, and all that headers promise
    symbols.py module [--alone] CORE.so   only luaopen_posta_core and posta_preload are visible, and no
                                       part of the core is left outside; --alone: nor any of mbedTLS
    symbols.py --self-test CC          seeds one violation of each kind and wants it caught
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import layers

LIBC = {"memcpy", "memmove", "memset", "memcmp", "memchr", "strlen"}
# What compilers put in by themselves: PIC, stack protector, memcmp() == 0 as bcmp, arithmetic of small
# machines, the fortified forms of LIBC.
HELPERS = re.compile(r"^(_GLOBAL_OFFSET_TABLE_|__stack_chk_(fail|guard)(_local)?|bcmp|__aeabi_\w+|"
                     r"__(u?div|u?mod|mul|ashl|ashr|lshr|ctz|clz|popcount|bswap)[a-z]*i[234]?|"
                     r"__(memcpy|memmove|memset)_chk|__x86\.get_pc_thunk\.\w+)$")
PRIVATE_OR_PUBLIC = re.compile(r"^posta_")
PUBLIC = re.compile(r"^posta_[^_]")
PROMISE = re.compile(r"\bPOSTA_API\b[^;{}()]*?\b(posta_\w+)\s*\(")
# What may outlive a call: the one watcher of the process, how often it was forked, and whether mbedTLS
# was started, with its lock.
KEPT = {("port", "watcher.c.o", "the"), ("port", "fork.c.o", "forks"),
        ("tls", "mbed.c.o", "lock"), ("tls", "mbed.c.o", "is_started")}
OF_MBEDTLS = re.compile(r"^(mbedtls|psa)_")
MODULE = {"luaopen_posta_core", "posta_preload"}


def nm(path, *options):
    """Rows (name, type letter, section) of one object or library."""
    out = subprocess.run(["nm", "--format=sysv", *options, str(path)], check=True,
                         stdout=subprocess.PIPE, universal_newlines=True).stdout
    rows = []
    for line in out.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) == 7 and cells[0] != "Name":
            rows.append((cells[0].split("@")[0], cells[2], cells[6]))
    return rows


def layer_of(path):
    found = re.search(r"core/(\w+)/[^/]+\.o(bj)?$", str(path).replace("\\", "/"))
    return found.group(1) if found and found.group(1) in layers.BELOW else None


def check_objects(paths):
    faults, home, rows = [], {}, {}
    for path in paths:
        if layer_of(path) is None:
            faults.append(f"{path}: of no layer")
            continue
        rows[path] = nm(path)
        for name, kind, section in rows[path]:
            if kind.isupper() and kind not in "UW":
                home[name] = layer_of(path)
    for path in rows:
        layer, short = layer_of(path), "/".join(pathlib.Path(path).parts[-2:])
        for name, kind, section in rows[path]:
            if kind in "Uw" and layer in layers.FREESTANDING:
                if name in LIBC or HELPERS.match(name):
                    continue
                if name not in home:
                    faults.append(f"{short}: calls {name}: {layer} is freestanding")
                elif not layers.may_see(layer, home[name]):
                    faults.append(f"{short}: calls {name} of {home[name]}, which is not below {layer}")
            elif kind.isupper() and kind not in "UW" and not PRIVATE_OR_PUBLIC.match(name):
                faults.append(f"{short}: shows {name}: not posta_ nor posta__")
            writable = re.match(r"\.(t?data|t?bss)(?!\.rel\.ro)", section) or section == "*COM*"
            kept = (layer, pathlib.Path(path).name, name.split(".")[0]) in KEPT
            if writable and kind in "bBdDC" and not kept:
                faults.append(f"{short}: {name} is writable and outlives the call")
    return faults


def promised(headers):
    return {name for h in headers for name in PROMISE.findall(pathlib.Path(h).read_text())}


def check_library(path, headers):
    visible = {name for name, kind, _ in nm(path, "-D", "--defined-only") if kind != "A"}
    faults = [f"{path}: shows {name}" for name in sorted(visible) if not PUBLIC.match(name)]
    faults += [f"{path}: {name} is promised in a header and not there"
               for name in sorted(promised(headers) - visible)]
    if not visible:
        faults.append(f"{path}: shows nothing")
    return faults


def needed(path):
    """The shared libraries that this one asks for."""
    out = subprocess.run(["readelf", "--dynamic", "--wide", str(path)], check=True,
                         stdout=subprocess.PIPE, universal_newlines=True,
                         env={**os.environ, "LC_ALL": "C"}).stdout
    return re.findall(r"\(NEEDED\).*\[(.+)\]", out)


def check_module(path, alone=False):
    visible = {name for name, kind, _ in nm(path, "-D", "--defined-only") if kind != "A"}
    wanted = {name for name, kind, _ in nm(path, "-D", "--undefined-only")}
    faults = ([f"{path}: shows {name}" for name in sorted(visible - MODULE)]
              + [f"{path}: {name} of ours is not inside" for name in sorted(wanted)
                 if PRIVATE_OR_PUBLIC.match(name)]
              + [f"{path}: {name} is missing" for name in sorted(MODULE - visible)])
    if alone:
        faults += [f"{path}: needs {lib}" for lib in needed(path) if lib.startswith("libmbed")]
        faults += [f"{path}: {name} of mbedTLS is not inside" for name in sorted(wanted)
                   if OF_MBEDTLS.match(name)]
    return faults


OBJECT_SEEDS = [
    ("mime", "void *malloc(unsigned long); void *posta_s(void) { return malloc(9); }", "calls malloc"),
    ("codec", "int toupper(int); int posta_s(void) { return toupper(9); }", "calls toupper"),
    ("codec", "int posta__mime(void); int posta_s(void) { return posta__mime(); }", "of mime"),
    ("smtp", "int posta__mime(void); int posta_s(void) { return posta__mime(); }", "of mime"),
    ("base", "int shown(void) { return 1; }", "shows shown"),
    ("port", "int shown(void) { return 1; }", "shows shown"),
    ("auth", "int posta_s(void) { static int n; return ++n; }", "writable"),
    ("session", "int posta__n = 3; int posta_s(void) { return ++posta__n; }", "writable"),
]
FAIR = """const char *const posta__words[] = {"a", "b"};
int posta__mime(void); int posta__mime(void) { return posta__words[0][0]; }"""


def build(cc, where, name, text, *flags):
    source = where / (pathlib.Path(name).name + ".c")
    source.write_text(text)
    target = where / name
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([*cc, "-fPIC", "-O1", *flags, "-o", str(target), str(source)], check=True)
    return target


def self_test(cc):
    bad = []

    def want(what, faults, wanted):
        hits = [f for f in faults if wanted in f]
        if (wanted and not hits) or (not wanted and faults):
            bad.append(f"NOT CAUGHT: {what}: wanted {wanted!r}, got {faults}")

    with tempfile.TemporaryDirectory() as folder:
        where = pathlib.Path(folder)
        fair = build(cc, where, "core/mime/fair.c.o", FAIR, "-c")
        want("nothing seeded", check_objects([fair]), "")
        for layer, text, wanted in OBJECT_SEEDS:
            seed = build(cc, where, f"core/{layer}/seed.c.o", text, "-c")
            want(text, check_objects([fair, seed]), wanted)
        kept = "static int the; int posta_s(void) { return ++the; }"
        want("kept", check_objects([build(cc, where, "core/port/watcher.c.o", kept, "-c")]), "")
        for name in ("core/port/other.c.o", "core/session/watcher.c.o", "core/tls/mbed.c.o"):
            want(name, check_objects([build(cc, where, name, kept, "-c")]), "writable")
        header = where / "h.h"
        header.write_text("POSTA_API int posta_a(int n);\nPOSTA_API const char *\nposta_b(void);\n")
        whole = "int posta_a(int n) { return n; } int posta_b(void) { return 1; }"
        lib = build(cc, where, "fair.so", whole, "-shared")
        want("fair library", check_library(lib, [header]), "")
        lib = build(cc, where, "leak.so", whole + " int posta__c(void) { return 1; }", "-shared")
        want("posta__ visible", check_library(lib, [header]), "shows posta__c")
        lib = build(cc, where, "less.so", "int posta_a(int n) { return n; }", "-shared")
        want("promise broken", check_library(lib, [header]), "posta_b is promised")
        whole = "int luaopen_posta_core(void) { return 1; } int posta_preload(void) { return 1; }"
        lib = build(cc, where, "core.so", whole, "-shared")
        want("fair module", check_module(lib), "")
        lib = build(cc, where, "core2.so", whole + " int posta_a(void) { return 1; }", "-shared")
        want("core visible", check_module(lib), "shows posta_a")
        half = " int posta__b(void); int posta__c(void) { return posta__b(); }"
        lib = build(cc, where, "core4.so", whole + half, "-shared")
        want("half a core", check_module(lib), "posta__b of ours is not inside")
        lib = build(cc, where, "core3.so", "int luaopen_posta_core(void) { return 1; }", "-shared")
        want("no preload", check_module(lib), "posta_preload is missing")
        whole = "int luaopen_posta_core(void) { return 1; } int posta_preload(void) { return 1; }"
        lib = build(cc, where, "core5.so", whole + " int mbedtls_a(void) { return 1; }", "-shared")
        want("mbedTLS visible", check_module(lib), "shows mbedtls_a")
        tls = build(cc, where, "libmbedseed.so", "int mbedtls_a(void) { return 1; }", "-shared",
                    "-Wl,-soname,libmbedseed.so.1")
        calls = whole.replace("return 1", "return mbedtls_a()")
        lib = build(cc, where, "core6.so", "int mbedtls_a(void);" + calls, "-shared",
                    "-Wl,--no-as-needed", str(tls))
        want("mbedTLS outside", check_module(lib), "")
        want("mbedTLS needed", check_module(lib, True), "needs libmbedseed.so.1")
        want("mbedTLS called", check_module(lib, True), "mbedtls_a of mbedTLS is not inside")
        want("alone", check_module(build(cc, where, "core7.so", whole, "-shared"), True), "")
    for line in bad:
        print(line)
    print(f"{len(OBJECT_SEEDS) + 17} cases, {len(bad)} wrong")
    return not bad


def main(args):
    if args[:1] == ["--self-test"] and len(args) > 1:
        return 0 if self_test(args[1:]) else 1
    if args[:1] == ["objects"] and len(args) > 1:
        faults = check_objects(args[1:])
    elif args[:1] == ["library"] and len(args) > 2:
        faults = check_library(args[1], args[2:])
    elif args[:1] == ["module"] and len(args) == 2:
        faults = check_module(args[1])
    elif args[:2] == ["module", "--alone"] and len(args) == 3:
        faults = check_module(args[2], True)
    else:
        print(__doc__)
        return 2
    for line in faults:
        print(line)
    print(f"{len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
