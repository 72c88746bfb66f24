#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Measures ours beside its peers and prints a table.

    run.py --build-dir DIR [--json] [NAME...]

NAME is a group (core, dispatcher, files, net, distributed, discoro) or one figure of it (core/pingpong); all groups
without. The programs are in DIR/benchmarks and DIR/bin, where the build puts them; those in Go are built here. The
programs of a figure take turns, and each value is the median of its runs. A peer that is not installed is shown as "-".
The exit status is 1 if a program failed; a figure that is short of its aim is no failure.
"""

import argparse
import importlib
import json
import os
import resource
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from figures import Served

HERE = Path(__file__).resolve().parent
GROUPS = ("core", "dispatcher", "files", "net", "distributed", "discoro")
ROUNDS = 3
NOT_THERE = 77  # exit status of a program that has not got the figure, or the library that it needs
LEGEND = """\
Each value is the median of up to 3 runs: less is better in ns, us, B and times, more is better in what is per second.
  ratio     ours divided by the best peer's
  reached   ok, or short of the aim
  -         the program is not there, or the peer that the aim names; the reason is below
An empty cell: this peer has nothing like it."""
HUNG = 300  # seconds after which a program is not waited for any more; none needs a tenth of it


class Missing(Exception):
    """A program that is not there."""


class Failed(Exception):
    """A program that did not do what it should."""


def fail(name, why, output=""):
    return Failed(f"{name}: {why}" + (f"\n{output}" if output else ""))


class Bench:
    """Runs programs; keeps what they printed, since two figures may come from one run."""

    def __init__(self, build_dir):
        self.folder = Path(build_dir).resolve() / "benchmarks"
        self.tools = self.folder.parent / "bin"
        self.printed = {}
        self.build_errors = {}

    def build_go(self, sources):
        """Builds each Go program, a single file without modules, with nothing from the network."""
        go = shutil.which("go")
        if not go:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            **os.environ,
            "CGO_ENABLED": "0",
            "GOCACHE": str(self.folder / "go-cache"),
            "GOENV": "off",
            "GOFLAGS": "-mod=mod",
            "GOPATH": str(self.folder / "go"),
            "GOPROXY": "off",
            "GOTOOLCHAIN": "local",
        }
        for source in sources:
            name = source.stem.replace("_", "-")
            target = self.folder / name
            if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
                continue
            tell(f"building {name}")
            command = [go, "build", "-o", str(target), str(source)]
            done = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True)
            if done.returncode != 0:
                target.unlink(missing_ok=True)
                self.build_errors[name] = done.stderr.strip()

    def measure(self, program, turn):
        """The lines that `program` prints, as {name: (value, unit)}."""
        key = (program.command(), turn)
        if key not in self.printed:
            try:
                self.printed[key] = self.served(program) if isinstance(program, Served) else self.run(program)
            except (Missing, Failed) as problem:
                self.printed[key] = problem
        if isinstance(self.printed[key], Exception):
            raise self.printed[key]
        return self.printed[key]

    def command(self, name, needs="", folder=None):
        if name.endswith(".py"):
            return [sys.executable, str(HERE / name)]
        if name in self.build_errors:
            raise fail(name, "does not build", self.build_errors[name])
        path = (folder or self.folder) / name
        if not path.exists():
            path = self.tools / name  # a program for users
        if not path.exists():
            raise Missing(f"{name} is not built" + (f" (needs {needs})" if needs else ""))
        return [str(path)]

    def run(self, program, *before, pid=0):
        arguments = [str(pid) if argument == "{pid}" else argument for argument in program.arguments]
        command = [*self.command(program.name, program.needs), *before, *arguments]
        if program.under:
            command = [*self.command(program.under[0], folder=self.tools), *program.under[1:], *command]
        process = start(command, program.environment)
        try:
            output, _ = process.communicate(timeout=HUNG)
        except subprocess.TimeoutExpired:
            raise fail(program.name, "hangs", said(process)) from None
        finally:
            stop(process)
        errors = said(process)
        if process.returncode == NOT_THERE:
            raise Missing(errors + (f" (needs {program.needs})" if program.needs else ""))
        if process.returncode != 0:
            raise fail(" ".join(command), how_it_ended(process.returncode), errors)
        values = {}
        for line in output.decode().splitlines():
            words = line.split()
            try:
                values[words[0]] = (float(words[1]), words[2])
            except (IndexError, ValueError):
                raise fail(program.name, f"prints no figure: {line!r}") from None
        return values

    def served(self, program):
        load = self.command(program.load.name, program.load.needs)
        server = start([*self.command(program.name, program.needs), "0"])
        try:
            readable, _, _ = select.select([server.stdout], [], [], HUNG)
            words = server.stdout.readline().decode().split() if readable else []
            if len(words) != 2 or words[0] != "listening":
                stop(server)
                raise fail(program.name, "does not listen", said(server))
            try:
                return self.run(program.load, words[1], pid=server.pid)
            except Failed as problem:
                stop(server)
                raise Failed(f"{problem}\n{program.name}, the server, said: {said(server) or 'nothing'}") from None
        finally:
            stop(server)


def start(command, environment=()):
    errors = tempfile.TemporaryFile()  # and not a pipe: nobody reads it while the program runs
    process = subprocess.Popen(
        command,
        env={**os.environ, **dict(environment)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=errors,
    )
    process.errors = errors
    return process


def said(process):
    """What the program has written to stderr: its beginning, and only that if there is a lot."""
    process.errors.seek(0)
    return process.errors.read(4000).decode(errors="replace").strip()


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def how_it_ended(status):
    return f"ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def tell(text):
    print(text, file=sys.stderr, flush=True)


def describe_machine():
    """What the values depend on, and whether other programs take part of it."""
    processors = len(os.sched_getaffinity(0))
    load = os.getloadavg()[0]
    model = ""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "")
    text = f"Measured on {processors} processors" + (f" ({model})" if model else "") + "."
    if load > processors / 4:
        text += f"\nOther programs were running (load {load:.1f} at the start): "
        text += "the values are worse than they could be."
    return {"processors": processors, "model": model, "load": round(load, 2), "text": text}


def measure_figure(bench, figure):
    """{column: median or exception}, where the column "" is ours."""
    programs = {"": figure.ours, **figure.peers}
    values = {column: [] for column in programs}
    problems = {}
    for turn in range(ROUNDS):
        for column, program in programs.items():
            if turn >= program.rounds or column in problems:
                continue
            try:
                lines = bench.measure(program, turn)
                if figure.name not in lines:
                    raise fail(program.name, f"prints no {figure.name}")
                value, unit = lines[figure.name]
                if unit != figure.unit:
                    raise fail(program.name, f"prints {figure.name} in {unit}, not in {figure.unit}")
                values[column].append(value)
            except (Missing, Failed) as problem:
                problems[column] = problem
    return {column: problems.get(column) or statistics.median(values[column]) for column in programs}


def number(value):
    return value if isinstance(value, float) else None


def judge(group, figure, measured):
    """One row, as JSON has it."""
    ours = number(measured[""])
    peers = {peer: number(measured[peer]) for peer in figure.peers}
    known = [value for value in peers.values() if value is not None]
    best = (min(known) if figure.lower else max(known)) if known else None
    verdicts = [aim.holds(figure, ours, peers) for aim in figure.aims] if ours is not None else [None]
    failed = [column for column, value in measured.items() if isinstance(value, Failed)]
    if "" in failed:
        state = "failed"
    elif False in verdicts:
        state = "short"
    else:
        state = "-" if None in verdicts else "ok"
    return {
        "group": group,
        "figure": figure.id,
        "title": figure.title,
        "unit": figure.unit,
        "better": "lower" if figure.lower else "higher",
        "ours": ours,
        "peers": peers,
        "ratio": ours / best if ours is not None and best else None,
        "aim": " and ".join(aim.text(figure) for aim in figure.aims),
        "state": state,
        "failed": [column or "ours" for column in failed],
    }


def written(value):
    """A figure with three digits that count."""
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(rows, peers):
    peers = [peer for peer in peers if any(peer in row["peers"] for row in rows)]
    lines = [("figure", "unit", "ours", *peers, "ratio", "aim of ours", "reached")]
    for row in rows:

        def cell(column, value):
            return "failed" if column in row["failed"] else written(value)

        lines.append(
            (
                row["title"],
                row["unit"],
                cell("ours", row["ours"]),
                *(cell(peer, row["peers"][peer]) if peer in row["peers"] else "" for peer in peers),
                "-" if row["ratio"] is None else f"{row['ratio']:.2f}",
                row["aim"],
                row["state"],
            )
        )
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    left = {0, 1, len(widths) - 2, len(widths) - 1}
    for line in lines:
        cells = [line[i].ljust(width) if i in left else line[i].rjust(width) for i, width in enumerate(widths)]
        print("  ".join(cells).rstrip())


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", required=True, metavar="DIR", help="where the project was built")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a group, or a figure as core/pingpong; default: all")
    given = parser.parse_args()
    if not Path(given.build_dir).is_dir():
        parser.error(f"there is no folder {given.build_dir}")
    chosen = {}
    for name in given.names or GROUPS:
        group, _, figure = name.partition("/")
        if group not in GROUPS:
            parser.error(f"there is no group {group}; the groups are {', '.join(GROUPS)}")
        module = importlib.import_module(group)
        ids = [f.id for f in module.FIGURES]
        if figure and figure not in ids:
            parser.error(f"group {group} has no figure {figure}; it has {', '.join(ids)}")
        chosen.setdefault(group, set()).update([figure] if figure else ids)
    return given, chosen


def raise_file_limit():
    """For the servers, which are started from here, and ten thousand connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main():
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    given, chosen = arguments()
    machine = describe_machine()
    bench = Bench(given.build_dir)
    bench.build_go(sorted(source for group in chosen for source in HERE.glob(f"{group}_*.go")))

    rows = []
    problems = {}  # text -> exception; in the order of their first appearance, each once
    for group, ids in chosen.items():
        module = importlib.import_module(group)
        started = time.monotonic()
        for figure in module.FIGURES:
            if figure.id not in ids:
                continue
            tell(f"{group}: {figure.title}")
            measured = measure_figure(bench, figure)
            rows.append(judge(group, figure, measured))
            problems.update({str(p): p for p in measured.values() if isinstance(p, Exception)})
        tell(f"{group}: {time.monotonic() - started:.0f} s")

    notes = [text for text, problem in problems.items() if isinstance(problem, Missing)]
    failures = [text for text, problem in problems.items() if isinstance(problem, Failed)]
    if given.json:
        json.dump({"machine": machine, "figures": rows, "notes": notes, "failures": failures}, sys.stdout, indent=2)
        print()
    else:
        for group in chosen:
            print(f"\n{group}: {importlib.import_module(group).__doc__.strip()}\n")
            table([row for row in rows if row["group"] == group], importlib.import_module(group).PEERS)
        print(f"\n{LEGEND}\n\n{machine['text']}")
        for note in notes:
            print(f"- {note}")
        for failure in failures:
            print(f"failed: {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
