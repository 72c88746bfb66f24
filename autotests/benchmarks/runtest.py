#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Tests the tables, and run.py with programs that measure nothing."""

import importlib
import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from figures import Served  # noqa: E402
from run import GROUPS  # noqa: E402


class Tables(unittest.TestCase):
    def figures(self):
        for module in map(importlib.import_module, GROUPS):
            for figure in module.FIGURES:
                yield module, figure

    def test_each_figure_has_a_key_of_its_own(self):
        for group in GROUPS:
            keys = [figure.id for figure in importlib.import_module(group).FIGURES]
            self.assertEqual(sorted(keys), sorted(set(keys)), group)

    def test_peers_have_a_column(self):
        for module, figure in self.figures():
            self.assertLessEqual(set(figure.peers), set(module.PEERS), figure.title)

    def test_aims_name_a_peer_that_is_measured(self):
        for _, figure in self.figures():
            self.assertTrue(figure.aims, figure.title)
            for aim in figure.aims:
                self.assertIn(aim.peer, {"", *figure.peers}, figure.title)

    def test_programs_have_a_source(self):
        for _, figure in self.figures():
            for program in (figure.ours, *figure.peers.values()):
                for name in (program.name, program.load.name) if isinstance(program, Served) else (program.name,):
                    stem = name.removesuffix(".py").replace("-", "_")
                    example = HERE.parents[1] / "examples" / name / "main.cpp"
                    self.assertTrue(example.exists() or list(HERE.glob(f"{stem}.*")), name)


class Run(unittest.TestCase):
    """run.py with a build folder whose programs are scripts."""

    def setUp(self):
        self.build = Path(self.enterContext(tempfile.TemporaryDirectory()))
        (self.build / "benchmarks").mkdir()
        (self.build / "bin").mkdir()
        (self.build / "dask.py").write_text("raise ImportError('this test does without Dask')")

    def add(self, name, *lines, folder="benchmarks"):
        path = self.build / folder / name
        path.write_text("\n".join(("#!/bin/sh", *lines, "")))
        path.chmod(0o755)

    def run_it(self, *arguments, status=0):
        done = subprocess.run(
            [sys.executable, "-B", HERE / "run.py", "--build-dir", self.build, *arguments],
            env={**os.environ, "PATH": "", "PYTHONPATH": str(self.build)},  # without Go and Dask, which take their time
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def measured(self, *names, status=0):
        result = json.loads(self.run_it("--json", *names, status=status).stdout)
        return result["figures"][0], result

    def test_values_ratio_and_verdict(self):
        self.add("core-ours", "echo $1 50 ns")
        self.add("core-qcoro", "echo $1 200 ns")
        self.add("core-asio", "echo $1 100 ns")
        row, result = self.measured("core/await-suspended")
        self.assertEqual(row["ours"], 50)
        self.assertEqual(row["peers"], {"QCoro": 200, "Asio": 100})
        self.assertEqual(row["ratio"], 0.5)
        self.assertEqual(row["state"], "ok")
        self.assertEqual(result["failures"], [])

        self.add("core-ours", "echo $1 90 ns")
        self.assertEqual(self.measured("core/await-suspended")[0]["state"], "short")
        self.assertIn("short", self.run_it("core/await-suspended").stdout)

    def test_server_and_load(self):
        self.add("echo-server", "echo listening 1234", "exec /bin/sleep 60", folder="bin")
        self.add("net-load", 'test "$1" = 1234 && echo connections 7 conn/s')
        row, _ = self.measured("net/connections")
        self.assertEqual(row["ours"], 7)
        self.assertEqual(set(row["peers"].values()), {None})

    def test_a_program_that_another_one_runs(self):
        self.add("discoro", 'while [ "$1" != -- ]; do shift; done', "shift", 'exec "$@"', folder="bin")
        self.add("discoro-ours", "echo jobs 7 jobs/s")
        row, result = self.measured("discoro/jobs")
        self.assertEqual(row["ours"], 7)
        self.assertIn("this test does without Dask", result["notes"][0])

    def test_what_is_not_there_is_a_note(self):
        self.add("core-ours", "echo no such figure >&2", "exit 77")
        row, result = self.measured("core/pingpong")
        self.assertIsNone(row["ours"])
        self.assertEqual(row["state"], "-")
        self.assertIn("no such figure", result["notes"])
        self.assertTrue(any("core-asio is not built" in note for note in result["notes"]))

    def test_a_program_that_fails(self):
        self.add("core-ours", "echo it broke >&2", "exit 3")
        row, result = self.measured("core/await", status=1)
        self.assertEqual(row["state"], "failed")
        self.assertEqual(row["failed"], ["ours"])
        self.assertIn("it broke", result["failures"][0])
        self.assertIn("it broke", self.run_it("core/await", status=1).stdout)

    def test_a_program_that_prints_something_else(self):
        for line in ("await 5 us", "awaited 5 ns", "hello"):
            self.add("core-ours", f"echo {line}")
            self.assertEqual(self.measured("core/await", status=1)[0]["state"], "failed", line)

    def test_a_name_that_there_is_not(self):
        self.assertIn("the groups are core", self.run_it("nosuch", status=2).stderr)
        self.assertIn("pingpong", self.run_it("core/nosuch", status=2).stderr)


if __name__ == "__main__":
    unittest.main()
