#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Three hosts with addresses of their own, joined by a bridge: peers connect, lose the link, and find each other again.

Usage: threehosts.py DISTRIBUTED_PEERPROCESS

The hosts are as in hosts.py; where there can be none, this exits with 77, which ctest takes for skipped.
"""

import signal
import sys
import time

from hosts import SILENCE, WAIT, Host, Network, Peer, enter_namespace, expect, run_tests


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


def test_handles_passed_on(hosts, _peers, program):
    """What a process knows by a loopback address others know by that of its machine."""
    owner, middle = (Peer(hosts[0], program, address="0.0.0.0") for _ in range(2))
    known = f"127.0.0.1:{owner.port}"
    expect(middle.do("add", known, 1, 2), "3")
    other = Peer(hosts[1], program)
    expect(other.do("deliverThrough", f"{hosts[0].address}:{middle.port}", known, 5, 1), "delivered")
    expect(owner.do("recorded", 5), "1")


def test_secrets(hosts, peers, program):
    none = Peer(hosts[0], program, secret="")
    expect(none.location, "Error: ...")
    assert none.process.wait(WAIT) == 1
    other = Peer(hosts[0], program, secret="another")
    expect(other.do("add", peers[1].location, 1, 2), "PeerRefused: ...")
    expect(peers[1].do("add", other.location, 1, 2), "PeerRefused: ...")
    loopback = Peer(hosts[0], program, address="127.0.0.1", secret="")
    expect(loopback.do("add", peers[1].location, 1, 2),
           "PeerRefused: a secret or a certificate is needed to connect to ...")


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


def test_busy(hosts, peers, program):
    """One whose event loop may stand still is lost with its machine, and not before."""
    busy = Peer(hosts[2], program, "--busy")
    watching = peers[0].begin("watch", busy.location)
    expect(watching.get(timeout=WAIT), "watching")
    busy.process.send_signal(signal.SIGSTOP)
    time.sleep(2 * SILENCE / 1000)
    busy.process.send_signal(signal.SIGCONT)
    expect(peers[0].do("add", busy.location, 1, 2), "3")
    assert watching.empty()
    busy.process.send_signal(signal.SIGSTOP)
    hosts[2].cut()
    lost = watching.get(timeout=WAIT)
    assert "its machine has acknowledged nothing" in lost, lost
    hosts[2].heal()


def main():
    enter_namespace()
    program = sys.argv[1]
    network = Network(0)
    hosts = [Host(number, network) for number in (1, 2, 3)]
    peers = [Peer(host, program) for host in hosts]
    tests = (test_real_addresses, test_handles_passed_on, test_secrets, test_short_cut, test_long_cut, test_busy)
    run_tests(tests, hosts, peers, program)


if __name__ == "__main__":
    main()
