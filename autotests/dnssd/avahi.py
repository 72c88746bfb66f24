#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Processes that find each other by DNS-SD, with an Avahi for each of two hosts that a bridge joins.

Usage: avahi.py DNSSD_AVAHITEST

First the tests of DNSSD_AVAHITEST, on one host; then the tools, on both. The hosts are namespaces of processes of this
script, within one that it makes for itself; they end with it. Where the system does not allow that, or has no Avahi, it
says so and exits with 77, which ctest takes for skipped.
"""

import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "distributed"))
from hosts import WAIT, enter_namespace, run  # noqa: E402

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"""

AVAHI = """[server]
host-name={name}
allow-interfaces=eth0
enable-dbus=yes
[publish]
publish-workstation=no
publish-hinfo=no
"""


def wait_until(condition):
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


class Host:
    """Namespaces for the network, with one interface eth0 at the bridge, and for /run, where Avahi has its files."""

    def __init__(self, number, folder):
        self.name = f"host{number}"
        self.address = f"10.66.0.{number}"
        self.folder = folder / self.name
        self.folder.mkdir()
        script = "mount -t tmpfs tmpfs /run && touch /run/ready && exec sleep infinity"
        self.process = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", script])
        wait_until(lambda: Path(f"/proc/{self.process.pid}/root/run/ready").exists())
        port = f"port{number}"
        run("ip", "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", str(self.process.pid))
        run("ip", "link", "set", port, "master", "bridge", "up")
        for words in (
            f"addr add {self.address}/24 dev eth0",
            f"addr add fd66::{number}/64 dev eth0 nodad",
            "link set eth0 up",
            "link set lo up",
        ):
            run(*self.inside("ip", *words.split()))
        bus = self.folder / "bus"
        (self.folder / "bus.conf").write_text(BUS.format(socket=bus))
        self.configuration = self.folder / "avahi.conf"
        self.configuration.write_text(AVAHI.format(name=self.name))
        self.environment = dict(
            os.environ, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={bus}", AVAHI_CONFIGURATION=str(self.configuration)
        )
        self.start("dbus-daemon", "--nofork", "--nopidfile", f"--config-file={self.folder / 'bus.conf'}")
        wait_until(bus.exists)

    def inside(self, *command):
        return ["nsenter", "--target", str(self.process.pid), "--net", "--mount", *command]

    def start(self, *command, **options):
        return subprocess.Popen(self.inside(*command), env=self.environment, **options)

    def start_avahi(self):
        options = ("--no-drop-root", "--no-chroot", "--no-rlimits")
        self.start("avahi-daemon", "--file", str(self.configuration), *options)


class Program:
    """A tool on a host that runs until end(), and prints lines meanwhile."""

    def __init__(self, host, *command):
        self.process = host.start(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            print(" ", line, end="", flush=True)
            self.lines.put(line)
        self.lines.put("")

    def wait_for(self, text):
        """The rest of the first line from here on that begins with `text`."""
        while True:
            line = self.lines.get(timeout=WAIT)
            assert line, f"ended before it printed {text!r}"
            if line.startswith(text):
                return line.removeprefix(text).strip()

    def end(self):
        self.process.terminate()
        self.process.wait(WAIT)


def test_tools(hosts):
    """Pings go to different ports, so only DNS-SD is left."""
    here, there = hosts
    secret = here.folder / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o600)
    for number, host in enumerate(hosts):
        host.environment.update(ASYNCORO_SECRET_FILE=str(secret), ASYNCORO_DISCOVERY=str(51360 + number))
        host.environment.pop("ASYNCORO_SCHEDULER", None)
        host.start_avahi()
    node = ("discoro-node", "--name", "finder", "--cpus", "1", "--address", "0.0.0.0", "--work-dir", str(there.folder))
    quiet = Program(here, "discoro-scheduler", "--address", "0.0.0.0", "--port", "0", "--no-discovery")
    quiet.wait_for("listening")
    finder = Program(there, *node)
    finder.wait_for("listening")
    scheduler = Program(here, "discoro-scheduler", "--address", "0.0.0.0", "--port", "0")
    port = scheduler.wait_for("listening").rpartition(":")[2]
    location = f"{here.address}:{port}"
    assert finder.wait_for("joined") == location
    status = there.start("discoro", "status", "--json", stdout=subprocess.PIPE, text=True)
    assert '"finder"' in status.communicate(timeout=WAIT)[0]
    assert status.returncode == 0

    scheduler.end()  # another one, at another port: the node looks anew
    successor = Program(here, "discoro-scheduler", "--address", "0.0.0.0", "--port", "0")
    port = successor.wait_for("listening").rpartition(":")[2]
    assert finder.wait_for("joined") == f"{here.address}:{port}"
    for program in (finder, successor, quiet):
        program.end()


def main():
    enter_namespace(
        tools=("mount", "dbus-daemon", "avahi-daemon"),
        namespaces=("--mount",),
        probe="ip link add name probe type veth && mount -t tmpfs tmpfs /run",
    )
    run("ip", "link", "add", "name", "bridge", "type", "bridge")
    run("ip", "link", "set", "bridge", "up")
    with tempfile.TemporaryDirectory() as folder:
        hosts = [Host(number, Path(folder)) for number in (1, 2)]
        test = hosts[0].start(*sys.argv[1:])
        assert test.wait() == 0
        test_tools(hosts)


if __name__ == "__main__":
    main()
