"""Ask the certified judge about the work, and turn its replies into labels and books that add up."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

import numpy as np
import polars as pl

from label_pipeline.core.catalogue import LABEL_RUNS, LABELS
from label_pipeline.core.codes import outcomes
from label_pipeline.core.codes.labels import PROVISIONAL, Refuser
from label_pipeline.core.errors import GateClosedError
from label_pipeline.core.judge import JudgeVersion, pair_grades
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.spent import Spent
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.amplify.covered import outside_seed
from label_pipeline.stages.amplify.work import Work, name_of

ORPHAN = "orphan"
"""The chunk of what a killed run left, whichever chunks that was."""


@dataclass(frozen=True)
class DayBooks:
    """What became of the pairs of one collection and day: pairs in = the sum of the five outcomes.

    Attributes:
        pairs_in: candidate pairs.
        labelled: pairs with a label under this judge version.
        reused: of the labelled, those that rest on no request of this run.
        abstained: the model refused, its endpoint rejected the text, or the reply stayed unreadable.
        failed: no reply.
        barred: no open verdict, over the cap, a canary that stopped it, another model; column `refused`.
        skipped: customer text and no endpoint inside the boundary.
    """

    pairs_in: int
    labelled: int
    reused: int
    abstained: int
    failed: int
    barred: int
    skipped: int

    @property
    def balanced(self) -> bool:
        """Whether every pair has exactly one outcome."""
        return self.pairs_in == self.labelled + self.abstained + self.failed + self.barred + self.skipped


def labels(
    work: Work, judging: Judging, judge: JudgeVersion, facts: pl.DataFrame, seed: pl.DataFrame,
    *, anchored: bool, day: date, run_id: str, now: datetime,
) -> pl.DataFrame:  # fmt: skip
    """LABELS rows of every pair that was graded, ``provisional`` until the next healthy anchor run.

    Args:
        work: what was asked, and under which verdict.
        judging: what came of it.
        judge: who was asked.
        facts: pair key and ``covered.FACTS`` of the candidates.
        seed: rows of sql/amplify/seed_covered.sql: what the collection's human seed covered.
        anchored: whether the judge has a baseline to be watched against.
        day: the partition.
        run_id: the run.
        now: current time.

    Raises:
        GateClosedError: the work has no open verdict of this very judge.
    """
    standing = work.standing
    if not standing.open or standing.judge_version != judge.judge_version:
        raise GateClosedError(
            f"judge {judge.judge_version} may not label {work.collection}: the open verdict there is of judge "
            f"{standing.judge_version} ({standing.state})"
        )
    graded = pair_grades(judging.judgements).filter(pl.col("outcome") == outcomes.GRADED)
    expected = graded["expected_grade"].cast(pl.Float64).to_numpy()
    keys = [json.dumps(list(found)) for found in graded["request_keys"].to_list()]
    calibrated = judge.calibrate(work.collection, expected) if len(expected) else np.empty(0)
    frame = graded.select(*PAIR_KEY, "raw_grade", "expected_grade", "confidence", "cost_usd", "model_reported")
    served = judging.judgements.group_by(PAIR_KEY).agg(
        pl.col("served_by").drop_nulls().unique().sort().str.join(", ").replace("", None)
    )
    frame = frame.join(served, on=list(PAIR_KEY), how="left", nulls_equal=True, maintain_order="left")
    known = frame.join(facts, on=list(PAIR_KEY), how="left", nulls_equal=True, maintain_order="left")
    return LABELS.conform(
        frame.with_columns(
            pl.Series("calibrated_grade", calibrated, dtype=pl.Float64),
            pl.Series("request_keys", keys, dtype=pl.String),
            outside_seed(known.rename({"expected_grade": "grade"}), seed),
            pl.lit(day).alias("day"),
            pl.lit(PROVISIONAL).alias("status"),
            pl.lit(judge.judge_version).alias("judge_version"),
            pl.lit(standing.verdict_id).alias("verdict_id"),
            pl.lit(run_id).alias("run_id"),
            pl.lit(judge.rubric_version).alias("rubric_version"),
            pl.lit(anchored).alias("anchored"),
            pl.lit(now).alias("labelled_at"),
        )
    )


def answered_in_full(judging: Judging, votes: int) -> Judging:
    """``judging`` without the pairs of which another model, or nobody, gave a vote: what is left is the judge's own.

    Args:
        judging: what came of asking until another model answered: rows only of what got a reply.
        votes: the judge's votes a pair.
    """
    rows, by = judging.judgements, list(PAIR_KEY)
    own = ~pl.col("outcome").is_in(outcomes.NO_ANSWER)
    full = rows.group_by(by).agg(own.sum().alias("own")).filter(pl.col("own") == votes)
    kept = rows.join(full.select(by), on=by, how="semi", nulls_equal=True, maintain_order="left")
    return replace(judging, judgements=kept)


def books(work: Work, judging: Judging | None) -> DayBooks:
    """The books of ``work``; without ``judging`` every pair that should have been asked is barred."""
    if judging is None:
        barred = work.barred + len(work.ask)
        return DayBooks(work.pairs_in, work.labelled_before, work.labelled_before, 0, 0, barred, work.skipped)
    grades = pair_grades(judging.judgements)
    graded, over_cap, failed = (
        pl.col("outcome") == word for word in (outcomes.GRADED, outcomes.OVER_CAP, outcomes.FAILED)
    )
    # where another model answered, the pairs of which the judge gave no whole answer have no row
    unasked = len(work.ask) - grades.height if judging.outcome == "other_model" else 0
    rules = {"graded": graded, "over": over_cap, "failed": failed, "reused": graded & pl.col("reused")}
    count = {name: grades.filter(rule).height for name, rule in rules.items()}
    return DayBooks(
        pairs_in=work.pairs_in,
        labelled=work.labelled_before + count["graded"],
        reused=work.labelled_before + count["reused"],
        abstained=grades.height - count["graded"] - count["over"] - count["failed"],
        failed=count["failed"],
        barred=work.barred + count["over"] + unasked,
        skipped=work.skipped,
    )


def run_row(
    work: Work, judging: Judging | None, cost: Spent,
    *, day: date, run_id: str, refused_by: Refuser | None, reason: str | None, now: datetime,
) -> pl.DataFrame:  # fmt: skip
    """The LABEL_RUNS row of ``work``.

    Args:
        work: the order.
        judging: what came of it; None where no label may come of it.
        cost: what it cost, though nothing came of it.
        day: the partition.
        run_id: the Dagster run.
        refused_by: what barred pairs; None where nothing did.
        reason: why, a sentence.
        now: current time.

    Raises:
        ValueError: the books do not add up, which is a bug: nothing may be stored then.
    """
    found = books(work, judging)
    if not found.balanced:
        raise ValueError(f"the books of {work.collection} on {day} do not add up: {found}")
    row: dict[str, object] = {
        "run_id": run_id,
        "day": day,
        "collection": work.collection,
        "chunk": name_of(work),
        "judge_version": work.standing.judge_version if work.standing.open else None,
        "verdict_id": work.standing.verdict_id if work.standing.open else None,
        "pairs_in": found.pairs_in,
        "labelled": found.labelled,
        "reused": found.reused,
        "abstained": found.abstained,
        "failed": found.failed,
        "refused": found.barred,
        "skipped": found.skipped,
        **cost._asdict(),
        "refused_by": refused_by,
        "reason": reason,
        "finished_at": now,
    }
    return LABEL_RUNS.conform(pl.DataFrame([row], schema_overrides=LABEL_RUNS.schema))


def empty_row(day: date, run_id: str, now: datetime) -> pl.DataFrame:
    """The LABEL_RUNS row of a day without candidates, which is of no collection."""
    counts = {name: 0 for name, kind in LABEL_RUNS.schema.items() if kind in {pl.Int64, pl.Float64}}
    texts = {"run_id": run_id, "day": day, "collection": "", "chunk": "empty", "finished_at": now}
    return LABEL_RUNS.conform(pl.DataFrame([counts | texts], schema_overrides=LABEL_RUNS.schema))


def orphan_row(found: Mapping[str, object]) -> pl.DataFrame:
    """The LABEL_RUNS row of a run that was killed before its books: what it paid for, and the labels it stored, if any.

    Args:
        found: a row of sql/amplify/unbooked_runs.sql.
    """
    labelled = found["labels"]
    row = {
        **{
            name: found[name]
            for name in ("run_id", "day", "collection", "judge_version", "verdict_id", "requests", "cost_usd")
        },
        **{name: found[name] for name in ("input_tokens", "cached_tokens", "output_tokens")},
        **dict.fromkeys(("reused", "abstained", "failed", "refused", "skipped"), 0),
        "chunk": ORPHAN,
        "pairs_in": labelled,
        "labelled": labelled,
        "seconds": 0.0,
        "reason": "booked by a later run: this one ended between what it paid for and its books",
        "finished_at": found["ended_at"],
    }
    return LABEL_RUNS.conform(pl.DataFrame([row], schema_overrides=LABEL_RUNS.schema))
