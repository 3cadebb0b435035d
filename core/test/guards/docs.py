#!/usr/bin/env python3
"""Guard: every public function has a doc comment right above it. Usage: docs.py INCLUDE_DIR [--self-test]"""
import pathlib
import sys


def bare(text):
    """The lines of public declarations without a doc comment."""
    lines = text.split("\n")
    return [line for i, line in enumerate(lines)
            if line.startswith("POSTA_API") and not lines[i - 1].rstrip().endswith("*/")]


def main():
    files = sorted(pathlib.Path(sys.argv[1]).rglob("*.h"))
    texts = {f.name: f.read_text() for f in files}
    if "--self-test" in sys.argv:
        seeded = texts["engine.h"] + "\n\nPOSTA_API void posta_engine_seeded(posta_engine *e);\n"
        caught = len(bare(seeded)) == len(bare(texts["engine.h"])) + 1
        print("1 passed, 0 failed" if caught else "0 passed, 1 failed")
        return 0 if caught else 1
    count = sum(t.count("\nPOSTA_API") for t in texts.values())
    wrong = [f"{name}: {line}" for name, t in texts.items() for line in bare(t)]
    print("\n".join(wrong))
    print(f"{count - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong or count == 0 else 0


sys.exit(main())
