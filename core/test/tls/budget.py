"""Holds what TLS costs in memory against the table of docs/devices.md.

usage: budget.py PROGRAM COLUMN
PROGRAM (core/test/tls/budget.c) is run against tools/catch; each of its figures must be at most that of
its row in COLUMN of the table, and not less than half of it, so that the table stays true.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]


def table(column):
    rows, names = {}, None
    for line in (ROOT / "docs/devices.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if cells[0] == "budget, octets":
            names = cells
        elif names and len(cells) == len(names) and cells[names.index(column)][:1].isdigit():
            rows[cells[0]] = int(cells[names.index(column)].replace(" ", ""))
        elif names and not line.startswith("|"):
            break
    return rows


def measure(program):
    with tempfile.TemporaryDirectory() as folder:
        catch = subprocess.Popen([ROOT / "tools/catch", "0", "--tls", "--implicit", "--dir", folder],
                                 stdout=subprocess.PIPE, text=True)
        try:
            url = re.search(r"smtps://127\.0\.0\.1:\d+", catch.stdout.readline()).group()
            done = subprocess.run([program, url, f"{folder}/ca.pem"], capture_output=True, text=True,
                                  timeout=60)
        finally:
            catch.kill()
            catch.wait()
    print(done.stdout + done.stderr)
    assert done.returncode == 0, done.returncode
    return {name: int(n) for name, n in re.findall(r"^(.+): (\d+)$", done.stdout, re.M)}


def main(program, column):
    most, got = table(column), measure(program)
    assert got and set(got) == set(most), (sorted(got), sorted(most))
    wrong = [f"{name}: {got[name]}, the table has {most[name]}" for name in got
             if not most[name] / 2 <= got[name] <= most[name]]
    print("\n".join(wrong))
    print(f"{len(got) - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


sys.exit(main(*sys.argv[1:]))
