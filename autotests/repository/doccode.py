#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Every ```cpp block of README.md and docs/*.md is part of a program that is compiled.

Usage: doccode.py SOURCE_DIRECTORY

The lines of a block must follow one another in one source of examples or autotests; indentation and empty lines do not
count. A line `// ...` in a block stands for lines of the source that are left out. A source counts if the
CMakeLists.txt of its folder, or of a folder above, names it, or if it is one of autotests/core/mistakes, which
mistakes.py compiles.

The lines of a ```text block are messages of the compiler or of a program: each must occur in a line of such a source,
which tries that the message comes.

A block of another kind (sh, cmake, hex ...) is not looked at, but it must say its kind.
"""

import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

LEFT_OUT = "// ..."
FENCE = re.compile(r"^\s*```\s*(\S*)")
MISTAKES = "autotests/core/mistakes"


@dataclass
class Block:
    kind: str
    number: int  # of the fence
    lines: list  # (number, text) without indentation; no empty ones


def blocks_of(document):
    """All blocks; one that is indented (four spaces, without a fence) is a command or an output, not C++."""
    block = None
    for number, line in enumerate(document.read_text().splitlines(), 1):
        fence = FENCE.match(line)
        if fence and block is None:
            block = Block(fence[1], number, [])
        elif fence:
            yield block
            block = None
        elif block and line.strip():
            block.lines.append((number, line.strip()))
    if block:
        yield block


def is_compiled(source, path):
    if path.relative_to(source).as_posix().startswith(MISTAKES):
        return True
    for folder in path.parents:
        lists = folder / "CMakeLists.txt"
        if lists.exists():
            name = path.relative_to(folder).with_suffix("").as_posix()
            words = re.split(r"[\s()]+", lists.read_text())
            if "asyncoro_add_example" in words and "SOURCES" not in words:
                words.append("main.cpp")  # what an example without SOURCES consists of
            if any(word.removesuffix(".cpp") in (name, f"{folder.name}/{name}") for word in words):
                return True
        if folder == source:
            return False
    return False


def compiled_sources(source):
    """The lines, without indentation and without empty ones, of each source."""
    for top in ("examples", "autotests"):
        for path in sorted((source / top).rglob("*.cpp")):
            if is_compiled(source, path):
                yield [line.strip() for line in path.read_text().splitlines() if line.strip()]


def found_from(wanted, lines, start):
    """How many of the wanted lines are found from there on; those behind a LEFT_OUT anywhere later."""
    position = start
    skip = False
    for count, line in enumerate(wanted):
        if line == LEFT_OUT:
            skip = True
            continue
        if skip:
            position = next((k for k in range(position, len(lines)) if lines[k] == line), len(lines))
            skip = False
        if position >= len(lines) or lines[position] != line:
            return count
        position += 1
    return len(wanted)


def complaint_code(block, sources):
    wanted = [text for _, text in block.lines]
    best = 0
    for lines in sources:
        for start in (k for k, line in enumerate(lines) if wanted and line == wanted[0]):
            best = max(best, found_from(wanted, lines, start))
    if best < len(wanted):
        number, text = block.lines[best]
        what = "is in no compiled source"
        if best:
            what = "does not follow, in the compiled source, on the lines before it"
        return f"{number}: {text}: {what}"
    return None


def complaints_text(block, sources):
    for number, text in block.lines:
        if not any(text in line for lines in sources for line in lines):
            yield f"{number}: {text}: no test expects this message"


def complaints(source):
    sources = list(compiled_sources(source))
    for document in [source / "README.md", *sorted((source / "docs").glob("*.md"))]:
        for block in blocks_of(document):
            found = []
            if block.kind in ("cpp", "c++", "C++"):
                found = [complaint_code(block, sources)]
            elif block.kind == "text":
                found = complaints_text(block, sources)
            elif not block.kind:
                found = [f"{block.number}: a block must say what it holds: cpp, text, cmake ..."]
            yield from (f"{document.relative_to(source)}:{what}" for what in found if what)


def self_test():
    """The check is worth something only if it finds what is wrong: exactly the lines here with "wrong"."""
    files = {
        "examples/CMakeLists.txt": "add_subdirectory(one)\n",
        "examples/one/CMakeLists.txt": "asyncoro_add_example(one LINK x)\n",
        "examples/one/main.cpp": "int main()\n{\n    first();\n\n    second();\n    third();\n} // \"too late\"\n",
        "examples/one/forgotten.cpp": "forgotten();\n",
        "autotests/core/CMakeLists.txt": "asyncoro_add_test(core/atest LINK x)\n",
        "autotests/core/atest.cpp": "tested();\n",
        "autotests/core/mistakes/bad.cpp": "mistake(); // expect: that is a mistake\n",
        "README.md": "```cpp\nfirst();\nsecond();\n```\n```cpp\nfirst();\nthird(); // wrong\n```\n```sh\nls\n```\n",
        "docs/a.md": "```cpp\ntested();\n```\n```cpp\nint main()\n{\n    // ...\n    third();\n```\n",
        "docs/b.md": "```text\ntoo late\nnever said, wrong\n```\n``` \nwrong\n```\n",
        "docs/c.md": "```cpp\nforgotten(); // wrong\n```\n```cpp\nfirst();\n// ...\nfirst(); // wrong\n```\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder).resolve()
        for name, content in files.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(content)
        found = sorted(":".join(what.split(":")[:2]) for what in complaints(source))
    expected = sorted(
        f"{name}:{number - 1 if line == 'wrong' else number}"
        for name, content in files.items()
        for number, line in enumerate(content.splitlines(), 1)
        if name.endswith(".md") and "wrong" in line
    )
    assert found == expected, f"self-test: found {found}, expected {expected}"


def main():
    self_test()
    found = list(complaints(Path(sys.argv[1]).resolve()))
    print("\n".join(found) or "the code of the documents is that of compiled programs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
