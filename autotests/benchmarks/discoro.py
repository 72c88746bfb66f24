# SPDX-FileCopyrightText: 2026 The Asyncoro authors
# SPDX-License-Identifier: LGPL-2.1-or-later

"""Small jobs through a scheduler to two server processes, all on this machine."""

from figures import Aim, Figure, Program

PEERS = ("Dask",)

# As Dask's LocalCluster: a scheduler, and two processes for jobs.
OURS = Program("discoro-ours", under=("discoro", "local", "--nodes", "1", "--servers", "2", "--"))
DASK = Program("discoro_dask.py", needs="Dask distributed, in Debian python3-distributed")

FIGURES = [
    Figure(
        "jobs",
        "small jobs, as many as go",
        "jobs/s",
        OURS,
        {"Dask": DASK},
        (Aim(30000), Aim(1, "Dask")),
        lower=False,
    ),
    Figure(
        "latency",
        "one small job there and back",
        "us",
        OURS,
        {"Dask": DASK},
        (Aim(200), Aim(1, "Dask")),
    ),
]
