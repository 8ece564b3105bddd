"""Processes of a test, each in a group of its own: they and all they start are gone when the test is.

Keep out: which processes (servers.py, browser.py).
"""

import contextlib
import os
import signal
import subprocess
import time


def ended(*processes: subprocess.Popen[bytes], patience_s: float = 4) -> None:
    """Ends the groups of ``processes``: asked first, killed where the first of a group does not obey in time."""
    for process in processes:
        _signal(process, signal.SIGTERM)
    deadline = time.monotonic() + patience_s
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(deadline - time.monotonic(), 0))
    for process in processes:
        _signal(process, signal.SIGKILL)  # whatever is left of the group
        process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
