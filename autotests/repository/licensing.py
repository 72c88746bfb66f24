#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Each tracked file says whose it is and under which licence: by SPDX tags, or by REUSE.toml.

Usage: licensing.py SOURCE_DIRECTORY
"""

import fnmatch
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

# The first pattern that fits decides. What fits none may have any licence of LICENSES/.
EXPECTED_LICENCES = (
    ("*CMakeLists.txt", "BSD-2-Clause"),
    ("*.cmake", "BSD-2-Clause"),
    ("examples/*", "0BSD"),
    ("src/*", "LGPL-2.1-or-later"),
    ("qml/*", "LGPL-2.1-or-later"),
    ("tools/*.cpp", "LGPL-2.1-or-later"),
    ("tools/*.h", "LGPL-2.1-or-later"),
    ("tools/*.qml", "LGPL-2.1-or-later"),
)
COPYRIGHT = "SPDX-" + "FileCopyrightText: "
LICENCE = re.compile("SPDX-" + r"License-Identifier:\s*(\S+)")


def tracked_files(source):
    git = ["git", "-c", "safe.directory=*", "ls-files", "-z"]
    output = subprocess.run(git, cwd=source, check=True, capture_output=True, text=True).stdout
    return sorted(name for name in output.split("\0") if (source / name).is_file())


def annotated_patterns(source):
    for annotation in tomllib.loads((source / "REUSE.toml").read_text())["annotations"]:
        paths = annotation["path"]
        yield from [paths] if isinstance(paths, str) else paths


def complaint(source, name, licences):
    """What is wrong with the tags of one file, or None."""
    head = "\n".join((source / name).read_text(errors="replace").splitlines()[:10])
    licence = LICENCE.search(head)
    if COPYRIGHT not in head or not licence:
        return "has no SPDX tags at its beginning, and no entry in REUSE.toml"
    expected = next((licence for pattern, licence in EXPECTED_LICENCES if fnmatch.fnmatch(name, pattern)), None)
    if expected and licence[1] != expected:
        return f"is under {licence[1]}, and should be under {expected}"
    if licence[1] not in licences:
        return f"is under {licence[1]}, which is not in LICENSES/"
    return None


def complaints(source, names):
    licences = {path.stem for path in (source / "LICENSES").iterdir()}
    annotated = list(annotated_patterns(source))
    for name in names:
        if name.startswith("LICENSES/") or any(fnmatch.fnmatch(name, pattern) for pattern in annotated):
            continue
        problem = complaint(source, name, licences)
        if problem:
            yield f"{name}: {problem}"


def self_test():
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        for name, content in {
            "LICENSES/0BSD.txt": "",
            "REUSE.toml": 'annotations = [{path = "*.json"}]',
            "good.sh": f"# {COPYRIGHT}x\n# SPDX-" + "License-Identifier: 0BSD\n",
            "no-tags.cpp": "int x;\n",
            "src/wrong-licence.cpp": f"// {COPYRIGHT}x\n// SPDX-" + "License-Identifier: 0BSD\n",
            "annotated.json": "{}",
        }.items():
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_text(content)
        names = ["good.sh", "no-tags.cpp", "src/wrong-licence.cpp", "annotated.json"]
        found = [line.split(":")[0] for line in complaints(source, names)]
    assert found == ["no-tags.cpp", "src/wrong-licence.cpp"], f"self-test: {found}"


def main():
    source = Path(sys.argv[1])
    self_test()
    found = list(complaints(source, tracked_files(source)))
    print("\n".join(found) or "every file has its licence")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
