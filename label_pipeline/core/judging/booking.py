"""What receipts are booked as: payments by run, purpose and day, and judgements of replies nobody stored. Pure."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import polars as pl

from label_pipeline.core.boundary import WITHHELD
from label_pipeline.core.catalogue import JUDGEMENTS, PAYMENTS
from label_pipeline.core.codes.outcomes import WRONG_MODEL
from label_pipeline.core.judging.receipts import Receipt
from label_pipeline.core.judging.reply import Reading, read_reply
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY

ASK = ("run_id", "purpose", "epoch", "member_hash", *PAIR_KEY, "sample_index")
"""What names one vote that one run asked for, in table judgements."""

_BY = ("run_id", "purpose", "epoch", "member", "member_hash", "collection", "day")


def payments(batch: str, receipts: Iterable[Receipt]) -> pl.DataFrame:
    """PAYMENTS rows of the receipts of one batch."""
    rows = [
        {
            "run_id": r.intent.run_id, "purpose": r.intent.purpose, "epoch": r.intent.epoch,
            "member": r.intent.member, "member_hash": r.intent.member_hash, "collection": r.intent.pair[1],
            "day": r.intent.day, "requests": 1, "replies": int(r.answered), "input_tokens": r.input_tokens,
            "cached_tokens": r.cached_tokens, "output_tokens": r.output_tokens, "cost_usd": r.cost_usd,
            "lost": r.lost, "possibly_usd": r.possibly_usd, "paid_at": r.ended_at,
        }
        for r in receipts
    ]  # fmt: skip
    sums = [name for name in PAYMENTS.schema if name not in {*_BY, "batch", "paid_at"}]
    frame = pl.DataFrame(rows, schema={name: t for name, t in PAYMENTS.schema.items() if name != "batch"})
    added = frame.group_by(_BY, maintain_order=True).agg(pl.col(sums).sum(), pl.col("paid_at").max())
    return PAYMENTS.conform(added.with_columns(pl.lit(batch).alias("batch")))


def recovered(receipts: Sequence[Receipt], known: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """JUDGEMENTS rows of replies that were paid for by a run that ended before it stored them.

    Args:
        receipts: receipts with their replies.
        known: ``ASK`` and ``attempt`` of judgements that are stored.
        scale: the grades that exist.
    """
    stored = {row[:-1]: row[-1] for row in known.select(*ASK, "attempt").sort("attempt").iter_rows()}
    answered = sorted((r for r in receipts if r.answered), key=lambda r: (repr(_ask(r)), r.intent.attempt))
    rows = []
    for _, group in groupby(answered, key=_ask):
        new = [r for r in group if r.intent.attempt > stored.get(_ask(r), -1)]
        if new:
            rows.append(_row(new, scale))
    return JUDGEMENTS.conform(pl.DataFrame(rows, schema=JUDGEMENTS.schema, orient="row"))


def _ask(receipt: Receipt) -> tuple[object, ...]:
    intent = receipt.intent
    return intent.run_id, intent.purpose, intent.epoch, intent.member_hash, *intent.pair, intent.sample_index


def _row(attempts: Sequence[Receipt], scale: Scale) -> dict[str, object]:
    """The row of one vote: what its last reading attempt says, and what all of them cost."""
    last = attempts[-1]
    intent, reply = last.intent, last.reply
    if reply is None or not last.accepted:
        reading = Reading(WRONG_MODEL, detail="another model answered; read when a later run booked what this one paid")
    else:
        reading = read_reply(reply, scale)
    return {
        **dict(zip(ASK, _ask(last), strict=True)), "member": intent.member, "request_key": intent.request_key,
        "position": 0, "outcome": reading.outcome, "grade": reading.grade, "expected_grade": reading.expected_grade,
        "grade_mass": reading.grade_mass, "rationale": None if intent.customer else reading.rationale,
        "detail": WITHHELD if intent.customer and reading.detail else reading.detail,
        "model_reported": reply.model if reply else None, "fingerprint": reply.fingerprint if reply else None,
        "served_by": reply.served_by if reply else None,
        "input_tokens": sum(r.input_tokens for r in attempts), "cached_tokens": sum(r.cached_tokens for r in attempts),
        "output_tokens": sum(r.output_tokens for r in attempts), "cost_usd": sum(r.cost_usd for r in attempts),
        "latency_s": reply.latency_s if reply else 0.0, "attempt": intent.attempt, "reused": False,
        "judged_at": last.ended_at,
    }  # fmt: skip
