#!/usr/bin/env python3
"""Holds that cost grows with the input and no faster: runs `cost` under callgrind and compares, row by row, the
instructions for ten times the input with those for one.

    cost.py PROGRAM OUTDIR      ends with 1 when a row costs more than twelve times as much

Instructions are counted, so nothing hangs on the machine's load.
"""
import pathlib
import re
import subprocess
import sys

MOST = 12.0
FEWEST_ROWS = 100


def measure(program, out):
    out.mkdir(parents=True, exist_ok=True)
    for old in out.glob("callgrind.*"):
        old.unlink()
    subprocess.run(["valgrind", "-q", "--tool=callgrind", "--collect-atstart=no", "--combine-dumps=no",
                    f"--callgrind-out-file={out}/callgrind", program], check=True, stdout=subprocess.DEVNULL)
    rows = {}
    for path in out.glob("callgrind*"):
        text = path.read_text(errors="replace")
        name = re.search(r"^desc: Trigger: Client Request: (\d+) (.*)$", text, re.M)
        total = re.search(r"^(?:summary|totals): (\d+)", text, re.M)
        if name and total:
            rows.setdefault(name.group(2), {})[int(name.group(1))] = int(total.group(1))
    return rows


def main(program, out):
    rows = measure(program, out)
    wrong = 0
    print(f"{'':48} {'one':>10} {'ten times':>12}")
    for name, cost in sorted(rows.items()):
        one, ten = cost.get(1, 0), cost.get(10, 0)
        is_wrong = not one or not ten or ten > MOST * one
        wrong += is_wrong
        print(f"{name:48} {one:10} {ten:12} {ten / max(one, 1):6.2f}{'  TOO MUCH' if is_wrong else ''}")
    if len(rows) < FEWEST_ROWS:
        print(f"only {len(rows)} rows were counted")
        wrong += 1
    print(f"{len(rows) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2])))
