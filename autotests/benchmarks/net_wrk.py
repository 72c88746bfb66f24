#!/usr/bin/env python3
# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The load of the pong figures: wrk asks a web server for its page, over and over.

    net_wrk.py PORT CONNECTIONS SECONDS

Prints the requests answered a second. Fails if a page is wrong, an answer is an error or a connection breaks.
"""

import re
import shutil
import subprocess
import sys
import urllib.request

NOT_THERE = 77


def main():
    port, connections, seconds = sys.argv[1:]
    url = f"http://127.0.0.1:{port}/"
    wrk = shutil.which("wrk")
    if not wrk:
        print("wrk is not installed", file=sys.stderr)
        return NOT_THERE
    with urllib.request.urlopen(url) as answer:
        page = answer.read()
    if page != b"Pong\n":
        print(f"the page is {page!r}", file=sys.stderr)
        return 1
    command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", url]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rate = re.search(r"Requests/sec:\s*([\d.]+)", said)
    if not rate or "Socket errors" in said or "Non-2xx" in said:
        print(said, file=sys.stderr)
        return 1
    print(f"requests {rate[1]} req/s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
