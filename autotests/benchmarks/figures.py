# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The words in which core.py, net.py, distributed.py and discoro.py tell run.py what to measure."""

from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True)
class Program:
    """A program that prints lines of `name value unit`.

    name     of the built program; one that ends in .py is a script of this folder
    under    a program of ours that runs it, and that one's arguments
    rounds   how often it runs at most, for one that is slow
    needs    what to install where it is missing
    """

    name: str
    arguments: tuple = ()
    environment: tuple = ()
    under: tuple = ()
    rounds: int = 3
    needs: str = ""

    def command(self):
        return (self.environment, *self.under, self.name, *self.arguments)


@dataclass(frozen=True)
class Served:
    """A server that prints `listening PORT`, and the program that is called with this port and prints the lines.

    `{pid}` in the load's arguments becomes the server's process id.
    """

    name: str
    load: Program
    rounds: int = 3
    needs: str = ""

    def command(self):
        return (self.name, *self.load.command())


@dataclass(frozen=True)
class Aim:
    """What our value has to reach: `value` itself, or `value` times what `peer` has."""

    value: float
    peer: str = ""

    def text(self, figure):
        sign = "<=" if figure.lower else ">="
        if not self.peer:
            return f"{sign} {self.value:,.10g} {figure.unit}"
        part = Fraction(self.value).limit_denominator(9)
        amount = str(part) if abs(part - self.value) < 1e-9 else f"{self.value:.3g}"
        return f"{sign} {self.peer}" if self.value == 1 else f"{sign} {amount} of {self.peer}"

    def holds(self, figure, ours, peers):
        """True, False, or None where the peer has no value."""
        bound = self.value
        if self.peer:
            if peers.get(self.peer) is None:
                return None
            bound *= peers[self.peer]
        return ours <= bound if figure.lower else ours >= bound


@dataclass(frozen=True)
class Figure:
    """One row of the table.

    name    of the line that the programs print for it
    unit    that this line has to end in
    ours    our program
    peers   the others, by the column's title
    aims    all of which have to hold
    lower   whether less is better
    key     what the row is called in the JSON output and on the command line; the name unless two rows share it
    """

    name: str
    title: str
    unit: str
    ours: object
    peers: dict = field(default_factory=dict)
    aims: tuple = ()
    lower: bool = True
    key: str = ""

    @property
    def id(self):
        return self.key or self.name
