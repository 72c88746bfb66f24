# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Messages between two processes of this machine; ZeroMQ's are raw bytes.

The Python ancestor delivers 3,400 a second.
"""

from figures import Aim, Figure, Program

PEERS = ("ZeroMQ", "SHA-256 alone")


def figure(name, title, unit, aims, lower=False, alone=False, rounds=3):
    needs = "ZeroMQ, in Debian libzmq3-dev"
    return Figure(
        name,
        title,
        unit,
        Program("distributed-ours", (name,), rounds=rounds),
        {} if alone else {"ZeroMQ": Program("distributed-zmq", (name,), needs=needs)},
        aims,
        lower,
    )


FIGURES = [
    figure("send-int", "send of an int", "msg/s", (Aim(0.25, "ZeroMQ"),)),
    figure("send-bytes", "send of 32 bytes", "msg/s", (Aim(0.25, "ZeroMQ"),)),
    figure("deliver", "deliver, one at a time", "us", (Aim(0.5, "ZeroMQ"),), lower=True),
    figure("deliver-many", "1,000 coroutines that deliver", "msg/s", (Aim(300000),)),
    figure("channel", "channel with 1,000 subscribers in 10 processes", "msg/s", (Aim(1000000),), alone=True),
    figure("idle", "1,000 peers, idle: part of a core", "%", (Aim(1),), lower=True, alone=True, rounds=1),
    Figure(
        "file",
        "file of 4 GB, verified",
        "MB/s",
        Program("file-ours", ("file",)),
        {"SHA-256 alone": Program("file-ours", ("openssl",))},
        (Aim(0.7, "SHA-256 alone"),),
        False,
    ),
]
