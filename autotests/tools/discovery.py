# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Scheduler, node and `discoro status` that are not told where the others are; the example "peers"."""

import os
import random
import tempfile
import unittest
from pathlib import Path

from programs import Program, run


class DiscoveryOfTools(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        secret = self.folder / "secret"
        secret.write_text(os.urandom(16).hex())
        secret.chmod(0o600)
        # A port of its own: other programs of this machine are no part of the test.
        port = str(random.randrange(20_000, 30_000))
        self.environment = dict(os.environ, ASYNCORO_SECRET_FILE=str(secret), ASYNCORO_DISCOVERY=port)
        self.environment.pop("ASYNCORO_SCHEDULER", None)

    def start(self, *command):
        program = Program(self.environment, *command)
        self.addCleanup(program.close)
        return program

    def start_node(self, *options):
        folder = str(self.folder / "node")
        return self.start("discoro-node", "--name", "finder", "--cpus", "1", "--work-dir", folder, *options)

    def test_node_and_status_find_the_scheduler(self):
        node = self.start_node()  # first, so that the scheduler's announcement counts, too
        node.wait_for("listening")
        scheduler = self.start("discoro-scheduler", "--port", "0")
        location = scheduler.wait_for("listening").split()[1]
        self.assertEqual(node.wait_for("joined"), f"joined {location}")
        status = run(self.environment, "discoro", "status", "--json")
        self.assertEqual(status.returncode, 0, status.stderr)
        self.assertIn('"finder"', status.stdout)
        # Another scheduler, at another port: the node looks anew.
        scheduler.end()
        successor = self.start("discoro-scheduler", "--port", "0")
        location = successor.wait_for("listening").split()[1]
        self.assertEqual(node.wait_for("joined"), f"joined {location}")

    def test_a_given_scheduler_counts(self):
        scheduler = self.start("discoro-scheduler", "--port", "0", "--no-discovery")
        location = scheduler.wait_for("listening").split()[1]
        node = self.start_node("--scheduler", location)
        self.assertEqual(node.wait_for("joined"), f"joined {location}")

    def test_who_cannot_be_found_is_not_found(self):
        scheduler = self.start("discoro-scheduler", "--port", "0", "--no-discovery")
        scheduler.wait_for("listening")
        node = self.start_node()
        node.wait_for("nothing was found: looked for discoro.scheduler")
        node.wait_for("to check:")

    def test_peers_come_and_go(self):
        self.environment.pop("ASYNCORO_SECRET_FILE")  # this machine only
        first = self.start("peers", "first")
        second = self.start("peers", "second")
        self.assertIn("+ second at 127.0.0.1:", first.wait_for("second"))
        self.assertIn("+ first at 127.0.0.1:", second.wait_for("first"))
        second.process.kill()
        self.assertIn("- second at", first.wait_for("second"))


if __name__ == "__main__":
    unittest.main()
