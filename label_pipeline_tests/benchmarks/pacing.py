"""The pace of an endpoint with a quota: the rule of before against today's, on a simulated server.

Its figures are simulated seconds, the same on every machine; `python -m label_pipeline_tests.benchmarks.pacing` prints
them as a table. Keep out: what a request costs us (bulk.py).
"""

import sys
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from label_pipeline.adapters.limiter import Limiter
from label_pipeline_tests.adapters.pace.crowd import Crowd, ask
from label_pipeline_tests.adapters.pace.fixed import FixedLimiter
from label_pipeline_tests.adapters.pace.test_quota import SIZES, bucket, seconds_of, share
from label_pipeline_tests.benchmarks.paired import Paired

WORKERS = (64, 256, 1_000)


def pacing() -> Iterator[Paired]:
    """Seconds an answer takes of a quota nobody names, and refusals an answer; a round for each number of workers."""
    ran = [(_asked(1.0, count, Limiter), _asked(1.0, count, FixedLimiter)) for count in WORKERS]
    names = ("a pace found from refusals", "a fixed number in flight, a pause at each 429")
    rounds = f"{', '.join(f'{count:,}' for count in WORKERS)} workers"
    for question, unit, read in (
        ("How long does an answer take at a quota of 20 requests a second", "an answer", _seconds),
        ("How many refusals (a second each) does an answer cost there", "an answer", _refusals),
    ):
        ours, before = zip(*((read(mine), read(old)) for mine, old in ran), strict=True)
        yield Paired(f"{question}, {rounds}?", *names, unit, ours, before, "simulated")


def _seconds(crowd: Crowd) -> float:
    return crowd.seconds / crowd.answers


def _refusals(crowd: Crowd) -> float:
    return crowd.refusals_an_answer


def _asked(latency_s: float, in_flight: int, make: type[Limiter]) -> Crowd:
    return ask(bucket(latency_s, in_flight), in_flight, seconds_of(latency_s), make)


def main() -> int:
    """Prints share of quota, refusals an answer and lost rows of both; returns the exit code."""
    table = Table(
        "latency, s", "in flight", "share before", "share", "refusals before", "refusals", "lost before", "lost"
    )
    for latency_s, in_flight in SIZES:
        old, new = (_asked(latency_s, in_flight, make) for make in (FixedLimiter, Limiter))
        table.add_row(
            f"{latency_s:g}", f"{in_flight:,}", f"{share(old):.2f}", f"{share(new):.3f}",
            f"{old.refusals_an_answer:.2f}", f"{new.refusals_an_answer:.4f}", str(old.lost), str(new.lost),
        )  # fmt: skip
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
