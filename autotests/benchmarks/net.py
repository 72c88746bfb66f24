# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Servers, each with one thread, under the same load from another process. Ours are examples."""

from figures import Aim, Figure, Program, Served

PEERS = ("epoll", "Asio", "Qt signals", "QCoro")
SERVERS = {
    "epoll": ("net-epoll", "Linux"),
    "Asio": ("net-asio", "Boost 1.80 or newer, in Debian libboost1.88-dev"),
    "Qt signals": ("net-qt", "Qt Network"),
    "QCoro": ("net-qcoro", "QCoro 6, in Debian qcoro-qt6-dev"),
}
SECONDS = "0.7"


def figure(name, title, unit, load, aims, lower=False, key="", once=(), without=()):
    """A row that puts `load` on all servers; those of `once` run once only, as they are slow at this."""
    program = Program("net-load", tuple(load))
    return Figure(
        name,
        title,
        unit,
        Served("echo-server", program),
        {
            peer: Served(server, program, rounds=1 if peer in once else 3, needs=needs)
            for peer, (server, needs) in SERVERS.items()
            if peer not in without
        },
        aims,
        lower,
        key,
    )


def tls_figure(name, title, unit, load, key=""):
    """The same with TLS 1.3."""
    program = Program("net-tls-load", tuple(load), needs="OpenSSL 3, in Debian libssl-dev")
    peers = {"Asio": Served("net-tls-asio", program, needs="Boost 1.80 and OpenSSL 3, in Debian libboost1.88-dev")}
    return Figure(name, title, unit, Served("net-tls-ours", program), peers, (Aim(0.9, "Asio"),), lower=False, key=key)


def echo(connections, active):
    return ("--connections", str(connections), "--active", str(active), "--seconds", SECONDS, "--pid", "{pid}")


STREAM = ("--mode", "stream", "--connections", "1", "--bytes", "4000000000", "--pid", "{pid}")


def pong(connections):
    """A row of the web server."""
    load = Program("net_wrk.py", (str(connections), "1"), needs="wrk")
    return Figure(
        "requests",
        f"web pages a second, {connections:,} connections",
        "req/s",
        Served("pong-server", load),
        {"Asio": Served("net-asio-pong", load, needs=SERVERS["Asio"][1])},
        (Aim(0.9, "Asio"),),
        lower=False,
        key=f"pong-{connections}",
    )


SLOW = ("Qt signals", "QCoro")
FIGURES = [
    figure(
        "messages",
        "echo 64 B, 100 active connections",
        "msg/s",
        echo(100, 100),
        (Aim(0.95, "Asio"),),
        key="echo-100",
    ),
    figure(
        "messages",
        "echo 64 B, 1,000 active connections",
        "msg/s",
        echo(1000, 1000),
        (Aim(0.95, "Asio"),),
        key="echo-1000",
    ),
    figure(
        "messages",
        "echo 64 B, 5 active of 10,000 open",
        "msg/s",
        echo(10000, 5),
        (Aim(0.95, "Asio"),),
        key="echo-idle",
        once=SLOW,
    ),
    # The same runs as the row before; bare epoll keeps nothing for a connection.
    figure(
        "memory",
        "memory of an open connection, 10,000 of them",
        "B",
        echo(10000, 5),
        (Aim(6144),),
        lower=True,
        once=SLOW,
        without=("epoll",),
    ),
    figure(
        "connections",
        "connected, greeted and closed",
        "conn/s",
        ("--mode", "accept", "--connections", "20", "--seconds", SECONDS),
        (Aim(0.9, "Asio"),),
    ),
    figure(
        "stream",
        "one stream of 4 GB there and back",
        "MB/s",
        STREAM,
        (Aim(0.9, "epoll"),),
    ),
    # The same runs as the row before.
    figure(
        "peak",
        "memory at most meanwhile, of the process",
        "MB",
        STREAM,
        (Aim(64),),
        lower=True,
    ),
    pong(100),
    pong(1000),
    tls_figure(
        "tls-messages",
        "TLS: echo 64 B, 100 active connections",
        "msg/s",
        ("--connections", "100", "--seconds", SECONDS),
        key="tls-echo",
    ),
    tls_figure(
        "tls-connections",
        "TLS: connected, greeted and closed",
        "conn/s",
        ("--mode", "accept", "--connections", "20", "--seconds", SECONDS),
    ),
    tls_figure(
        "tls-stream",
        "TLS: one stream there and back",
        "MB/s",
        ("--mode", "stream", "--connections", "1", "--seconds", SECONDS),
    ),
]
