#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Discovery between hosts with addresses of their own, in two networks with a router between them.

Usage: discoveryhosts.py DISTRIBUTED_PEERPROCESS [TEST...]

The hosts are as in hosts.py; where there can be none, this exits with 77, which ctest takes for skipped.
"""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

from hosts import WAIT, Host, Network, Peer, enter_namespace, expect, run, run_tests

UDP_PORT = 51350
GROUPS = "239.255.1.1,ff15::1"
OTHER_GROUPS = "239.255.1.2,ff15::2"
EVERYWHERE = "0.0.0.0"


class Member(Peer):
    """A process that finds others, and is told who comes and goes."""

    def __init__(self, name, host, program, *more, groups=GROUPS, address=EVERYWHERE, interfaces=""):
        options = ["--name", name, "--discover", f"{UDP_PORT},{groups}", "--interfaces", interfaces, *more]
        super().__init__(host, program, *options, address=address)
        self.name = name
        self.changes = self.begin("peers")

    def next_change(self):
        return self.changes.get(timeout=WAIT)


def see_each_other(a, a_address, b, b_address):
    expect(a.next_change(), f"+ {b.name} {b_address}:{b.port}")
    expect(b.next_change(), f"+ {a.name} {a_address}:{a.port}")


def end(*peers):
    for peer in peers:
        peer.end()


class Site:
    """Two networks, hosts 1 and 2 in the first one and 3 in the second, and a router that passes on what it should."""

    def __init__(self, program):
        self.program = program
        self.near, self.far = Network(1), Network(2)
        self.first, self.second = Host(1, self.near), Host(2, self.near)
        self.distant = Host(3, self.far)
        self.router = Host(254, self.near, self.far)
        run(*self.router.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"))
        for host, network in ((self.first, 1), (self.second, 1), (self.distant, 2)):
            host.ip(f"route add default via 10.66.{network}.254")


def test_broadcast(site):
    """They are in different groups: only the broadcast of IPv4 gets from one to the other."""
    a = Member("a", site.first, site.program)
    b = Member("b", site.second, site.program, groups=OTHER_GROUPS)
    see_each_other(a, "10.66.1.1", b, "10.66.1.2")
    end(a, b)


def test_multicast(site):
    """Their addresses have no broadcast, and they have none of IPv6."""
    hosts = [Host(number, site.near, addresses=[f"10.66.1.{number}/24"]) for number in (11, 12)]
    a, b = (Member(name, host, site.program) for name, host in zip("ab", hosts))
    see_each_other(a, "10.66.1.11", b, "10.66.1.12")
    end(a, b)


def test_link_local(site):
    """They have no address but one that IPv6 gives to every link, and which says nothing without an interface."""
    hosts = [Host(number, site.near, addresses=[f"fe80::{number}/64 nodad"]) for number in (21, 22)]
    a, b = (Member(name, host, site.program, address="::") for name, host in zip("ab", hosts))
    see_each_other(a, "[fe80::21%eth0]", b, "[fe80::22%eth0]")
    expect(a.do("add", f"[fe80::22%eth0]:{b.port}", 1, 2), "3")
    end(a, b)


def test_ipv6(site):
    """They listen at IPv6 only, at addresses of their own."""
    a = Member("a", site.first, site.program, address=site.first.address6)
    b = Member("b", site.second, site.program, address=site.second.address6)
    see_each_other(a, "[fd66:1::1]", b, "[fd66:1::2]")
    end(a, b)


def test_relay(site):
    """A process in another network, where no broadcast gets to, is made known by one of this network."""
    a = Member("a", site.first, site.program)
    b = Member("b", site.second, site.program)
    see_each_other(a, "10.66.1.1", b, "10.66.1.2")
    c = Member("c", site.distant, site.program)
    expect(c.do("add", f"10.66.1.1:{a.port}", 1, 2), "3")  # it knows that one, and has a way there
    expect(c.next_change(), f"+ a 10.66.1.1:{a.port}")
    expect(a.next_change(), f"+ c 10.66.2.3:{c.port}")
    assert c.changes.empty() and b.changes.empty()
    expect(c.do("announce", f"10.66.1.1:{a.port}"), f"10.66.1.2:{b.port}")
    see_each_other(b, "10.66.1.2", c, "10.66.2.3")
    end(a, b, c)


def forward(site, listen, to):
    """Connections to the address `listen` of the router go on to `to`, from now on."""
    script = [sys.executable, "-B", str(Path(__file__).resolve()), "--forward", listen, to]
    process = subprocess.Popen(site.router.inside(*script), stdout=subprocess.PIPE, text=True)
    expect(process.stdout.readline().strip(), "forwarding")


def test_router_that_hides_a_host(site):
    """As behind NAT: nobody has a way to the host itself, only to two ports of the router, one on each side."""
    hidden = Host(4, site.far)  # no way to other networks
    a = Member("a", site.first, site.program)
    b = Member("b", site.second, site.program)
    see_each_other(a, "10.66.1.1", b, "10.66.1.2")
    c = Member("c", hidden, site.program, "--external", "10.66.1.254:4711")
    forward(site, "10.66.1.254:4711", f"10.66.2.4:{c.port}")
    forward(site, "10.66.2.254:4712", f"10.66.1.1:{a.port}")
    expect(c.do("announce", "10.66.2.254:4712"), f"10.66.1.2:{b.port}")
    expect(b.next_change(), "+ c 10.66.1.254:4711")
    expect(b.do("add", "10.66.1.254:4711", 1, 2), "3")
    end(a, b, c)


def lose_and_find(site, place):
    a = Member("a", site.first, site.program)
    b = Member("b", site.second, site.program)
    see_each_other(a, "10.66.1.1", b, "10.66.1.2")
    place.cut()
    expect(a.next_change(), f"- b 10.66.1.2:{b.port}")
    expect(b.next_change(), f"- a 10.66.1.1:{a.port}")
    place.heal()
    see_each_other(a, "10.66.1.1", b, "10.66.1.2")
    end(a, b)


def test_cut_at_a_host(site):
    lose_and_find(site, site.first)


def test_cut_elsewhere(site):
    """Neither host sees that anything has happened to its interface."""
    lose_and_find(site, site.near)


def test_address_that_comes_late(site):
    host = Host(31, site.near, addresses=[])
    a = Member("a", site.first, site.program)
    late = Member("late", host, site.program)
    host.ip("addr add 10.66.1.31/24 brd + dev eth0")
    see_each_other(a, "10.66.1.1", late, "10.66.1.31")
    end(a, late)


class Witness:
    """Tells from which addresses of IPv4 pings come to a host."""

    def __init__(self, host):
        script = [sys.executable, "-B", str(Path(__file__).resolve()), "--witness", host.address]
        self.process = subprocess.Popen(host.inside(*script), stdout=subprocess.PIPE, text=True)
        expect(self.process.stdout.readline().strip(), "listening")

    def heard_until(self, address):
        """All that it has heard of, up to `address`."""
        heard = set()
        while address not in heard:
            line = self.process.stdout.readline().strip()
            assert line, "the witness has ended"
            heard.add(line)
        return heard


def run_witness(address):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pings:
        pings.bind((EVERYWHERE, UDP_PORT))
        for group in GROUPS, OTHER_GROUPS:
            membership = socket.inet_aton(group.split(",")[0]) + socket.inet_aton(address)
            pings.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
        pings.settimeout(WAIT)
        print("listening", flush=True)
        while True:
            print(pings.recvfrom(65536)[1][0], flush=True)


def test_chosen_interface(site):
    """One that has two networks takes part in the one that was chosen only: in the other one it is neither heard nor
    found, and finds nobody."""
    witness = Witness(Host(41, site.far))
    a = Member("a", site.first, site.program)
    chosen = Member("chosen", site.router, site.program, interfaces="eth0")
    see_each_other(a, "10.66.1.1", chosen, "10.66.1.254")
    c = Member("c", site.distant, site.program)
    assert "10.66.2.254" not in witness.heard_until("10.66.2.3")
    both = Member("both", site.router, site.program, groups=OTHER_GROUPS, interfaces="eth0,eth1")
    expect(c.next_change(), f"+ both 10.66.2.254:{both.port}")  # and not the other one
    assert "10.66.2.254" in witness.heard_until("10.66.2.254")
    expect(chosen.next_change(), "+ both ...")
    assert chosen.changes.empty() and c.changes.empty()
    end(a, chosen, c, both)
    witness.process.kill()


async def pump(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def run_forwarder(listen, to):
    async def serve(reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection(*to.split(":"))
            await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(serve, *listen.split(":"))
    print("forwarding", flush=True)
    await server.serve_forever()


def main():
    if sys.argv[1] == "--forward":
        asyncio.run(run_forwarder(*sys.argv[2:]))
        return
    if sys.argv[1] == "--witness":
        run_witness(*sys.argv[2:])
        return
    enter_namespace()
    tests = (test_broadcast, test_multicast, test_link_local, test_ipv6, test_relay, test_router_that_hides_a_host,
             test_cut_at_a_host, test_cut_elsewhere, test_address_that_comes_late,
             test_chosen_interface)
    chosen = [test for test in tests if len(sys.argv) == 2 or test.__name__ in sys.argv[2:]]
    run_tests(chosen, Site(sys.argv[1]))


if __name__ == "__main__":
    main()
