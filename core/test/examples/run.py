"""Runs an example of examples/c against tools/catch and looks at what arrived.

usage: run.py PROGRAM EXPECTED-OUTPUT MAIL-TEXT [RECIPIENTS]
PROGRAM is run twice: against the catcher, where its output must match EXPECTED-OUTPUT and the mail must
hold MAIL-TEXT, and against a port where nobody listens, where it must say so and end with 1.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]


def run(program, url, recipients):
    done = subprocess.run([program, url, "ana@example.org", *recipients], capture_output=True,
                          text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


def main(program, expected, mail_text, recipients):
    names = [f"bob{i}@example.org" for i in range(int(recipients))]
    with tempfile.TemporaryDirectory() as folder:
        catch = subprocess.Popen([ROOT / "tools/catch", "0", "--dir", folder, "--once", "1"],
                                 stdout=subprocess.PIPE, text=True)
        try:
            url = re.search(r"smtp://127\.0\.0\.1:\d+", catch.stdout.readline()).group()
            status, out = run(program, url, names)
            assert status == 0 and re.search(expected, out), (status, out)
            catch.wait(10)
        finally:
            catch.kill()
            catch.wait()
        mail = (pathlib.Path(folder) / "0001.eml").read_bytes().decode()
        envelope = (pathlib.Path(folder) / "0001.envelope").read_text()
        assert mail_text.encode().decode("unicode_escape") in mail, mail[:2000]
        assert all(name in envelope for name in names), envelope
    status, out = run(program, url, names)
    assert status == 1 and "the connection was refused; nothing was sent." in out, (status, out)


if __name__ == "__main__":
    main(*sys.argv[1:4], *(sys.argv[4:] or ["1"]))
