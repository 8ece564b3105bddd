"""Ask a member about pairs from inside a Dagster run: priced first, journaled, with progress in the log.

Keep out: what is asked and what becomes of the answers (stages), the engine itself (core/judging).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import dagster as dg
import polars as pl

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.core.errors import LabelPipelineError, ProviderUnavailableError
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.plan import Plan, plan
from label_pipeline.core.judging.running import run_judging
from label_pipeline.core.ports import PairText
from label_pipeline.defs.project import Project

LOG_EVERY_S = 5.0
"""Seconds between progress lines in a run's log: often enough to see it live, too seldom to flood the event log."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turns this package's errors into a Dagster failure with their sentence; only an outage may be retried."""
    try:
        yield
    except LabelPipelineError as error:
        retry = isinstance(error, ProviderUnavailableError)
        raise dg.Failure(
            description=str(error), metadata={"error": type(error).__name__, "reason": str(error)}, allow_retries=retry
        ) from error


def price(project: Project, member: Member, pairs: Sequence[PairText], *, epoch: int, purpose: str) -> Plan:
    """The priced plan of asking ``member`` about ``pairs``; sends nothing."""
    with project.journal() as journal:
        return plan(pairs, member, epoch=epoch, journal=journal, purpose=purpose)


def ask(
    context: dg.AssetExecutionContext,
    project: Project,
    member: Member,
    pairs: Sequence[PairText],
    *,
    purpose: str,
    epoch: int,
    cap_usd: float,
    served: str | None = None,
) -> Judging:
    """Judges ``pairs``; every reply is durable before it counts, also when this run is stopped.

    Raises:
        JudgeError: the endpoint cannot do it; see core/errors.py.
    """
    client = project.client(member.endpoint)
    started = monotonic()
    said = started

    def progress(done: int, total: int, cost_usd: float) -> None:
        nonlocal said
        project.progress(done, total, cost_usd)
        if monotonic() - said >= LOG_EVERY_S or done == total:
            said = monotonic()
            rate = done / max(said - started, 1e-9)
            context.log.info(f"{purpose} {member.name}: {done}/{total} pairs, {rate:.0f} a second, ${cost_usd:.4f}")

    async def judged(journal: SQLiteJournal) -> Judging:
        try:
            return await judge_pairs(
                pairs,
                member,
                client=client,
                journal=journal,
                concurrency=project.settings.endpoints[member.endpoint].concurrency,
                epoch=epoch,
                run_id=context.run.run_id,
                purpose=purpose,
                clock=project.clock,
                cap_usd=cap_usd,
                served=served,
                progress=progress,
            )
        finally:
            await client.close()  # in the loop that opened the connections

    with project.journal() as journal:
        return run_judging(judged(journal))


def book(judgements: pl.DataFrame, known: pl.DataFrame, member: Member) -> pl.DataFrame:
    """Books replies an interrupted run paid for: re-used, but in no table yet, so their cost is this run's.

    Args:
        judgements: JUDGEMENTS rows of this run.
        known: ``request_key`` of every judgement stored already.
        member: gives the price.
    """
    unbooked = pl.col("reused") & ~pl.col("request_key").is_in(known["request_key"].implode())
    tokens = judgements.select("input_tokens", "cached_tokens", "output_tokens")
    cost = pl.Series([member.price.cost_usd(*row) for row in tokens.iter_rows()], dtype=pl.Float64)
    first = pl.col("request_key").is_first_distinct()
    return judgements.with_columns(pl.when(unbooked & first).then(cost).otherwise("cost_usd").alias("cost_usd"))
