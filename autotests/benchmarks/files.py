# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Files that are read by one thread: time on the clock, and processor time of all threads, for each piece or file.

QFile blocks: it is what reading costs at least. io_uring: bare, below an epoll loop; Asio's files use that, too.
"""

from figures import Aim, Figure, Program

PEERS = ("QFile", "io_uring", "Asio")
PROGRAMS = {
    "QFile": ("files-qt", "Qt Core"),
    "io_uring": ("files-uring", "liburing, in Debian liburing-dev, and a kernel that allows it"),
    "Asio": ("files-asio", "Boost 1.80 or newer and liburing, in Debian libboost1.88-dev and liburing-dev"),
}


def figures(work, title, aims, cpu_aims, peers=PEERS):
    """Two rows of one work."""
    programs = {peer: Program(PROGRAMS[peer][0], (work,), needs=PROGRAMS[peer][1]) for peer in peers}
    ours = Program("files-ours", (work,))
    return [
        Figure(work, title, "us", ours, programs, aims),
        Figure(f"{work}-cpu", "the same, CPU time", "us", ours, programs, cpu_aims),
    ]


FIGURES = [
    *figures(
        "sequential", "read 64 KiB, 256 MiB in order, cached", (Aim(1.25, "QFile"),), (Aim(1.25, "QFile"),)
    ),
    *figures("random", "read 4 KiB anywhere, cached", (Aim(1.25, "QFile"),), (Aim(1.25, "QFile"),)),
    *figures("small", "open, read, close a small file, cached", (Aim(2, "QFile"),), (Aim(2, "QFile"),)),
    *figures(
        "small-at-once",
        "the same by 16 coroutines",
        (Aim(2, "Asio"),),
        (Aim(2, "Asio"),),
        peers=("io_uring", "Asio"),
    ),
    # Where a ring pays: many requests by one system call, and no thread is woken.
    *figures("cold", "read 4 KiB anywhere, 16 coroutines, not cached", (Aim(1, "QFile"),), (Aim(2, "QFile"),)),
    *figures("write", "write 4 KiB anywhere, 16 coroutines", (Aim(1.25, "Asio"),), (Aim(1.25, "Asio"),)),
]
