"""What a ranker may learn from: machine labels and the human seed of every query that is not a test query.

A manifest names every label in a set, by content.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import polars as pl

from label_pipeline.core.catalogue import LABELS, TRAINING_SETS
from label_pipeline.core.codes.labels import USABLE
from label_pipeline.core.codes.ranking import AMPLIFIED, SEED_ONLY
from label_pipeline.core.errors import AccessDeniedError, NotApplicableError, TableError
from label_pipeline.core.scale import Scale
from label_pipeline.core.splits import TEST_SPLITS
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.core.training_grade import training_column, training_label
from label_pipeline.stages.rank.crosswalk import RubricInForce

Grades = Literal["raw", "quarter"]

MOST_ROWS = 10_000
"""Rows of one query that LightGBM's ranking objectives accept (src/objective/rank_objective.hpp); it refuses more."""

ROWS = pl.Schema(
    {
        **dict.fromkeys(PAIR_KEY, pl.String()),
        "label": pl.Int64(),
        "origin": pl.String(),
        "judge_version": pl.String(),
        "verdict_id": pl.String(),
        "given_at": LABELS.schema["labelled_at"],
        "features": pl.String(),
        "incumbent_score": pl.Float64(),
    }
)
"""Training rows: pair key, ``label`` counted from 0, ``origin`` human or machine, provenance, own features."""


@dataclass(frozen=True, eq=False)
class TrainingSets:
    """Training rows and their manifests.

    Attributes:
        rows_by_arm: ``amplified`` and ``seed_only`` to rows (columns ``ROWS``), sorted by pair key.
        manifests: TRAINING_SETS rows, one per arm.
        grades: ``raw`` (label = grade - lo) or ``quarter`` (label = round(4 (expected grade - lo))).
        gains: gain of each label, 2^(grade - lo) - 1.
        notes: what was left out and why, as sentences.
    """

    rows_by_arm: Mapping[str, pl.DataFrame]
    manifests: pl.DataFrame
    grades: Grades
    gains: tuple[float, ...]
    notes: tuple[str, ...]

    def training_set_id(self, arm: str) -> str:
        """Content hash of the arm's labels."""
        return str(self.manifests.filter(pl.col("arm") == arm)["training_set_id"].item())


def build_training_sets(
    labels: pl.DataFrame,
    gold: pl.DataFrame,
    splits: pl.DataFrame,
    scale: Scale,
    now: datetime,
    *,
    documents: pl.DataFrame | None = None,
    grades: Literal["auto", "raw", "quarter"] = "auto",
    rubric: RubricInForce | None = None,
) -> TrainingSets:
    """Collects the labels of every query except holdout and anchor; a human grade replaces a machine grade of its pair.

    Human rows join at weight 1: simulated weights of 5 and 20 moved nDCG@10 by at most .002. Grades are raw, or in
    quarters where any is fractional; never calibrated and rounded (-.008 measured).

    Args:
        labels: current LABELS rows, ``provisional`` or ``confirmed``, one per pair, with ``given_at``; the candidates'
            ``features`` and ``incumbent_score`` may be joined on.
        gold: GOLD rows; those of test queries are left out.
        splits: SPLITS rows; a query that is in no split is no test query.
        scale: the project's scale.
        now: when.
        documents: where given, rows that graded another version of a document's text are left out.
        grades: ``auto`` takes quarters when an expected grade or a panel mean is fractional, else raw grades.
        rubric: where given, pairs with labels of another rubric alone are left out and counted, unless it has a
            crosswalk for them.

    Raises:
        SettingsError: the crosswalk does not fit the labels.
        TableError: for another status, two current labels of one pair, no ``given_at``, or a grade outside the scale.
        NotApplicableError: without machine labels, or when an arm keeps no query with two distinct labels.
    """
    notes: list[str] = []
    pairs = labels.n_unique(list(PAIR_KEY)) if labels.height else 0
    if rubric is not None and labels.height:
        labels = rubric.current(labels, scale, notes)
    refuse_unusable(labels, notes)
    mode = choose_grades(labels, gold, grades)
    machine = machine_rows(labels, mode, scale)
    human = human_rows(gold, mode, scale)
    amplified = pl.concat([human, machine.join(human, on=PAIR_KEY, how="anti", nulls_equal=True)])
    other_rubric = pairs - labels.height
    rows_by_arm, manifests = {}, []
    for arm, rows in ((AMPLIFIED, amplified), (SEED_ONLY, human)):
        hidden = test_query_inside(rows, splits)
        kept = rows.join(hidden, on=QUERY_KEY, how="anti")
        kept = current_texts(kept, documents, arm, notes)
        kept = most_rows(varied_queries(kept, arm, notes), arm, notes)
        refuse_test_queries(kept, splits)
        rows_by_arm[arm] = kept
        left_out = other_rubric if arm == AMPLIFIED else 0
        manifests.append(manifest(kept, arm, mode, hidden.select(QUERY_KEY).n_unique(), left_out, now))
    step = 1 if mode == "raw" else 4
    gains = tuple(float(gain) for gain in np.exp2(np.arange(scale.span * step + 1) / step) - 1)
    table = TRAINING_SETS.conform(pl.DataFrame(manifests, infer_schema_length=None))
    return TrainingSets(rows_by_arm, table, mode, gains, tuple(notes))


def test_query_inside(rows: pl.DataFrame, splits: pl.DataFrame) -> pl.DataFrame:
    """The rows that belong to a holdout or an anchor query: none in a sound training set."""
    return rows.join(splits.filter(pl.col("split").is_in(TEST_SPLITS)), on=QUERY_KEY, how="semi")


def refuse_test_queries(rows: pl.DataFrame, splits: pl.DataFrame) -> None:
    """The guard behind the asset check `no test query inside`.

    Raises:
        AccessDeniedError: when a holdout or an anchor query is among ``rows``.
    """
    inside = test_query_inside(rows, splits)
    if inside.height:
        queries = inside["query_id"].unique().sort().to_list()
        raise AccessDeniedError(
            f"{inside.height} training rows belong to {len(queries)} holdout or anchor queries, e.g. {queries[:3]}; "
            "a ranker is tested on exactly those; rebuild the training set from the current splits"
        )


def refuse_unusable(labels: pl.DataFrame, left_out: Sequence[str] = ()) -> None:
    """Raises what is wrong with the labels the caller selected; see `build_training_sets`."""
    if not labels.height:
        raise NotApplicableError(
            "there is no production label to train on; run amplify under an open verdict first, or lower the bar you "
            "can defend: without labels an amplified ranker is the human-seed ranker"
            + "".join(f". {w}" for w in left_out)
        )
    if "given_at" not in labels.columns:
        raise TableError("labels come without given_at, by which a label given again is another; select it with them")
    other = sorted(set(labels["status"].unique()) - set(USABLE))
    if other:
        raise TableError(
            f"labels with status {other} reached the training set; only {list(USABLE)} may: select current labels"
        )
    doubled = int(labels.select(pl.struct(PAIR_KEY).is_duplicated().sum()).item())
    if doubled:
        raise TableError(f"{doubled} label rows share a pair; select the latest label of each pair")


def choose_grades(labels: pl.DataFrame, gold: pl.DataFrame, wanted: Literal["auto", "raw", "quarter"]) -> Grades:
    """``raw`` or ``quarter``; see `build_training_sets`."""
    if wanted != "auto":
        return wanted
    graded = pl.concat([labels["expected_grade"].rename("grade"), gold["gold_mean"].rename("grade")])
    return "quarter" if (graded != graded.round()).any() else "raw"


def machine_rows(labels: pl.DataFrame, mode: Grades, scale: Scale) -> pl.DataFrame:
    """The judge's labels as training rows."""
    grade = labels[training_column(mode)]
    fractional = int((grade != grade.round()).sum())
    if mode == "raw" and fractional:
        raise TableError(
            f"{fractional} of {labels.height} raw grades are fractional (a mean of votes); train on quarter grades"
        )
    return training_rows(labels, grade, mode, scale, "machine")


def human_rows(gold: pl.DataFrame, mode: Grades, scale: Scale) -> pl.DataFrame:
    """The human seed as training rows: the rounded panel mean, or its quarters."""
    return training_rows(gold, gold["gold_grade" if mode == "raw" else "gold_mean"], mode, scale, "human")


def training_rows(pairs: pl.DataFrame, grade: pl.Series, mode: Grades, scale: Scale, origin: str) -> pl.DataFrame:
    """Rows of schema ``ROWS``, sorted by pair key.

    Raises:
        TableError: for a grade outside the scale.
    """
    values = grade.cast(pl.Float64)
    outside = int(((values < scale.lo) | (values > scale.hi)).sum())
    if outside:
        raise TableError(
            f"{outside} of {pairs.height} {origin} grades lie outside {scale.lo} to {scale.hi}; "
            "were they given on another scale? map it in the settings"
        )
    label = pl.Series("label", training_label(values.to_numpy(), mode, scale)).cast(pl.Int64)
    labelled = pairs.with_columns(label, pl.lit(origin).alias("origin"))
    absent = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in ROWS.items() if name not in labelled.columns]
    typed = labelled.with_columns(absent).select(pl.col(name).cast(dtype) for name, dtype in ROWS.items())
    return typed.sort(PAIR_KEY)


def current_texts(rows: pl.DataFrame, documents: pl.DataFrame | None, arm: str, notes: list[str]) -> pl.DataFrame:
    """The rows whose document still has the text that was graded."""
    if documents is None:
        return rows
    kept = rows.join(documents.select("doc_id", "doc_version"), on=["doc_id", "doc_version"], how="semi")
    if kept.height < rows.height:
        notes.append(f"{arm}: {rows.height - kept.height} labels of texts that have changed or are gone are left out.")
    return kept


def varied_queries(rows: pl.DataFrame, arm: str, notes: list[str]) -> pl.DataFrame:
    """The rows of queries with two distinct labels: the others order nothing.

    Raises:
        NotApplicableError: when fewer than two queries are left.
    """
    kept = rows.filter(pl.col("label").n_unique().over(QUERY_KEY) > 1).sort(PAIR_KEY)
    before, after = rows.select(QUERY_KEY).n_unique(), kept.select(QUERY_KEY).n_unique()
    if after < 2:
        raise NotApplicableError(
            f"the {arm} training set has {after} queries with two distinct labels ({before} queries in all), a ranker "
            "needs at least 2; label more pairs of the train and dev queries, or look at the judge's grades"
        )
    if after < before:
        notes.append(f"{arm}: {before - after} of {before} queries have one label throughout and are left out.")
    return kept


def most_rows(rows: pl.DataFrame, arm: str, notes: list[str], most: int = MOST_ROWS) -> pl.DataFrame:
    """At most so many rows a query: the human ones, then machine rows by a hash of their pair, so always the same."""
    large = rows.filter(pl.len().over(QUERY_KEY) > most)
    if large.is_empty():
        return rows
    hashed = [hashlib.sha256(json.dumps(key).encode()).hexdigest() for key in large.select(PAIR_KEY).iter_rows()]
    ordered = large.with_columns(pl.Series("_hash", hashed)).sort(pl.col("origin") != "human", "_hash")
    kept = ordered.filter(pl.int_range(pl.len()).over(QUERY_KEY) < most).drop("_hash")
    notes.append(
        f"{arm}: {large.height - kept.height} rows of {large.select(QUERY_KEY).n_unique()} queries are left out, for "
        f"LightGBM takes at most {most:,} rows a query."
    )
    others = rows.join(large.select(QUERY_KEY).unique(), on=QUERY_KEY, how="anti")
    return pl.concat([others, kept]).sort(PAIR_KEY)


def manifest(
    rows: pl.DataFrame, arm: str, mode: Grades, excluded_queries: int, other_rubric: int, now: datetime
) -> dict[str, object]:
    """One TRAINING_SETS row: the content hash covers pair key, label, grades mode, judge version, verdict and giving.

    A label given again after a recall is another label, though all else of it is the same.
    """
    given = pl.col("given_at").dt.epoch("us")
    named = rows.sort(PAIR_KEY).select(*PAIR_KEY, "label", "origin", "judge_version", "verdict_id", given)
    digest = hashlib.sha256(mode.encode())
    for row in named.iter_rows():
        digest.update(json.dumps(row).encode())
    return {
        "training_set_id": digest.hexdigest()[:16],
        "arm": arm,
        "n_queries": rows.select(QUERY_KEY).n_unique(),
        "n_labels": rows.height,
        "judge_versions": json.dumps(rows["judge_version"].drop_nulls().unique().sort().to_list()),
        "verdict_ids": json.dumps(rows["verdict_id"].drop_nulls().unique().sort().to_list()),
        "excluded_queries": excluded_queries,
        "other_rubric_labels": other_rubric,
        "created_at": now,
    }
