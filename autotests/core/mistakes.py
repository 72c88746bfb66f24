#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Each source in mistakes/ is refused by the compiler, with the messages that it expects.

Usage: mistakes.py COMPILER COMPILER_ID INCLUDE_DIRECTORIES_SEPARATED_BY_BARS

A line `// expect: TEXT` names a message of GCC; other compilers only have to refuse the source. docs/cancellation.md shows
these sources and messages: see autotests/repository/doccode.py.
"""

import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

EXPECT = re.compile(r"^// expect: (.*)$", re.MULTILINE)
FLAGS = ("-std=c++20", "-fsyntax-only", "-fPIC", "-Wall", "-Wextra", "-Werror")


def messages(compiler, path, includes):
    """What the compiler says of it; None if nothing is wrong."""
    environment = os.environ | {"LC_ALL": "C"}  # plain quotation marks
    run = subprocess.run([compiler, *FLAGS, *includes, path], capture_output=True, text=True, env=environment)
    return run.stderr if run.returncode else None


def complaints(compiler, compiler_id, directories):
    includes = [f"-I{directory}" for directory in directories if directory]
    paths = sorted((Path(__file__).parent / "mistakes").glob("*.cpp"))
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        results = list(threads.map(lambda path: messages(compiler, path, includes), paths))
    for path, said in zip(paths, results, strict=True):
        expected = EXPECT.findall(path.read_text())
        if said is None:
            yield f"{path.name}: the compiler does not mind"
            continue
        if not expected:
            yield f"{path.name}: expects no message"
        for text in expected if compiler_id == "GNU" else ():
            if text not in said:
                yield f"{path.name}: no message has: {text}\n{said}"


def main():
    compiler, compiler_id, directories = sys.argv[1:]
    found = list(complaints(compiler, compiler_id, directories.split("|")))
    print("\n".join(found) or "the compiler refuses every mistake")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
