"""Where several processes test at once (pytest -n), each keeps to cores of its own, with all the processes that it starts.

Otherwise all of them compute in as many threads as there are cores, and wait for each other.
"""

import os

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
if WORKER and hasattr(os, "sched_setaffinity"):
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cores[int(WORKER.removeprefix("gw")) % len(cores) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])])
