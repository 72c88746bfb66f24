#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The secret of a cluster is in no process list and in no log, however much is logged and whoever is refused."""

import tempfile
import time
import unittest
from pathlib import Path

from programs import Program, environment_without_cluster, run

SECRET = "correct-horse-battery"
OTHER = "wrong-horse-battery"


def command_lines():
    """Of all processes: what anybody on the machine can see of them."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield (folder / "cmdline").read_bytes()
        except OSError:
            pass  # it has ended meanwhile


class Secrets(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.environment = environment_without_cluster()
        self.environment["QT_LOGGING_RULES"] = "asyncoro.*=true"
        self.programs = []

    def secret_file(self, name, secret):
        path = self.folder / name
        path.write_text(secret + "\n")
        path.chmod(0o600)
        return str(path)

    def start(self, environment, *command):
        program = Program(environment, *command)
        self.addCleanup(program.close)
        self.programs.append(program)
        return program

    def test_the_secret_is_not_shown(self):
        file = self.secret_file("secret", SECRET)
        scheduler = self.start(self.environment, "discoro-scheduler", "--port", "0", "--secret-file", file)
        location = scheduler.wait_for("listening").split()[1]
        # One gets it in a file, one in the environment.
        node = self.start(self.environment | {"ASYNCORO_SECRET": SECRET}, "discoro-node", "--scheduler", location,
                          "--cpus", "1", "--work-dir", str(self.folder / "node"))
        node.wait_for("joined")
        client = self.start(self.environment | {"ASYNCORO_SECRET_FILE": file, "ASYNCORO_SCHEDULER": location},
                            "cluster-map")
        lines = set()
        while client.process.poll() is None:
            lines.update(command_lines())
            time.sleep(0.01)
        self.assertEqual(client.process.returncode, 0, client.seen)
        self.assertTrue(any(b"discoro-node" in line for line in lines))
        self.assertFalse([line for line in lines if SECRET.encode() in line])

        refused = run(self.environment, "discoro", "status", "--scheduler", location, "--secret-file",
                      self.secret_file("other", OTHER))
        self.assertEqual(refused.returncode, 1)
        logs = [refused.stdout, refused.stderr]
        for program in self.programs:
            program.end()
            program.reader.join()
            logs += program.seen + [line for line in program.lines.queue if line]
        self.assertTrue(any(" Call " in line for line in logs), "not even the trace was logged")
        for secret in (SECRET, OTHER, SECRET.encode().hex(), OTHER.encode().hex()):
            self.assertNotIn(secret, "\n".join(logs))


if __name__ == "__main__":
    unittest.main()
