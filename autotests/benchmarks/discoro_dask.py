# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""The discoro figures with Dask distributed: a scheduler and two worker processes on this machine."""

import logging
import statistics
import sys
import time

try:
    from dask.distributed import Client, LocalCluster
except ImportError as error:
    print(error, file=sys.stderr)
    sys.exit(77)  # run.py takes this for "not installed"

JOBS = 2000
ONE_BY_ONE = 200


def job(n):
    return n + 1


def main():
    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=True,
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs=logging.ERROR,
    ) as cluster, Client(cluster) as client:
        client.wait_for_workers(2)
        client.gather(client.map(job, range(100), pure=False))  # warm up: the workers have the function now

        start = time.perf_counter()
        results = client.gather(client.map(job, range(JOBS), pure=False))
        print(f"jobs {JOBS / (time.perf_counter() - start):.6g} jobs/s", flush=True)
        if results != list(range(1, JOBS + 1)):
            sys.exit("wrong results")

        times = []
        for n in range(ONE_BY_ONE):
            start = time.perf_counter()
            if client.submit(job, n, pure=False).result() != n + 1:
                sys.exit("wrong result")
            times.append(time.perf_counter() - start)
        print(f"latency {statistics.median(times) * 1e6:.6g} us", flush=True)


if __name__ == "__main__":
    main()
