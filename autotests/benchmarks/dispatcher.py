# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Event dispatchers by themselves: CPU time of one event, in one process; ours beside the two of Qt."""

from figures import Aim, Figure, Program

PEERS = ("Qt, poll", "Qt, glib")


def loops(dispatcher, name):
    return Program("dispatcher-loops", (dispatcher, name), needs="Qt with glib" if dispatcher == "glib" else "")


def figure(name, title):
    peers = {"Qt, poll": loops("poll", name), "Qt, glib": loops("glib", name)}
    return Figure(name, title, "ns", loops("ours", name), peers, (Aim(1, "Qt, poll"), Aim(1, "Qt, glib")), lower=True)


FIGURES = [
    figure("posted", "an event posted in each turn"),
    figure("notifiers", "one of 10 sockets ready in each turn"),
    figure("notifiers-of-many", "one of 5,000 sockets ready in each turn"),
    figure("timers", "a timer of 10,000 started anew"),
    figure("wake-ups", "an event to another thread and back"),
]
