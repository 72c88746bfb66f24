#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""No line of a source has more than 120 columns.

Usage: linelength.py SOURCE_DIRECTORY
"""

import fnmatch
import sys
import tempfile
from pathlib import Path

from licensing import tracked_files

LIMIT = 120
SOURCES = ("*.h", "*.cpp", "*.qml", "*.py", "*.cmake")
# What is not held to it yet, by the beginning of its name. Take out what is.
NOT_YET = (
    "autotests/discoro/",
    "autotests/distributed/",
    "autotests/eventdispatcher/",
    "autotests/qml/",
    "cmake/",
    "qml/",
    "src/discoro/",
    "src/distributed/",
    "src/testing/",
    "tools/discoro",
)
# Lines that have to be as long as they are, by how they begin: what a compiler says, in one line.
EXCEPTIONS = ("// expect: ",)


def is_held(name):
    return any(fnmatch.fnmatch(name, pattern) for pattern in SOURCES) and not name.startswith(NOT_YET)


def complaints(source, names):
    for name in filter(is_held, names):
        for number, line in enumerate((source / name).read_text().splitlines(), 1):
            if len(line) > LIMIT and not line.startswith(EXCEPTIONS):
                yield f"{name}:{number}: {len(line)} columns"


def self_test():
    full = "x" * LIMIT
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        for name, content in {
            "good.cpp": f"{full}\n",
            "long.cpp": f"{full}\n{full}x\n",
            "message.cpp": f"// expect: {full}\n",
            "notes.md": f"{full}x\n",
        }.items():
            (source / name).write_text(content)
        found = list(complaints(source, ["good.cpp", "long.cpp", "message.cpp", "notes.md"]))
    assert found == [f"long.cpp:2: {LIMIT + 1} columns"], f"self-test: {found}"


def main():
    source = Path(sys.argv[1])
    self_test()
    found = list(complaints(source, tracked_files(source)))
    print("\n".join(found) or f"no line has more than {LIMIT} columns")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
