#!/usr/bin/env python3
"""Runs the drivers against the sink and prints tables. bench/run builds what is needed and calls this.

Drivers take turns, so that a neighbour's load falls on all of them alike; the median of the rounds
stands. Counts come from one more run each, with count.so preloaded.
"""
import argparse
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import time

SECTIONS = ["codec", "attach", "text", "mails", "flights"]
HERE = os.path.dirname(os.path.abspath(__file__))


def driver(*command, only=None, mails):
    return {"command": command, "only": only, "mails": mails}


def find_drivers(out):
    """Those whose program is there; `mails`: how many a run of mails has, by their speed."""
    there = {"posta, C": driver(f"{out}/posta/bench_posta", mails=5000)}
    there["posta, Lua"] = driver("lua5.4", f"{HERE}/drivers/posta.lua", mails=2000)
    for name, program in ("libcurl", "curl"), ("libetpan", "etpan"), ("libesmtp", "esmtp"):
        if os.path.exists(f"{out}/{program}"):
            there[name] = driver(f"{out}/{program}", only=["mails"] if program == "esmtp" else None, mails=5000)
    if subprocess.run(["lua5.4", "-e", "require 'socket.smtp'"], capture_output=True).returncode == 0:
        there["LuaSocket"] = driver("lua5.4", f"{HERE}/drivers/luasocket.lua", mails=20)
    there["Python"] = driver(sys.executable, f"{HERE}/drivers/python.py", mails=500)
    if os.path.isdir(f"{out}/npm/node_modules/nodemailer"):
        there["nodemailer"] = driver("node", f"{HERE}/drivers/nodemailer.js", mails=500)
    return there


class Sink:
    def __init__(self, out, *options):
        self.process = subprocess.Popen(
            [f"{out}/posta/bench_sink", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().strip()

    def told(self):
        """What it says of the connection that ended."""
        words = self.process.stdout.readline().split()
        return dict(zip(words[::2], map(int, words[1::2])))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def run(out, sink, command, what, argument, expected, counted=False):
    """One session. The drivers' own words are only shown when one fails."""
    env, read_end = dict(os.environ), None
    kwargs = {}
    if counted:
        read_end, write_end = os.pipe()
        os.dup2(write_end, 9)
        os.close(write_end)
        env["LD_PRELOAD"] = os.path.abspath(f"{out}/count.so")
        kwargs = {"pass_fds": (9,)}
    done = subprocess.run(
        ([] if counted else [f"{out}/posta/bench_measure"]) + list(command) + [sink.port, what, str(argument)],
        env=env, capture_output=True, text=True, **kwargs)
    if counted:
        os.close(9)
        with os.fdopen(read_end) as pipe:
            # a driver that starts other programs has a line of each; its own is the last
            line = pipe.read().strip().split("\n")[-1]
    else:
        line = done.stdout.strip().split("\n")[-1]
    told = []
    while sum(t["messages"] for t in told) < expected and done.returncode == 0:
        told.append(sink.told())
    if done.returncode != 0:
        sys.exit(f"{command[0]} {what} failed: {done.stderr or done.stdout}")
    words = line.split()
    result = dict(zip(words[::2], map(float, words[1::2])))
    result["told"] = told
    return result


def write_inputs(out):
    """100 MiB of anything; 50 MB of text, one octet of a hundred above 127."""
    big, text = f"{out}/big.bin", f"{out}/text.txt"
    if not os.path.exists(big):
        with open(big, "wb") as f:
            for _ in range(100):
                f.write(os.urandom(1 << 20))
    if not os.path.exists(text):
        dice = random.Random(7)
        plain = "the of and mail server message octets line reads writes window sends bytes protocol answer".split()
        other = "naïve café größer".split()
        lines = []
        for _ in range(20000):
            line, want = "", dice.randint(50, 75)
            while len(line) < want:
                line += dice.choice(other if dice.random() < 0.03 else plain) + " "
            lines.append(line.strip() + ".\n")
        with open(text, "wb") as f:
            while f.tell() < 50_000_000:
                f.write("".join(dice.sample(lines, 5000)).encode())
    return big, text


def compare(out, drivers, what, argument, rounds):
    """`argument` null: as many mails as the driver's speed allows."""
    drivers = {k: d for k, d in drivers.items() if not d["only"] or what in d["only"]}
    sink = Sink(out)
    runs = {name: [] for name in drivers}
    counts = {}
    for _ in range(rounds):
        for name, d in drivers.items():
            n = d["mails"] if argument is None else 1
            runs[name].append(run(out, sink, d["command"], what, argument or n, n))
    for name, d in drivers.items():
        n = d["mails"] if argument is None else 1
        counts[name] = run(out, sink, d["command"], what, argument or n, n, counted=True)
    sink.end()
    return drivers, runs, counts


def table(title, drivers, runs, counts, is_mails):
    unit = "µs a mail" if is_mails else "ms"
    print(f"\n### {title}\n")
    print(f"| | wall, {unit} | x posta C | CPU, {unit} | peak RSS, KiB | send | recv | poll | heap |")
    print("|---|---|---|---|---|---|---|---|---|")
    base = None
    for name, d in drivers.items():
        n = d["mails"] if is_mails else 1
        scale = 1000 / n if is_mails else 1
        wall = statistics.median(r["wall"] for r in runs[name]) * scale
        cpu = statistics.median(r["user"] + r["system"] for r in runs[name]) * scale
        base = base or wall
        c = counts[name]
        calls = [f"{c[k] / n:.1f}" if is_mails else f"{c[k]:,.0f}".replace(",", " ")
                 for k in ("send", "recv", "poll", "heap")]
        print(f"| {name} | {wall:.0f} | {wall / base:.1f} | {cpu:.0f} | {max(r['rss'] for r in runs[name]):.0f} | "
              + " | ".join(calls) + " |")
    sys.stdout.flush()


def flights(out, drivers):
    """Flights of a connection with 10 mails, each reply held back 10 ms."""
    print("\n### Flights: 10 mails of 1 KB on one connection, from EHLO to QUIT\n")
    print("| | flights |\n|---|---|")
    for name, d in drivers.items():
        sink = Sink(out, "--delay", "10")
        told = run(out, sink, d["command"], "mails", 10, 10)["told"]
        # the greeting is nobody's flight
        print(f"| {name} | {sum(t['flights'] - 1 for t in told)} |")
        sink.end()
    sys.stdout.flush()


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        model = re.search(r"model name\s*: (.*)", f.read())
    gcc = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    return (f"{time.strftime('%Y-%m-%d')}; {os.cpu_count()} cores, {model.group(1) if model else platform.machine()}; "
            f"Linux {platform.release()}; gcc {gcc} -O3; load {os.getloadavg()[0]:.1f}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("out")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("what", nargs="*")
    o = p.parse_intermixed_args()
    what = o.what or SECTIONS
    if set(what) - set(SECTIONS):
        p.error(f"sections are {' '.join(SECTIONS)}")
    big, text = write_inputs(o.out)
    drivers = find_drivers(o.out)
    print(machine())
    if "codec" in what:
        print("\n### Encoders alone\n", flush=True)
        subprocess.run([f"{o.out}/codec"], check=True)
    if "attach" in what:
        table("100 MiB file as attachment, a whole session", *compare(o.out, drivers, "attach", big, o.rounds), False)
    if "text" in what:
        table("50 MB of text, quoted-printable", *compare(o.out, drivers, "text", text, o.rounds), False)
    if "mails" in what:
        table("Mails of 1 KB, one by one on one connection", *compare(o.out, drivers, "mails", None, o.rounds), True)
    if "flights" in what:
        flights(o.out, drivers)


main()
