"""Ask a member about pairs: priced first, journaled, booked, with progress in the log."""

import math
from dataclasses import replace
from time import monotonic

import polars as pl

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.adapters.lease import HELD, LeasedClient
from label_pipeline.adapters.store import keys_mark
from label_pipeline.adapters.where import Where
from label_pipeline.core.codes import outcomes
from label_pipeline.core.codes.purposes import CALIBRATE, GATE
from label_pipeline.core.errors import BudgetError, JudgeError, ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.judging.advance import Advance, Speed, sentence
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.measured import MIN_REPLIES, MOST_REPLIES, Vote, measure
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Measured, Plan, plan
from label_pipeline.core.judging.running import run_judging
from label_pipeline.core.judging.spent import replies
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.ports import ChatClient
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.payments import inherit, settle, settle_left
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run

STAGE_OF = {"canary": "anchor", "check": "calibrate"}
"""The stage whose tables a purpose may see, where it has another name."""

REJECTED_SHARE = 0.05
"""Texts an endpoint may reject before nothing is decided; a gate allows far fewer unreadable replies."""

LOG_EVERY_S = 5.0
"""Seconds between progress lines in a run's log: often enough to see it live, too seldom to flood the event log."""


def price(project: Project, order: JudgingOrder, *, at_most: bool = False) -> Plan:
    """The priced plan of ``order``; sends nothing.

    Args:
        project: the project.
        order: whom, about what.
        at_most: plan by bytes and limits, whatever the member's own replies took.
    """
    with project.journal() as journal:
        return plan(order, journal, None if at_most else measured_tokens(project, order.member))


def measured_tokens(project: Project, member: Member) -> Measured | None:
    """What replies of ``member`` took when it was compared and certified; None where it was not asked yet."""
    if (known := project.measured.get(member.member_hash)) is not None:
        return known
    store = project.store("calibrate")
    asked: Where = {"member_hash": member.member_hash, "purpose": [CALIBRATE, GATE]}
    about = store.read("judgements", ["doc_id"], asked)["doc_id"].unique().to_list()
    if len(about) < MIN_REPLIES:
        return None
    rows = store.query(
        "calibrate/measured_tokens",
        {"member_hash": member.member_hash, "most": MOST_REPLIES},
        {"judgements": asked, "documents": {"doc_id": about}},
    )
    took = ("input_tokens", "cached_tokens", "output_tokens", "requests")
    votes = [Vote(pair, *row) for pair, row in zip(pair_texts(rows), rows.select(took).iter_rows(), strict=True)]
    if (found := measure(member, votes)) is not None:
        project.measured[member.member_hash] = found
    return found


def ask_and_store(
    run: Run, project: Project, order: JudgingOrder, part: str = "", *, before: int = 0, of: int | None = None
) -> Judging:
    """Asks, books and stores: what was paid for is in table judgements before anything rests on it.

    Args:
        run: who asks.
        project: the project.
        order: whom, about what.
        part: tells apart several calls of one run, e.g. a day, collection and chunk.
        before: pairs that earlier calls of the same work have done, for people.
        of: pairs of the whole work; None: these are all.

    Returns:
        The judgements with what earlier, killed runs paid booked too. Where another model answered, its outcome says
        so: whoever decides on it must look (``refuse_unanswered`` does).

    Raises:
        JudgeError: the endpoint cannot do it.
        ValueError: the order has no cap: it may be priced, not carried out.
    """
    if math.isinf(order.cap_usd):
        raise ValueError(f"an order of {order.purpose} without a cap may be priced, not carried out: state cap_usd")
    commit = f"{order.purpose}:{run.run_id}:{order.member.member_hash[:16]}:{part}"
    try:
        judging = ask(run, project, order, before, of)
    except JudgeError:  # nothing may rest on what was answered, and it is paid for all the same
        settle_left(project, run.log, run.run_id)
        raise
    booked = given_up(run, project, order, book(judging.judgements, _known(project, order, judging), order.member))
    inherit(project, order, run.run_id, booked)
    _store_new(project, booked, f"{commit}:other model" if judging.outcome == "other_model" else commit)
    settle(project, run.run_id)
    return replace(
        judging,
        judgements=booked,
        requests=judging.requests + _recovered(booked),
        cost_usd=float(booked["cost_usd"].sum()),
    )


def given_up(run: Run, project: Project, order: JudgingOrder, judgements: pl.DataFrame) -> pl.DataFrame:
    """``judgements`` with the outcome of texts that no run gets an answer to: ``unanswerable`` for ``failed``.

    Only where most others are answered; in an outage every text is without an answer, and none for its own sake.
    """
    failed = judgements.filter(pl.col("outcome") == outcomes.FAILED)
    if failed.is_empty() or failed.height > _few(judgements):
        return judgements
    keys, limit = [*PAIR_KEY, "sample_index"], project.settings.endpoints[order.member.endpoint].unanswered_runs
    about: Where = {"member_hash": order.member.member_hash, "query_id": failed["query_id"].unique().to_list()}
    asked = project.store("rank").read("judgements", [*keys, "run_id", "outcome"], about)
    before = asked.filter(pl.col("outcome") == outcomes.FAILED).drop("outcome")
    seen = pl.concat([before, failed.select(before.columns)]).group_by(keys).agg(pl.col("run_id").n_unique())
    stubborn = seen.filter(pl.col("run_id") >= limit).select(*keys, pl.lit(True).alias("stubborn"))
    marked = judgements.join(stubborn, on=keys, how="left", nulls_equal=True, maintain_order="left")
    gone = pl.col("stubborn").fill_null(False) & (pl.col("outcome") == outcomes.FAILED)
    if not (count := marked.filter(gone).height):
        return judgements
    run.log.warning(f"{count} requests got no answer in {limit} runs, while others did: counted as ungraded")
    why = pl.lit(f"no answer in {limit} runs, the last time: ") + pl.col("detail")
    return marked.with_columns(
        pl.when(gone).then(pl.lit(outcomes.UNANSWERABLE)).otherwise("outcome").alias("outcome"),
        pl.when(gone).then(why).otherwise("detail").alias("detail"),
    ).drop("stubborn")


def _few(judgements: pl.DataFrame) -> float:
    """So many of these requests may be lost to single texts; more is the endpoint."""
    return max(1, REJECTED_SHARE * judgements.height)


def refuse_unanswered(judging: Judging, purpose: str, cap_usd: float) -> None:
    """An outage, a reached cap or another model is no evidence about a judge: nothing may be decided on it.

    Raises:
        ServedModelError: another model answered.
        BudgetError: the cap was reached half-way.
        ProviderUnavailableError: pairs without any reply.
        ProviderRejectedError: more than ``REJECTED_SHARE`` of the texts, and more than one, were rejected: that speaks
            of the account, the prompt or the model's context, not of single texts.
    """
    judging.refuse_ended()
    if judging.outcome == "cap":
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
    if rejected.height > _few(asked):
        raise ProviderRejectedError(
            f"{purpose}: {rejected.height} of {asked.height} requests to {rejected['member'][0]} were rejected, "
            f"more than {REJECTED_SHARE:.0%}, so nothing was decided; first: {rejected['detail'][0]}. Correct the "
            "account, the texts, or how much of one the prompt shows (document_max_chars); answers are kept"
        )


def _known(project: Project, order: JudgingOrder, judging: Judging) -> pl.DataFrame:
    """Key and model of the journal's replies that are booked already; nobody else's are looked for."""
    reused = judging.judgements.filter("reused")["request_key"].unique().to_list()
    if not reused:
        return judging.judgements.select("request_key", "model_reported").clear()
    where: dict[str, Where] = {"judgements": {"epoch": order.epoch, "request_key": reused}}
    return project.store(STAGE_OF.get(order.purpose, order.purpose)).query("calibrate/known_requests", where=where)


def _store_new(project: Project, judgements: pl.DataFrame, commit: str) -> None:
    """Appends the rows that no earlier run has stored: a repetition answered by the journal adds nothing."""
    store = project.store("rank")
    keys = ["request_key", "purpose", *PAIR_KEY, "sample_index"]
    same = {name: judgements[name].unique().to_list() for name in ("purpose", "epoch", "query_id")}
    before = store.read("judgements", [*keys, "outcome", "model_reported"], same).filter(
        ~pl.col("outcome").is_in(outcomes.NO_ANSWER),
        pl.col("model_reported").is_not_null(),  # a text was rejected, under whichever word: no reply either
    )  # fmt: skip
    costs = pl.col("cost_usd") > 0  # paid just now: where the journal was lost, a stored reply is paid for again
    free = judgements.filter(~costs).join(before, on=keys, how="anti", nulls_equal=True, maintain_order="left")
    new = pl.concat([judgements.filter(costs), free])
    if not new.is_empty():  # the rows are in the id: a repetition of the run may add others
        store.append("judgements", new, f"{commit}:{keys_mark(new, keys)}")


def ask(run: Run, project: Project, order: JudgingOrder, before: int = 0, of: int | None = None) -> Judging:
    """Carries ``order`` out; every reply is durable before it counts, also when this run is stopped.

    Raises:
        JudgeError: the endpoint cannot do it; see core/errors.py.
    """
    member, endpoint = order.member, project.settings.endpoints[order.member.endpoint]
    client: ChatClient = project.client(member.endpoint)
    lease = HELD.get()
    if lease is not None:
        client = LeasedClient(client, lease)
    said, speed = monotonic(), Speed()
    speed.of(before, said)

    def progress(advance: Advance) -> None:
        nonlocal said
        whole = replace(advance, done=before + advance.done, total=advance.total if of is None else of)
        project.progress(whole)
        now = monotonic()
        pace = speed.of(whole.done, now)
        if now - said >= LOG_EVERY_S or whole.done == whole.total:
            said = now
            run.log.info(f"{order.purpose} {member.name}: {sentence(whole, pace)}")

    async def judged(journal: SQLiteJournal) -> Judging:
        try:
            return await judge_pairs(
                order, client=client, journal=journal, concurrency=endpoint.concurrency, run_id=run.run_id,
                clock=project.clock, progress=progress, drain_s=endpoint.timeout_s,
            )  # fmt: skip
        finally:
            await client.close()  # in the loop that opened the connections

    with project.journal() as journal:
        judging = run_judging(judged(journal))
    if judging.estimated:
        run.log.warning(
            f"{judging.estimated} replies of {member.name} told no possible token count (field `usage`): their tokens "
            "and price are estimates, on the high side; compare them with the provider's bill"
        )
    for about, told in judging.noticed.items():
        if (known := (run.run_id, member.member_hash, about)) not in project.said:  # a run asks chunk by chunk
            project.said.add(known)
            run.log.warning(told)
    return judging


def book(judgements: pl.DataFrame, known: pl.DataFrame, member: Member) -> pl.DataFrame:
    """Books replies an interrupted run paid for: re-used, but in no table yet, so their cost is this run's.

    Args:
        judgements: JUDGEMENTS rows of this run.
        known: ``request_key`` and ``model_reported`` of every reply that is booked already.
        member: gives the price.
    """
    by = ["request_key", "model_reported"]
    seen = judgements.select(by).join(known.with_columns(seen=pl.lit(True)).unique(), on=by, how="left",
                                      maintain_order="left")["seen"]  # fmt: skip
    unbooked = pl.col("reused") & pl.lit(seen).is_null()
    tokens = judgements.select("input_tokens", "cached_tokens", "output_tokens")
    cost = pl.Series([member.price.cost_usd(*row) for row in tokens.iter_rows()], dtype=pl.Float64)
    first = pl.col("request_key").is_first_distinct()
    return judgements.with_columns(pl.when(unbooked & first).then(cost).otherwise("cost_usd").alias("cost_usd"))


def _recovered(booked: pl.DataFrame) -> int:
    """Requests of killed runs that this one books: re-used, and yet they cost something."""
    return replies(booked.filter("reused", pl.col("cost_usd") > 0))
