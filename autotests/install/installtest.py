#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: BSD-2-Clause

"""Installs a build into a temporary folder, then configures, builds and runs the project in consumer/ against it."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path


def run(*command):
    print("+", *command, flush=True)
    subprocess.run([str(word) for word in command], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cmake", required=True)
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--build-dir", required=True)
    options = parser.parse_args()
    consumer = Path(__file__).parent / "consumer"

    with tempfile.TemporaryDirectory(prefix="asyncoro-install-") as folder:
        prefix, build = Path(folder) / "prefix", Path(folder) / "build"
        run(options.cmake, "--install", options.build_dir, "--prefix", prefix)

        private = [path for path in prefix.rglob("*_p.h")]
        if private:
            sys.exit(f"private headers were installed: {private}")

        run(options.cmake, "-G", "Ninja", "-S", consumer, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}",
            f"-DCMAKE_CXX_COMPILER={options.compiler}", "-DCMAKE_BUILD_TYPE=Debug")  # fmt: skip
        run(options.cmake, "--build", build)
        for program in sorted((build / "bin").iterdir()):
            run(program)


if __name__ == "__main__":
    main()
