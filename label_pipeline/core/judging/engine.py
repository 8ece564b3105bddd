"""Judges pairs: the journal first, then the endpoint, concurrently, within a cap, losing nothing that was paid for.

Lives here: the public function and its contract; the work is in core/judging/workers.py. Keep out: HTTP retries and
rate limits (adapters), and who may be asked what (stages).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from label_pipeline.core import boundary
from label_pipeline.core.errors import NoGradesError, ServedModelError
from label_pipeline.core.judging.answers import Answer, judgement_frame
from label_pipeline.core.judging.asks import Ask
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.workers import Workers
from label_pipeline.core.ports import ChatClient, Clock, Journal, Progress

Outcome = Literal["complete", "cap", "other_model", "no_grades"]


@dataclass(frozen=True)
class Judging:
    """The judgements of one order, and how it ended.

    Attributes:
        judgements: one row per pair and vote, in the order of the pairs (core/catalogue/, JUDGEMENTS). Where another
            model answered: a row for every ask that got a reply, outcome ``wrong_model`` for the other model's.
        requests: requests sent (the client's own retries not counted).
        cost_usd: US dollars paid in this run, reading attempts included.
        outcome: ``cap``: asks were left unsent because the cap was reached; ``other_model``: a model answered that is
            not accepted, and asking ended there; ``no_grades``: so it did after the order's ``gives_up`` replies; else
            ``complete``.
        sentence: what to tell about another model, or about no grades; empty elsewhere.
        estimated: replies of this run whose tokens are our estimate, on the high side.
        lost_usd: US dollars that tries whose answer never came may have cost at most.
        noticed: what this run's replies show together, as sentences, by what it is about (noticed.py).
    """

    judgements: pl.DataFrame
    requests: int
    cost_usd: float
    outcome: Outcome = "complete"
    sentence: str = ""
    estimated: int = 0
    lost_usd: float = 0.0
    noticed: Mapping[str, str] = field(default_factory=dict)

    def refuse_ended(self) -> None:
        """Raises where another model answered, or replies without a grade ended it.

        Raises:
            ServedModelError: with the sentence.
            NoGradesError: likewise.
        """
        if self.outcome == "other_model":
            raise ServedModelError(self.sentence)
        if self.outcome == "no_grades":
            raise NoGradesError(self.sentence)


async def judge_pairs(
    order: JudgingOrder,
    *,
    client: ChatClient,
    journal: Journal,
    concurrency: int,
    run_id: str,
    clock: Clock,
    progress: Progress | None = None,
    drain_s: float = 60.0,
) -> Judging:
    """Gets ``member.votes`` judgements of every pair of ``order``.

    The first request goes out alone: a bad key, an unknown model or a silently replaced one costs one request, and the
    provider's cache has the fixed prefix before the others arrive. Replies of a model that is not accepted are kept in
    the journal but answer nothing; the next run asks again. What the cap leaves unsent
    are ``over_cap`` rows; the journal still answers.

    Args:
        order: what is asked of whom.
        client: the member's endpoint.
        journal: memory of replies; a reply is durable in it before it counts.
        concurrency: requests under way at once.
        run_id: the run, for the rows.
        clock: current time.
        progress: told whenever a pair has all its votes.
        drain_s: seconds an interrupted run waits for requests under way, which are paid for; the client's time-out
            lets every one of them end. A second interrupt gives them up at once.

    Raises:
        ValueError: customer text for an endpoint outside the boundary.
        ProviderRejectedError: a no that concerns every request; a no to one text is a ``rejected`` row.
        ProviderUnavailableError: FAILURES_IN_A_ROW requests unanswered in a row, or the first ``concurrency`` of a run
            in which nothing was ever answered. Fewer are ``failed`` rows.

    Where any pair is customer text, neither of the last two repeats the provider's words: they may quote it.
    """
    member = order.member
    boundary.refuse_exposed(order.pairs, member.endpoint, inside=member.inside)
    workers = Workers(order, client, journal, concurrency, clock, progress, drain_s, run_id)

    def judging(asks: Sequence[Ask], answers: Sequence[Answer], outcome: Outcome, sentence: str = "") -> Judging:
        rows = judgement_frame(
            order.pairs, asks, answers, member, epoch=order.epoch, run_id=run_id, purpose=order.purpose
        )
        return Judging(
            rows,
            workers.requests,
            workers.budget.paid_usd,
            outcome,
            sentence,
            workers.noticed.estimated,
            workers.budget.lost_usd,
            workers.noticed.sentences,
        )

    try:
        answers = await workers.finish()
    except (ServedModelError, NoGradesError) as error:  # replies under way are in the journal by now
        ended: Outcome = "other_model" if isinstance(error, ServedModelError) else "no_grades"
        paid = workers.paid()
        return judging([ask for ask, _ in paid], [answer for _, answer in paid], ended, str(error))
    return judging(workers.asks, answers, "cap" if workers.budget.spent else "complete")
