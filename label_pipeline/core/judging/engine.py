"""Judges pairs: the journal first, then the endpoint, concurrently, within a cap, losing nothing that was paid for.

Lives here: the public function and its contract; the work is in core/judging/workers.py. Keep out: HTTP retries and
rate limits (adapters), and who may be asked what (stages).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import polars as pl

from label_pipeline.core.errors import ServedModelError
from label_pipeline.core.judging.answers import judgement_frame
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.workers import Workers
from label_pipeline.core.ports import ChatClient, Clock, Journal, PairText, Progress


@dataclass(frozen=True)
class Judging:
    """What came of judging.

    Attributes:
        judgements: one row a pair and vote, in the order of the pairs (core/catalogue/, JUDGEMENTS).
        requests: requests sent (the client's own retries not counted).
        cost_usd: US dollars paid in this run, reading attempts included.
        stopped: ``cap`` when asks were left unsent because the cap was reached, else None.
    """

    judgements: pl.DataFrame
    requests: int
    cost_usd: float
    stopped: str | None


async def judge_pairs(
    pairs: Sequence[PairText],
    member: Member,
    *,
    client: ChatClient,
    journal: Journal,
    concurrency: int,
    epoch: int,
    run_id: str,
    purpose: str,
    clock: Clock,
    cap_usd: float = math.inf,
    served: str | None = None,
    progress: Progress | None = None,
    drain_s: float = 60.0,
) -> Judging:
    """Gets ``member.votes`` judgements of every pair.

    The first request goes out alone: a bad key, an unknown model or a silently replaced one costs one request, and the
    provider's cache has the fixed prefix before the others arrive. Replies of a model that is not accepted are kept in
    the journal but answer nothing; the next run asks again.

    Args:
        pairs: what is judged; a pair may not be listed twice.
        member: who judges.
        client: the member's endpoint.
        journal: memory of replies; a reply is durable in it before it counts.
        concurrency: requests under way at once.
        epoch: calibration epoch, part of every request key.
        run_id: the run, for the rows.
        purpose: calibrate, gate, amplify, ...; for the rows.
        clock: current time.
        cap_usd: no request is sent once this much is spent; those under way may end above it. The rest are
            ``over_cap`` rows; the journal still answers.
        served: the only model id a reply may report; None accepts what ``member.serves``.
        progress: told whenever a pair has all its votes.
        drain_s: seconds an interrupted run waits for requests under way, which are paid for; the client's time-out
            lets every one of them end. A second interrupt gives them up at once.

    Raises:
        ValueError: customer text for an endpoint outside the boundary.
        ServedModelError: another model answered. Replies under way are journaled first; its ``judgements`` hold a row
            for every ask that got a reply, outcome ``wrong_model`` for the other model's; ``requests`` what was sent.
        ProviderRejectedError: a no that concerns every request; a no to one text is a ``rejected`` row.
        ProviderUnavailableError: FAILURES_IN_A_ROW requests unanswered in a row, or the first ``concurrency`` of a run
            in which nothing was ever answered. Fewer are ``failed`` rows.

    Where any pair is customer text, neither of the last two repeats the provider's words: they may quote it.
    """
    exposed = 0 if member.inside else sum(pair.customer for pair in pairs)
    if exposed:
        raise ValueError(
            f"{exposed} customer pairs would leave the boundary to endpoint {member.endpoint}; none was sent"
        )
    workers = Workers(pairs, member, client, journal, concurrency, epoch, clock, cap_usd, served, progress, drain_s)
    rows = partial(judgement_frame, pairs, member=member, epoch=epoch, run_id=run_id, purpose=purpose)
    try:
        answers = await workers.finish()
    except ServedModelError as error:
        paid = workers.paid()
        error.judgements = rows([ask for ask, _ in paid], [answer for _, answer in paid])
        error.requests = workers.requests
        raise
    return Judging(rows(workers.asks, answers), workers.requests, workers.cost_usd, workers.stopped)
