# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Coroutines, mailboxes, timers and locks within one process.

Go: on two processors; "1 CPU": on one; "locked": each goroutine on a thread of its own.
"""

import os

from figures import Aim, Figure, Program

PEERS = ("QCoro", "Asio", "Go", "Go, 1 CPU", "Go, locked")

# A million idle coroutines need up to 3 GB in some peers.
MANY = 1_000_000 if os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGESIZE") > 6e9 else 100_000


def ours(*arguments, rounds=3):
    return Program("core-ours", arguments, rounds=rounds)


def qcoro(*arguments, rounds=3):
    return Program("core-qcoro", arguments, rounds=rounds, needs="QCoro 6, in Debian qcoro-qt6-dev")


def asio(*arguments, rounds=3):
    return Program("core-asio", arguments, rounds=rounds, needs="Boost 1.80 or newer, in Debian libboost1.88-dev")


def go(*arguments, processors=2, rounds=3):
    environment = (("GOMAXPROCS", str(processors)),)
    return Program("core-go", arguments, environment, rounds=rounds, needs="Go, in Debian golang-go")


FIGURES = [
    Figure(
        "messages",
        "100,000 coroutines send 3 messages each to one",
        "ns",
        ours("messages"),
        {"Asio": asio("messages"), "Go": go("messages"), "Go, 1 CPU": go("messages", processors=1)},
        (Aim(1, "Go"),),
    ),
    Figure(
        "pingpong",
        "message there and back, one thread",
        "ns",
        ours("pingpong"),
        {"Asio": asio("pingpong"), "Go, 1 CPU": go("pingpong", processors=1)},
        (Aim(100), Aim(1 / 3, "Go, 1 CPU")),
    ),
    # With two processors Go still keeps both goroutines on one thread; "locked" gives each its own, as ours have.
    Figure(
        "pingpong-threads",
        "message there and back, two threads",
        "ns",
        ours("pingpong-threads"),
        {"Asio": asio("pingpong-threads"), "Go": go("pingpong-threads"), "Go, locked": go("pingpong-locked")},
        (Aim(1, "Go"),),
    ),
    Figure(
        "sleeps",
        "100,000 coroutines sleep 0-100 ms, CPU time each",
        "ns",
        ours("sleeps"),
        {"QCoro": qcoro("sleeps", rounds=1), "Asio": asio("sleeps"), "Go": go("sleeps")},
        (Aim(1000),),
    ),
    Figure(
        "sleeps",
        "1,000,000 coroutines sleep 0-100 ms, CPU time each",
        "ns",
        ours("sleeps", str(MANY)),
        {"Asio": asio("sleeps", str(MANY), rounds=1), "Go": go("sleeps", str(MANY), rounds=1)},
        (Aim(1000),),
        key="sleeps-million",
    ),
    Figure(
        "await",
        "co_await of a task that does not suspend",
        "ns",
        ours("await"),
        {"QCoro": qcoro("await"), "Asio": asio("await")},
        (Aim(10), Aim(1 / 3, "QCoro")),
    ),
    Figure(
        "await-suspended",
        "co_await of a task that suspends",
        "ns",
        ours("await-suspended"),
        {"QCoro": qcoro("await-suspended"), "Asio": asio("await-suspended")},
        (Aim(1 / 3, "QCoro"),),
    ),
    Figure(
        "memory",
        f"memory of an idle coroutine with a mailbox, {MANY:,} of them",
        "B",
        ours("memory", str(MANY), rounds=1),
        {"Asio": asio("memory", str(MANY), rounds=1), "Go": go("memory", str(MANY), rounds=1)},
        (Aim(1024),),
    ),
    # A display shows a frame each 16.7 ms: one that begins later than that is missed, and drawing needs time, too.
    Figure(
        "frames",
        "frame 60 times a second beside 100,000 busy coroutines: begins late by, 99th percentile",
        "ms",
        ours("frames"),
        {},
        (Aim(16.7 / 2),),
    ),
    Figure(
        "frames-worst",
        "the same, the latest of 3 s",
        "ms",
        ours("frames"),
        {},
        (Aim(16.7),),
    ),
    Figure("lock", "lock and unlock, uncontended", "ns", ours("lock"), {"Go": go("lock")}, (Aim(50),)),
    Figure(
        "semaphore",
        "acquire and release, uncontended",
        "ns",
        ours("semaphore"),
        {"Go": go("semaphore")},
        (Aim(50),),
    ),
    Figure(
        "channel",
        "one value through a channel, uncontended",
        "ns",
        ours("channel"),
        {"Asio": asio("channel"), "Go": go("channel")},
        (Aim(50),),
    ),
    Figure(
        "signal",
        "a signal awaited and delivered",
        "ns",
        ours("signal"),
        {"QCoro": qcoro("signal")},
        (Aim(1 / 2, "QCoro"),),
    ),
]
FIGURES += [
    Figure(
        f"allocations-{what}",
        f"heap allocations of one {what}",
        "times",
        Program("core-ours-allocations", (f"allocations-{what}",), rounds=1),
        {},
        (Aim(0),),
    )
    for what in ("message", "channel", "resume", "sleep", "await", "lock")
]
