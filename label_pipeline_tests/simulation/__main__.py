"""`make simulate`: ten thousand histories on all cores, or one by its number; ends with 1 where one does not hold."""

import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console

from label_pipeline_tests.simulation.history import History, play

SEEDS = 10_000


def told(seed: int) -> History | str:
    """What became of one seed, or the sentence of what does not hold."""
    try:
        return play(seed)
    except AssertionError as error:
        return str(error) if str(error).startswith(f"seed {seed}:") else f"seed {seed}: {error!r}"


def main(first: int, count: int) -> int:
    """Plays the seeds, with progress; returns the exit code."""
    console, wrong = Console(highlight=False), []
    runs = requests = 0
    started = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for number, found in enumerate(pool.map(told, range(first, first + count), chunksize=20), 1):
            if isinstance(found, str):
                wrong.append(found)
                console.print(found)
            else:
                runs += found.runs
                requests += found.requests
            if number % 1_000 == 0 or number == count:
                took = time.monotonic() - started
                console.print(f"{number} of {count} seeds, {runs} runs, {requests} requests, {took:.0f} s")
    console.print(f"{len(wrong)} of {count} histories do not hold")
    return 1 if wrong else 0


if __name__ == "__main__":
    chosen = int(sys.argv[1]) if len(sys.argv) > 1 else None
    sys.exit(main(0, SEEDS) if chosen is None else main(chosen, 1))
