"""Ask a member about pairs from inside a Dagster run: priced first, journaled, with progress in the log.

Keep out: what is asked and what becomes of the answers (stages), the engine itself (core/judging).
"""

import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

import dagster as dg
import polars as pl

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.lease import HELD, Lease, LeasedClient
from label_pipeline.adapters.s3 import Objects
from label_pipeline.core.codes import outcomes
from label_pipeline.core.errors import (
    BudgetError,
    BusyError,
    LabelPipelineError,
    ProviderRejectedError,
    ProviderUnavailableError,
    ServedModelError,
)
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.plan import Plan, plan
from label_pipeline.core.judging.running import run_judging
from label_pipeline.core.judging.spent import replies
from label_pipeline.core.ports import ChatClient, PairText
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.defs.clocks import refuse_clock_set_back
from label_pipeline.defs.project import Project

STAGE_OF = {"canary": "anchor"}
"""The stage whose tables a purpose may see, where it has another name."""

REJECTED_SHARE = 0.05
"""Texts an endpoint may reject before nothing is decided; a gate allows far fewer unreadable replies."""

LOG_EVERY_S = 5.0
"""Seconds between progress lines in a run's log: often enough to see it live, too seldom to flood the event log."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turns this package's errors into a Dagster failure with their sentence; only an outage may be retried."""
    try:
        yield
    except LabelPipelineError as error:
        retry = isinstance(error, ProviderUnavailableError | BusyError)
        raise dg.Failure(
            description=str(error), metadata={"error": type(error).__name__, "reason": str(error)}, allow_retries=retry
        ) from error


def price(
    project: Project,
    member: Member,
    pairs: Sequence[PairText],
    *,
    epoch: int,
    purpose: str,
    served: str | None = None,
) -> Plan:
    """The priced plan of asking ``member`` about ``pairs``; sends nothing."""
    with project.journal() as journal:
        return plan(pairs, member, epoch=epoch, journal=journal, purpose=purpose, served=served)


@contextmanager
def spending(project: Project) -> Iterator[None]:
    """Lets one run of a project spend at a time, whoever launched it: pools do not hold for runs of the command line.

    A lock on this machine's disk; where the project's state is on S3, a lease there, which other machines see too.

    Raises:
        BusyError: another run holds the lock.
        ClockError: the clock was set back.
        StorageError: S3 cannot be reached or says no.
    """
    refuse_clock_set_back(project)
    if project.s3 is not None and project.settings.storage.remote is not None:
        with _lease(project, project.s3.objects, project.settings.storage.remote):
            yield
        return
    project.settings.home_path.mkdir(parents=True, exist_ok=True)
    with (project.settings.home_path / "spending.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                f"another run of project {project.settings.name} is asking a judge; two at once would pay twice: "
                "wait for it to end, then run this one again"
            ) from error
        yield  # closing the file releases the lock, also when this process is killed


@contextmanager
def _lease(project: Project, objects: Objects, root: str) -> Iterator[None]:
    owner = f"process {os.getpid()} on {socket.gethostname()}, since {project.clock():%Y-%m-%d %H:%M:%S} UTC,"
    lease = Lease(objects, f"{root}/spending.lease", owner, lasts_s=project.settings.storage.lease_s)
    with lease.held() as taken_over:
        if taken_over is not None:
            dg.get_dagster_logger().warning(taken_over)
        before = HELD.set(lease)
        try:
            yield
        finally:
            HELD.reset(before)


def ask_and_store(
    context: dg.AssetExecutionContext,
    project: Project,
    member: Member,
    pairs: Sequence[PairText],
    *,
    purpose: str,
    epoch: int,
    cap_usd: float,
    served: str | None = None,
    part: str = "",
) -> Judging:
    """Asks, books and stores: what was paid for is in table judgements before anything rests on it.

    Args:
        context: the run.
        project: the project.
        member: who is asked.
        pairs: about what.
        purpose: calibrate, gate, amplify, anchor or canary.
        epoch: calibration epoch.
        cap_usd: what may still be spent.
        served: the only model id accepted.
        part: tells apart several calls of one run, e.g. a day and collection.

    Raises:
        JudgeError: the endpoint cannot do it; replies of another model are stored first.
    """
    commit = f"{purpose}:{context.run.run_id}:{member.member_hash[:16]}:{part}"
    known = project.store(STAGE_OF.get(purpose, purpose)).query(
        "calibrate/known_requests", where={"judgements": {"epoch": epoch}}
    )
    try:
        judging = ask(context, project, member, pairs, purpose=purpose, epoch=epoch, cap_usd=cap_usd, served=served)
    except ServedModelError as error:
        if error.judgements is not None:
            booked = book(error.judgements, known, member)
            error.judgements, error.requests = booked, error.requests + _recovered(booked)
            _store_new(project, booked, f"{commit}:other model")
        raise
    booked = book(judging.judgements, known, member)
    _store_new(project, booked, commit)
    cost_usd = float(booked["cost_usd"].sum())
    return Judging(booked, judging.requests + _recovered(booked), cost_usd, judging.stopped)


def refuse_unanswered(judging: Judging, purpose: str, cap_usd: float) -> None:
    """An outage or a reached cap is no evidence about a judge: nothing may be decided on it.

    Raises:
        BudgetError: the cap was reached half-way.
        ProviderUnavailableError: pairs without any reply.
        ProviderRejectedError: more than ``REJECTED_SHARE`` of the texts, and more than one, were rejected: that speaks
            of the account, the prompt or the model's context, not of single texts.
    """
    if judging.stopped:
        raise BudgetError(
            f"{purpose}: stopped at the cap of ${cap_usd:.4f} with pairs unasked, so nothing was decided; "
            f"raise {purpose}.cap_usd and run again: what was answered is kept"
        )
    asked, failed = judging.judgements, judging.judgements.filter(pl.col("outcome") == outcomes.FAILED)
    if failed.height:
        raise ProviderUnavailableError(
            f"{purpose}: {failed.height} of {asked.height} requests to {failed['member'][0]} got no reply, "
            f"so nothing was decided; first: {failed['detail'][0]}. Run again: what was answered is kept"
        )
    rejected = asked.filter(pl.col("outcome") == outcomes.REJECTED)
    if rejected.height > max(1, REJECTED_SHARE * asked.height):
        raise ProviderRejectedError(
            f"{purpose}: {rejected.height} of {asked.height} requests to {rejected['member'][0]} were rejected, "
            f"more than {REJECTED_SHARE:.0%}, so nothing was decided; first: {rejected['detail'][0]}. Correct the "
            "account, the texts, or how much of one the prompt shows (document_max_chars); answers are kept"
        )


def _store_new(project: Project, judgements: pl.DataFrame, commit: str) -> None:
    """Appends the rows that no earlier run has stored: a repetition answered by the journal adds nothing."""
    store = project.store("rank")
    keys = ["request_key", "purpose", *PAIR_KEY, "sample_index"]
    same = {name: judgements[name].unique().to_list() for name in ("purpose", "epoch")}
    before = store.read("judgements", [*keys, "outcome"], same).filter(
        ~pl.col("outcome").is_in([*outcomes.NO_ANSWER, outcomes.REJECTED])  # a text was rejected: no reply either
    )
    new = judgements.join(before, on=keys, how="anti", nulls_equal=True, maintain_order="left")
    if not new.is_empty():
        store.append("judgements", new, commit)


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
    client: ChatClient = project.client(member.endpoint)
    lease = HELD.get()
    if lease is not None:
        client = LeasedClient(client, lease)
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
                drain_s=project.settings.endpoints[member.endpoint].timeout_s,
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


def _recovered(booked: pl.DataFrame) -> int:
    """Requests of killed runs that this one books: re-used, and yet they cost something."""
    return replies(booked.filter("reused", pl.col("cost_usd") > 0))
