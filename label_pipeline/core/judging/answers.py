"""The answer to one ask, and the table of judgements made of all answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from label_pipeline.core.boundary import WITHHELD
from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.codes.outcomes import FAILED, REJECTED, UNANSWERED
from label_pipeline.core.judging.asks import Ask
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.reply import Reading
from label_pipeline.core.ports import PairText, Price, Reply


@dataclass
class Used:
    """What the reading attempts of one ask used up. Tokens, US dollars, requests."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    requests: int = 0

    def add(self, reply: Reply, price: Price, *, sent: bool) -> None:
        """Adds one reply; one that the journal gave costs nothing."""
        self.input_tokens += reply.input_tokens
        self.cached_tokens += reply.cached_tokens
        self.output_tokens += reply.output_tokens
        if sent:
            self.requests += 1
            self.cost_usd += price.cost_usd(reply.input_tokens, reply.cached_tokens, reply.output_tokens)


@dataclass(frozen=True, slots=True)
class Answer:
    """The last reading attempt of one ask. Tokens and cost are summed over its attempts, earlier ones included.

    Attributes:
        key: request key of the last attempt.
        attempt: its number, from 0.
        reading: what it says.
        model: model id as reported; None without a reply.
        fingerprint: system fingerprint as reported.
        served_by: host that answered, and the provider it named.
        input_tokens: tokens.
        cached_tokens: of the input tokens, served from cache.
        output_tokens: tokens.
        cost_usd: US dollars this run paid.
        latency_s: seconds the last reply took.
        reused: no request was sent.
        judged_at: when the last reply was durable, or the ask was given up.
    """

    key: str
    attempt: int
    reading: Reading
    model: str | None
    fingerprint: str | None
    served_by: str | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float
    latency_s: float
    reused: bool
    judged_at: datetime


def judgement_frame(
    pairs: Sequence[PairText], asks: Sequence[Ask], answers: Sequence[Answer], member: Member,
    *, epoch: int, run_id: str, purpose: str,
) -> pl.DataFrame:  # fmt: skip
    """One row per pair and vote, in the order of the pairs.

    Pairs that share an ask share its grade; the first of them carries the cost, the others are ``reused`` and cost 0,
    so that costs add up to what was paid.
    """
    rows: dict[tuple[int, int], tuple[object, ...]] = {}
    for ask, answer in zip(asks, answers, strict=True):
        reading = answer.reading
        for place, row in enumerate(ask.rows):
            pair = pairs[row]
            shared = place > 0
            rows[row, ask.sample_index] = (
                purpose, epoch, run_id, member.name, member.member_hash, answer.key, 0, ask.sample_index,
                pair.task, pair.collection, pair.query_id, pair.doc_id, pair.doc_version, pair.context_id,
                reading.outcome, reading.grade, reading.expected_grade, reading.grade_mass,
                # A rationale, and a provider's error, may quote the document; customer text stays out of the tables.
                None if pair.customer else reading.rationale,
                WITHHELD if pair.customer and _quotes(reading) else reading.detail, answer.model, answer.fingerprint,
                answer.served_by,
                answer.input_tokens, answer.cached_tokens, answer.output_tokens,
                0.0 if shared else answer.cost_usd, answer.latency_s, answer.attempt,
                answer.reused or (shared and reading.outcome not in UNANSWERED), answer.judged_at,
            )  # fmt: skip
    ordered = [rows[place] for place in sorted(rows)]
    return JUDGEMENTS.conform(pl.DataFrame(ordered, schema=JUDGEMENTS.schema, orient="row"))


def _quotes(reading: Reading) -> bool:
    """Whether the detail is a provider's own words, which may quote the request."""
    return reading.outcome in (FAILED, REJECTED)
