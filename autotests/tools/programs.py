# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Programs that tests start, and what they print."""

import os
import queue
import signal
import subprocess
import threading

TIMEOUT = 60  # seconds, for what takes a few


def environment_without_cluster():
    """That of this process, but for all that says where a cluster is and how to join it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("ASYNCORO_")} | {
        "ASYNCORO_DISCOVERY": "off"}


class Program:
    """One that runs until the block ends, and prints lines meanwhile."""

    def __init__(self, environment, *command):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=environment)
        self.lines = queue.Queue()
        self.seen = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait_for(self, text):
        """The first line from here on that has `text` in it."""
        while True:
            line = self.lines.get(timeout=TIMEOUT)
            if line is None:
                raise AssertionError(f"ended before it printed {text!r}: {self.seen}")
            self.seen.append(line)
            if text in line:
                return line

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(TIMEOUT)

    def close(self):
        """Whatever it does."""
        self.process.kill()
        self.process.wait(TIMEOUT)
        self.reader.join(TIMEOUT)
        self.process.stdout.close()


def run(environment, *command):
    """Runs it to its end: what subprocess.run() gives."""
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
