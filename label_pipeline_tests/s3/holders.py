"""What a process of its own does with the spending lease or a table, beside the tests so that it loads little.

Keep out: expectations.
"""

import os
import time
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from label_pipeline.adapters.lease import Lease
from label_pipeline.adapters.s3 import Objects
from label_pipeline.adapters.store import Store
from label_pipeline.core.errors import BusyError
from label_pipeline_tests.adapters.writers import looks
from label_pipeline_tests.s3 import servers

ROUNDS = 4


def lease(bucket: str, owner: str, lasts_s: float) -> Lease:
    """A lease of this bucket, on the server the environment names."""
    objects = Objects(servers.client("s3", os.environ["AWS_ENDPOINT_URL"]))
    return Lease(objects, f"s3://{bucket}/spending.lease", owner, lasts_s=lasts_s)


def enter_again_and_again(bucket: str, start: Barrier, folder: str) -> None:
    """Enters the lease ``ROUNDS`` times; fails where another process is inside."""
    mine, entered = lease(bucket, f"process {os.getpid()}", 60), 0
    start.wait()
    while entered < ROUNDS:
        try:
            with mine.held():
                with (Path(folder) / "inside").open("x"):  # exists: another one is inside
                    time.sleep(0.02)
                (Path(folder) / "inside").unlink()
                entered += 1
        except BusyError:
            time.sleep(0.05)


def hold_until_killed(bucket: str, lasts_s: float, holding: Event) -> None:
    """Holds the lease."""
    with lease(bucket, "the machine that died", lasts_s).held():
        holding.set()
        time.sleep(600)


def append_again_and_again(root: str, options: dict[str, str], writer: int, start: Barrier, times: int) -> None:
    """Appends one row per commit."""
    start.wait()
    for number in range(times):
        Store(root, options=options).append("holdout_looks", looks(f"{writer}-{number}"), f"{writer}-{number}")
