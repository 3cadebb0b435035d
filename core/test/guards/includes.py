#!/usr/bin/env python3
"""Guard: includes point down only, and the freestanding layers need no system.

    includes.py ROOT        reads ROOT/core, ROOT/bindings, ROOT/examples/c
    includes.py --self-test ROOT     seeds one violation of each kind in a copy and wants it caught
"""
import pathlib
import re
import shutil
import sys
import tempfile

import layers

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(folder):
    return sorted(p for p in folder.rglob("*") if p.suffix in (".c", ".h"))


def home_of(core, name):
    """The layer of a private header, by its bare name, "layer/x.h" or "../layer/x.h"; None: no such file."""
    name = name[3:] if name.startswith("../") else name
    for layer in layers.BELOW:
        if (core / layer / pathlib.Path(name).name).is_file():
            if "/" not in name or name.startswith(layer + "/"):
                return layer
    return None


def fault(core, layer, kind, name):
    """Why this layer may not include this, or None."""
    if name.startswith("posta/"):
        home = layers.PUBLIC.get(name[len("posta/"):])
        if home is None:
            return "is not a known public header (core/test/guards/layers.py lists them)"
        return None if layers.may_see(layer, home) else f"belongs to {home}, which is not below {layer}"
    if kind == "<":
        if layer in layers.FREESTANDING and name not in layers.FREESTANDING_HEADERS:
            return f"{layer} is freestanding"
        return None
    home = home_of(core, name)
    if home is None:
        return "is not found in any layer"
    return None if layers.may_see(layer, home) else f"belongs to {home}, which is not below {layer}"


def outside_fault(folder, kind, name):
    """The bindings and the examples live by the public headers alone."""
    if kind == "<" or name.startswith("posta/") or (folder / name).is_file():
        return None
    if name in ("lua.h", "lauxlib.h", "lualib.h", "compat-5.3.h"):
        return None
    return "only public headers are seen outside core"


def check(root):
    core, faults, read = root / "core", [], 0
    todo = [(core / layer, layer) for layer in layers.BELOW if (core / layer).is_dir()]
    for folder, layer in todo:
        for path in sources(folder):
            read += 1
            for kind, name in INCLUDE.findall(path.read_text()):
                why = fault(core, layer, kind, name)
                if why:
                    faults.append(f"{path.relative_to(root)}: {name}: {why}")
    for path in sources(core / "include"):
        read += 1
        layer = layers.PUBLIC.get(path.name)
        if layer is None:
            faults.append(f"{path.relative_to(root)}: not listed in core/test/guards/layers.py")
            continue
        for kind, name in INCLUDE.findall(path.read_text()):
            why = fault(core, layer, kind, name)
            if why:
                faults.append(f"{path.relative_to(root)}: {name}: {why}")
    for folder in (root / "bindings", root / "examples" / "c"):
        for path in sources(folder) if folder.is_dir() else ():
            read += 1
            for kind, name in INCLUDE.findall(path.read_text()):
                why = outside_fault(folder, kind, name)
                if why:
                    faults.append(f"{path.relative_to(root)}: {name}: {why}")
    strange = [d.name for d in core.iterdir() if d.is_dir()
               and d.name not in layers.BELOW and d.name not in ("include", "test", "fuzz")]
    faults += [f"core/{name}: a folder that is no layer" for name in strange]
    if read == 0:
        faults.append("nothing was read: wrong ROOT?")
    return faults, read


SEEDS = [
    ("core/base/seed.c", '#include "codec_seed.h"\n', "not below base"),
    ("core/codec/seed.c", "#include <stdio.h>\n", "freestanding"),
    ("core/codec/seed.c", "#  include  <stdlib.h>\n", "freestanding"),
    ("core/mime/seed.h", '#include "posta/engine.h"\n', "not below mime"),
    ("core/mime/seed.c", '#include "smtp/smtp_seed.h"\n', "not below mime"),
    ("core/smtp/seed.c", '#include "mime_seed.h"\n', "not below smtp"),
    ("core/mime/seed.c", '#include "../smtp/smtp_seed.h"\n', "not below mime"),
    ("core/auth/seed.c", '#include "smtp_seed.h"\n', "not below auth"),
    ("core/port/seed.c", '#include "session_seed.h"\n', "not below port"),
    ("core/smtp/seed.c", '#include "posta/port.h"\n', "not below smtp"),
    ("core/smtp/seed.c", '#include "nowhere.h"\n', "not found"),
    ("core/include/posta/base.h", '#include "posta/session.h"\n', "not below base"),
    ("core/include/posta/seed.h", "", "not listed"),
    ("core/extra/seed.c", "", "no layer"),
    ("bindings/seed.c", '#include "base_seed.h"\n', "only public"),
]


def self_test(root):
    caught = 0
    for path, text, wanted in SEEDS:
        with tempfile.TemporaryDirectory() as where:
            copy = pathlib.Path(where)
            for part in ("core", "bindings"):
                shutil.copytree(root / part, copy / part)
            for layer in layers.BELOW:
                (copy / "core" / layer).mkdir(exist_ok=True)
                (copy / "core" / layer / f"{layer}_seed.h").write_text("")
            before = check(copy)[0]
            seed = copy / path
            seed.parent.mkdir(parents=True, exist_ok=True)
            old = seed.read_text() if seed.exists() else ""
            seed.write_text(old + text)
            new = [f for f in check(copy)[0] if f not in before]
            if len(new) == 1 and wanted in new[0]:
                caught += 1
            else:
                print(f"NOT CAUGHT: {path}: {text.strip()!r}: {new}")
    print(f"{caught} seeded, {len(SEEDS) - caught} not caught")
    return caught == len(SEEDS)


def main(args):
    if len(args) == 2 and args[0] == "--self-test":
        return 0 if self_test(pathlib.Path(args[1]).resolve()) else 1
    if len(args) != 1:
        print(__doc__)
        return 2
    faults, read = check(pathlib.Path(args[0]).resolve())
    for line in faults:
        print(line)
    print(f"{read} files read, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
