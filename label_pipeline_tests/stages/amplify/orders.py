"""A day's candidate pairs, who may label them, and what came of asking.

Keep out: expectations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import polars as pl

from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.ports import PairText
from label_pipeline.stages.amplify import Work, sort_out
from label_pipeline.stages.gate import Standing
from label_pipeline_tests.sql import frames
from label_pipeline_tests.stages.judged import judge, pair

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = date(2026, 3, 1)
OPEN = Standing("main", judge().judge_version, "v1", "open", ())
CLOSED = Standing("main", judge().judge_version, "v1", "closed", ("verdict v1 is closed: skill is low",))


@dataclass(frozen=True)
class Said:
    """One vote: its outcome, the grade where there is one, why there is none, and whether the journal answered."""

    outcome: str = "graded"
    grade: int | None = None
    expected_grade: float | None = None
    detail: str | None = None
    reused: bool = False


def said(grade: int = 2, expected_grade: float | None = None, *, reused: bool = False) -> Said:
    return Said("graded", grade, expected_grade, None, reused)


MALFORMED = Said("malformed", detail="the reply is empty")
REFUSED = Said("refused", detail="the model refused")
REJECTED = Said("rejected", detail="too long")
CUT = Said("cut", detail="finish_reason length")
OUT_OF_SCALE = Said("out_of_scale", detail="grade 7")
FAILED = Said("failed", detail="no answer after 5 tries")
OVER_CAP = Said("over_cap", detail="1.0000 of 1.0000 US dollars spent")


def day_pairs(numbers: Iterable[int], customers: Iterable[int] = ()) -> pl.DataFrame:
    """As sql/amplify/day_pairs.sql gives them; every other pair has no context."""
    secret = set(customers)
    rows = [pair(i) | {"query": f"query {i}", "document": f"text {i}", "customer": i in secret} for i in numbers]
    keys = frames.rows("candidates", *({k: v for k, v in row.items() if k in pair(0)} for row in rows))
    return keys.with_columns(
        pl.Series(name, [row[name] for row in rows], dtype=dtype)
        for name, dtype in (("query", pl.String), ("document", pl.String), ("customer", pl.Boolean))
    )


def work(
    numbers: Iterable[int], labelled: Iterable[int] = (), customers: Iterable[int] = (), standing: Standing = OPEN,
    *, inside: bool = False,
) -> Work:  # fmt: skip
    """A day of pairs ``numbers``, some labelled before, some of customers."""
    return sort_out(day_pairs(numbers, customers), day_pairs(labelled), standing, inside=inside)


def judging(asked: Sequence[PairText], answers: Sequence[Said | Sequence[Said]]) -> Judging:
    """The engine's answer: one row per pair and vote, a thousandth of a dollar and 100 tokens per request."""
    rows: list[Mapping[str, object]] = []
    for number, (text, answer) in enumerate(zip(asked, answers, strict=True)):
        for sample, vote in enumerate(answer if isinstance(answer, Sequence) else [answer]):
            key = dict(zip(PairText._fields[:6], text[:6], strict=True))
            replied = vote.outcome not in ("failed", "over_cap", "rejected")
            paid = replied and not vote.reused
            rows.append(
                key | vars(vote) | {
                    "request_key": f"r{number}.{sample}", "sample_index": sample, "cost_usd": 0.001 if paid else 0.0,
                    "input_tokens": 100 if replied else 0, "cached_tokens": 20 if replied else 0,
                    "output_tokens": 10 if replied else 0, "model_reported": "model-2026" if replied else None,
                }
            )  # fmt: skip
    frame = frames.rows("judgements", *rows)
    sent = frame.filter(~pl.col("reused"), ~pl.col("outcome").is_in(["failed", "over_cap"])).height
    over = (frame["outcome"] == "over_cap").any()
    return Judging(frame, sent, float(frame["cost_usd"].sum()), "cap" if over else "complete")
