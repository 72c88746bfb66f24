# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Hosts with addresses of their own in networks of their own, and processes on them, for tests.

The hosts are network namespaces that belong to processes of the test, within one that it makes for itself; they end
with it. Where the system does not allow that, or has no "ip", the test says so and exits with 77, which ctest takes for
skipped.
"""

import ipaddress
import os
import queue
import shutil
import subprocess
import sys
import threading
import time

SKIPPED = 77
INSIDE = "ASYNCORO_INSIDE_NAMESPACE"
HANDSHAKE, RETRY, PING, SILENCE = 3000, 100, 200, 3000  # ms
WAIT = 60  # seconds; for what must come, much sooner


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def enter_namespace(tools=(), namespaces=(), probe="ip link add name probe type veth"):
    """Starts this script again where it may make interfaces, and where all that it starts ends with it.

    Where that cannot be, or one of the tools is missing, the test is skipped. The probe is a command of the shell that
    fails where it is not allowed what the test does.
    """
    if INSIDE in os.environ:
        return
    for tool in ("ip", "unshare", "nsenter", *tools):
        if not shutil.which(tool):
            skip(f"there is no program {tool}")
    namespaces = ["--net", *namespaces, "--pid", "--fork", "--kill-child", "--mount-proc"]
    reasons = []
    for way in ([], ["--user", "--map-root-user"]):
        command = ["unshare", *way, *namespaces]
        attempt = subprocess.run([*command, "sh", "-c", probe], capture_output=True, text=True)
        if attempt.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])
        reasons.append(attempt.stderr.strip())
    skip("this system allows no network namespaces: " + "; ".join(reasons))


def run(*command):
    subprocess.run(command, check=True)


class Network:
    """A bridge, to whose ports the hosts are connected."""

    def __init__(self, number):
        self.number = number
        self.bridge = f"bridge{number}"
        run("ip", "link", "add", "name", self.bridge, "type", "bridge")
        self.heal()

    def cut(self):
        """Nothing gets through any more, and no host sees that its interface has lost something."""
        run("ip", "link", "set", self.bridge, "down")

    def heal(self):
        run("ip", "link", "set", self.bridge, "up")


class Host:
    """A network namespace with an interface for each network, eth0 and so on, whose other end is a port of the bridge.

    In network 2, host 3 has 10.66.2.3 and fd66:2::3. `addresses` takes other ones, as "ip addr add" does: with
    "brd +" they have a broadcast, without they have none.
    """

    def __init__(self, number, *networks, addresses=None):
        self.number = number
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        while os.readlink(f"/proc/{self.process.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        self.ip("link set lo up")
        self.ports = []
        for network in networks:
            self._connect(network, addresses)
        self.address = f"10.66.{networks[0].number}.{number}"
        self.address6 = str(ipaddress.ip_address(f"fd66:{networks[0].number}::{number}"))

    def _connect(self, network, addresses):
        interface = f"eth{len(self.ports)}"
        port = f"port{network.number}-{self.number}"
        self.ports.append(port)
        run("ip", "link", "add", port, "type", "veth", "peer", "name", interface, "netns", str(self.process.pid))
        run("ip", "link", "set", port, "master", network.bridge, "up")
        self.ip(f"link set {interface} addrgenmode none")  # what is wanted is given, at once
        if addresses is None:
            addresses = (f"10.66.{network.number}.{self.number}/24 brd +",
                         f"fd66:{network.number}::{self.number}/64 nodad")
        for address in addresses:
            self.ip(f"addr add {address} dev {interface}")
        self.ip(f"link set {interface} up")

    def ip(self, words):
        run(*self.inside("ip", *words.split()))

    def inside(self, *command):
        return ["nsenter", "--target", str(self.process.pid), "--net", *command]

    def cut(self):
        run("ip", "link", "set", self.ports[0], "down")

    def heal(self):
        run("ip", "link", "set", self.ports[0], "up")


class Peer:
    """A process on a host that does what it is told; see peerprocess.cpp."""

    def __init__(self, host, program, *more, address=None, secret="s3cret"):
        limits = f"{HANDSHAKE},{RETRY},{PING},{SILENCE}"
        options = ["--address", address or host.address, "--secret", secret, "--limits", limits, *more]
        self.process = subprocess.Popen(
            host.inside(program, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.location = self.process.stdout.readline().strip()
        self.port = self.location.rpartition(":")[2]
        self.results = {}  # number of the command: queue of what is printed for it
        self.count = 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            number, _, result = line.strip().partition(" ")
            self.results[number].put(result)

    def begin(self, *words):
        """Gives a command; its results can be taken from what this returns."""
        self.count += 1
        results = self.results[str(self.count)] = queue.Queue()
        self.process.stdin.write(" ".join(map(str, (self.count, *words))) + "\n")
        return results

    def do(self, *words):
        return self.begin(*words).get(timeout=WAIT)

    def end(self):
        self.process.kill()
        self.process.wait()


def expect(actual, expected):
    """`expected` is all of it, or where it ends with "...", its beginning."""
    good = actual.startswith(expected[:-3]) if expected.endswith("...") else actual == expected
    assert good, f"{actual!r} is not {expected!r}"


def run_tests(tests, *arguments):
    for test in tests:
        start = time.monotonic()
        test(*arguments)
        print(f"{test.__name__}: {time.monotonic() - start:.1f} s", flush=True)
