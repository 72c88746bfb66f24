#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Three hosts with addresses of their own, joined by a bridge: peers connect, lose the link, and find each other again.

Usage: threehosts.py DISTRIBUTED_PEERPROCESS

The hosts are network namespaces that belong to processes of this script, within one that it makes for itself; they end
with it. Where the system does not allow that, or has no "ip", it says so and exits with 77, which ctest takes for skipped.
"""

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


def enter_namespace():
    """Starts this script again where it may make interfaces, and where all that it starts ends with it."""
    for tool in ("ip", "unshare", "nsenter"):
        if not shutil.which(tool):
            skip(f"there is no program {tool}")
    namespaces = ["--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    reasons = []
    for way in ([], ["--user", "--map-root-user"]):
        command = ["unshare", *way, *namespaces]
        probe = [*command, "ip", "link", "add", "name", "probe", "type", "veth"]
        attempt = subprocess.run(probe, capture_output=True, text=True)
        if attempt.returncode == 0:
            os.environ[INSIDE] = "1"
            os.execvp(command[0], [*command, sys.executable, "-B", *sys.argv])
        reasons.append(attempt.stderr.strip())
    skip("this system allows no network namespaces: " + "; ".join(reasons))


def run(*command):
    subprocess.run(command, check=True)


class Host:
    """A network namespace with one interface, eth0, whose other end is a port of the bridge."""

    def __init__(self, number):
        self.address = f"10.66.0.{number}"
        self.address6 = f"fd66::{number}"
        self.port = f"port{number}"
        self.process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        while os.readlink(f"/proc/{self.process.pid}/ns/net") == os.readlink("/proc/self/ns/net"):
            time.sleep(0.01)
        run("ip", "link", "add", self.port, "type", "veth", "peer", "name", "eth0", "netns", str(self.process.pid))
        run("ip", "link", "set", self.port, "master", "bridge", "up")
        for words in (
            f"addr add {self.address}/24 dev eth0",
            f"addr add {self.address6}/64 dev eth0 nodad",
            "link set eth0 up",
            "link set lo up",
        ):
            run(*self.inside("ip", *words.split()))

    def inside(self, *command):
        return ["nsenter", "--target", str(self.process.pid), "--net", *command]

    def cut(self):
        run("ip", "link", "set", self.port, "down")

    def heal(self):
        run("ip", "link", "set", self.port, "up")


class Peer:
    """A process on a host that does what it is told; see peerprocess.cpp."""

    def __init__(self, host, program, address=None, secret="s3cret"):
        limits = f"{HANDSHAKE},{RETRY},{PING},{SILENCE}"
        options = ["--address", address or host.address, "--secret", secret, "--limits", limits]
        self.process = subprocess.Popen(
            host.inside(program, *options), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.location = self.process.stdout.readline().strip()
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


def expect(actual, expected):
    """`expected` is all of it, or where it ends with "...", its beginning."""
    good = actual.startswith(expected[:-3]) if expected.endswith("...") else actual == expected
    assert good, f"{actual!r} is not {expected!r}"


def test_real_addresses(hosts, peers, program):
    for a in peers:
        for b in peers:
            if a is not b:
                expect(a.do("add", b.location, 1, 2), "3")
    six = [Peer(host, program, address=host.address6) for host in hosts[:2]]
    expect(six[0].location, "[fd66::1]:...")
    expect(six[0].do("add", six[1].location, 1, 2), "3")
    expect(six[1].do("send", six[0].location, 1, 40), "10")
    expect(six[0].do("recorded", 1), "40")
    everywhere = Peer(hosts[2], program, address="0.0.0.0")
    port = everywhere.location.rpartition(":")[2]
    expect(peers[0].do("add", f"{hosts[2].address}:{port}", 1, 2), "3")


def test_secrets(hosts, peers, program):
    none = Peer(hosts[0], program, secret="")
    expect(none.location, "Error: ...")
    assert none.process.wait(WAIT) == 1
    other = Peer(hosts[0], program, secret="another")
    expect(other.do("add", peers[1].location, 1, 2), "PeerRefused: ...")
    expect(peers[1].do("add", other.location, 1, 2), "PeerRefused: ...")
    loopback = Peer(hosts[0], program, address="127.0.0.1", secret="")
    expect(loopback.do("add", peers[1].location, 1, 2), "PeerRefused: ...")


def test_short_cut(hosts, peers, _program):
    """What is sent meanwhile is late, and all of it comes."""
    watching = peers[1].begin("watch", peers[0].location)
    expect(watching.get(timeout=WAIT), "watching")
    before = peers[0].begin("send", peers[1].location, 2, 4000)
    hosts[0].cut()
    meanwhile = peers[0].begin("add", peers[1].location, 1, 2)
    time.sleep(SILENCE / 1000 / 6)
    assert meanwhile.empty()
    expect(peers[1].do("add", peers[2].location, 1, 2), "3")  # others do not notice
    hosts[0].heal()
    expect(meanwhile.get(timeout=WAIT), "3")
    expect(before.get(timeout=WAIT), "1000")
    expect(peers[1].do("recorded", 2), "4000")
    assert watching.empty()


def test_long_cut(hosts, peers, _program):
    """Both sides are told, and are told nothing about anybody else; afterwards they find each other again."""
    watches = []
    for a, b in ((0, 1), (1, 0), (1, 2)):
        watches.append(peers[a].begin("watch", peers[b].location))
        expect(watches[-1].get(timeout=WAIT), "watching")
    hosts[0].cut()
    delivery = peers[0].begin("deliver", peers[1].location, 3, 1)
    expect(delivery.get(timeout=WAIT), "PeerLost: ...")
    for watch in watches[:2]:
        assert watch.get(timeout=WAIT)
    expect(peers[1].do("add", peers[2].location, 1, 2), "3")
    assert watches[2].empty()
    hosts[0].heal()
    expect(peers[0].do("add", peers[1].location, 1, 2), "3")
    expect(peers[1].do("add", peers[0].location, 1, 2), "3")
    assert watches[2].empty()


def main():
    if INSIDE not in os.environ:
        enter_namespace()
    program = sys.argv[1]
    run("ip", "link", "add", "name", "bridge", "type", "bridge")
    run("ip", "link", "set", "bridge", "up")
    hosts = [Host(number) for number in (1, 2, 3)]
    peers = [Peer(host, program) for host in hosts]
    for test in (test_real_addresses, test_secrets, test_short_cut, test_long_cut):
        start = time.monotonic()
        test(hosts, peers, program)
        print(f"{test.__name__}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
