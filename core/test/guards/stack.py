"""Holds that no function of the core takes much stack (row K13): compiles each source for size and reads
what the compiler says of its frames.

usage: stack.py FOLDER-OF-CORE COMPILER   (--self-test behind them: sees that it can fail)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

LIMIT = 4096
LAYERS = ("base", "codec", "mime", "smtp", "auth", "port", "tls", "session")


def frames(core, compiler, sources):
    """Rows (bytes, kind, where) of every function."""
    found = []
    includes = [f"-I{core}/{d}" for d in ("include", ".", *LAYERS)]
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            out = pathlib.Path(folder) / "x.o"
            subprocess.run([compiler, "-std=c11", "-Os", "-fstack-usage", *includes, "-c", str(source),
                            "-o", str(out)], check=True)
            for line in out.with_suffix(".su").read_text().splitlines():
                where, size, kind = line.split("\t")
                found.append((int(size), kind, re.sub(r"^.*/core/", "core/", where)))
    return found


def faults(rows):
    return [f"{where}: a frame of {size} bytes ({kind}), more than {LIMIT} or without a bound"
            for size, kind, where in rows if size >= LIMIT or kind == "dynamic"]


def self_test(core, compiler):
    with tempfile.TemporaryDirectory() as folder:
        seed = pathlib.Path(folder) / "seed.c"
        for body in ("char p[5000]; use(p);", "char p[n]; use(p);"):
            seed.write_text(f"void use(char *p); void f(unsigned n);\nvoid f(unsigned n) {{ (void)n; {body} }}\n")
            if not faults(frames(core, compiler, [seed])):
                sys.exit(f"not seen: {body}")
    print("the guard sees seeded faults")


def main(core, compiler, *rest):
    if rest:
        return self_test(core, compiler)
    sources = [s for layer in LAYERS for s in sorted(pathlib.Path(core, layer).glob("*.c"))]
    rows = frames(core, compiler, sources)
    wrong = faults(rows)
    print("\n".join(wrong) or f"{len(rows)} functions, the largest frame {max(rows)[0]} bytes")
    return sys.exit(1 if wrong else 0)


main(*sys.argv[1:])
