"""The proof: nDCG@10 of every arm on human grades of queries that neither judge nor ranker has learnt from."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.catalogue import RANKER_METRICS
from label_pipeline.core.codes.ranking import (
    BM25,
    COMPARED,
    CUTOFF,
    EXPONENTIAL,
    GAINS,
    INCUMBENT,
    MAIN_METRIC,
    NDCG_OF,
    OVER_SEED_ONLY,
    PERMUTED,
    TESTED,
    Gain,
    paired_difference,
)
from label_pipeline.core.errors import NotApplicableError, TableError
from label_pipeline.core.intervals import Estimate, percentile_interval, resample_counts
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.ranker import Floats, Ints
from label_pipeline.core.ranking import ndcg_by_query
from label_pipeline.core.scale import Scale
from label_pipeline.core.significance import paired_bootstrap, paired_randomisation
from label_pipeline.core.splits import TEST_SPLITS
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.stages.rank.arms import TrainedArms
from label_pipeline.stages.rank.features import (
    INCUMBENT as INCUMBENT_SCORE,
)
from label_pipeline.stages.rank.features import (
    MIN_KNOWN,
    FeatureMatrix,
    FeatureSpace,
    has_incumbent,
    numbers,
)
from label_pipeline.stages.rank.report import RankerVerdict, decide


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The figures of every arm on the test queries.

    Attributes:
        metrics: RANKER_METRICS rows: every arm and every difference, both gains.
        verdict: whether the amplified ranker beats the human seed.
        by_query: query key, ``language``, ``arm``, ``n_pairs``, ``ndcg_exponential``, ``ndcg_linear`` (nan without a
            positive grade).
        notes: what was left out, as sentences.
    """

    metrics: pl.DataFrame
    verdict: RankerVerdict
    by_query: pl.DataFrame
    notes: tuple[str, ...]


def evaluate(
    trained: TrainedArms,
    feature_space: FeatureSpace,
    evaluation: pl.DataFrame,
    splits: pl.DataFrame,
    scale: Scale,
    rng: np.random.Generator,
    now: datetime,
    *,
    learnt: pl.DataFrame | None = None,
) -> Evaluation:
    """Scores every human-graded pair of holdout and anchor queries with every arm and compares the orders.

    Arms: BM25, the incumbent where every tested pair has its score, and every trained ranker. All graded pairs of a
    query are re-ranked, so the figures depend on how deep the grading went: compare arms, not projects.

    Args:
        trained: from `train` or `load_trained`.
        feature_space: the one they were trained with.
        evaluation: EVALUATION rows; only holdout and anchor queries are used.
        splits: SPLITS rows.
        scale: the project's scale; gains count from its lowest grade.
        rng: of bootstrap and randomisation.
        now: when.
        learnt: queries (QUERY_KEY) the rankers have learnt from, though they are in a test split by now.

    Raises:
        NotApplicableError: when no pair is left to test on, or a ranker's scores are not finite or order no query.
        TableError: when the rankers were trained on other features or words, or on numbers that the test pairs lack.
    """
    if trained.features != feature_space.names:
        raise TableError(
            f"the rankers were trained on features {trained.features}, the feature space has {feature_space.names}; "
            "train again with this feature space"
        )
    if trained.tokeniser != feature_space.tokeniser:
        raise TableError(
            f"the rankers were trained on words of tokeniser {trained.tokeniser}, the feature space has those of "
            f"{feature_space.tokeniser}; fit it with the rankers' own"
        )
    pairs, notes = tested_pairs(evaluation, splits, feature_space, learnt)
    scores, arm_notes = scores_by_arm(trained, feature_space, pairs)
    notes.extend(arm_notes)
    grades = pairs["grade"].to_numpy().astype(np.float64) - scale.lo
    codes = query_codes(pairs)
    n_queries = int(codes.max()) + 1
    for arm, score in scores.items():
        refuse_unusable_scores(arm, score, codes)
    ndcg = {
        (arm, gain): ndcg_by_query(score, grades, codes, n_queries, CUTOFF, gain)
        for arm, score in scores.items()
        for gain in GAINS
    }
    positive = np.isfinite(ndcg[BM25, EXPONENTIAL])
    if not positive.all():
        notes.append(f"{int((~positive).sum())} of {n_queries} test queries have no positive grade and are left out.")
    shared = {
        "evaluation_id": evaluation_id(trained, pairs),
        "split": TESTED,
        "n_queries": int(positive.sum()),
        "n_pairs": int(positive[codes].sum()),
        "evaluated_at": now,
    }
    rows = [*arm_rows(ndcg, positive, trained.ids, rng), *difference_rows(ndcg, positive, rng)]
    metrics = RANKER_METRICS.conform(pl.DataFrame([row | shared for row in rows], infer_schema_length=None))
    verdict = decide(metrics, MAIN_METRIC, OVER_SEED_ONLY)
    by_query = query_table(pairs, codes, ndcg).join(
        feature_space.languages, on=QUERY_KEY, how="left", maintain_order="left"
    )
    return Evaluation(metrics, verdict, by_query, tuple(notes))


def tested_pairs(
    evaluation: pl.DataFrame, splits: pl.DataFrame, feature_space: FeatureSpace, learnt: pl.DataFrame | None
) -> tuple[pl.DataFrame, list[str]]:
    """Evaluation rows of holdout and anchor queries whose text is loaded, by pair key; and what was left out."""
    test = splits.filter(pl.col("split").is_in(TEST_SPLITS))
    mine = evaluation.join(test, on=QUERY_KEY, how="semi").sort(PAIR_KEY)
    notes = []
    if learnt is not None:
        unseen = mine.join(learnt, on=QUERY_KEY, how="anti").sort(PAIR_KEY)
        if unseen.height < mine.height:
            gone = mine.n_unique(list(QUERY_KEY)) - unseen.n_unique(list(QUERY_KEY))
            notes.append(f"{gone} test queries were learnt from before people graded them, and are left out.")
        mine, evaluation = unseen, evaluation.join(learnt, on=QUERY_KEY, how="anti")
    known = mine.filter(feature_space.known(mine))
    if evaluation.height > mine.height:
        notes.append(f"{evaluation.height - mine.height} evaluation rows of other queries are not used.")
    if mine.height > known.height:
        notes.append(f"{mine.height - known.height} evaluation rows graded a text that has changed or is gone.")
    if not known.height:
        raise NotApplicableError(
            f"none of {evaluation.height} evaluation rows belongs to a holdout or anchor query with its text loaded; "
            "give human grades of those queries in the `evaluation` input"
        )
    return known, notes


def scores_by_arm(
    trained: TrainedArms, feature_space: FeatureSpace, pairs: pl.DataFrame
) -> tuple[dict[str, Floats], list[str]]:
    """(n,) scores of every arm; and whether the incumbent takes part."""
    scores: dict[str, Floats] = {BM25: feature_space.bm25(pairs)}
    notes = []
    if has_incumbent(pairs):
        scores[INCUMBENT] = numbers(pairs, INCUMBENT_SCORE)
    else:
        notes.append("The incumbent is not compared: not every test pair has an incumbent_score.")
    matrix = feature_space.matrix(pairs)
    refuse_missing_features(matrix, feature_space)
    return scores | {arm: ranker.score(matrix.values) for arm, ranker in trained.rankers.items()}, notes


def refuse_missing_features(matrix: FeatureMatrix, feature_space: FeatureSpace) -> None:
    """Raises when a pair's own number was learnt from and most tested pairs do not have it."""
    own = (*feature_space.pair_features, *((INCUMBENT_SCORE,) if feature_space.with_incumbent else ()))
    for name in own:
        unknown = int(np.isnan(matrix.column(name)).sum())
        if unknown > (1 - MIN_KNOWN) * len(matrix.values):
            raise TableError(
                f"the rankers use {name}, and {unknown} of {len(matrix.values)} test pairs do not have it; fit the "
                "feature space on the evaluation pairs too, so that only what every side has becomes a feature"
            )


def refuse_unusable_scores(arm: str, scores: Floats, codes: Ints) -> None:
    """Raises when an arm's scores are not finite, or equal within every query: an order made of row numbers.

    The permuted control may be constant (nothing to learn is its point); ties then score what chance does.
    """
    bad = int((~np.isfinite(scores)).sum())
    if bad:
        raise NotApplicableError(
            f"arm {arm}: {bad} of {scores.size} scores are not finite numbers; look at its features and train again"
        )
    distinct = np.unique(np.column_stack([codes.astype(np.float64), scores]), axis=0).shape[0]
    if distinct == np.unique(codes).size < scores.size and arm != PERMUTED:
        raise NotApplicableError(
            f"arm {arm}: every one of {distinct} queries has one score for all its pairs, so it orders nothing; the "
            "ranker learnt nothing from its labels (too few rows, or constant features): see the training set"
        )


def arm_rows(
    ndcg: Mapping[tuple[str, Gain], Floats],
    positive: NDArray[np.bool_],
    ids: Mapping[str, str],
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Mean nDCG@10 with the query bootstrap interval; every arm on the same resamples."""
    n = int(positive.sum())
    counts = resample_counts(n, rng) if n else None
    rows = []
    for (arm, gain), values in ndcg.items():
        kept = values[positive]
        found = (
            Estimate(np.nan, np.nan, np.nan)
            if counts is None
            else percentile_interval(float(kept.mean()), counts @ kept / n)
        )
        rows.append(metric_row(arm, gain, found, ids.get(arm), None))
    return rows


def difference_rows(
    ndcg: Mapping[tuple[str, Gain], Floats],
    positive: NDArray[np.bool_],
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Paired differences between arms: bootstrap interval and randomisation p."""
    rows = []
    for better, worse in COMPARED:
        for gain in GAINS:
            difference = (ndcg[better, gain] - ndcg[worse, gain])[positive]
            found = paired_bootstrap(difference, rng)
            rows.append(
                metric_row(paired_difference(better, worse), gain, found, None, paired_randomisation(difference, rng))
            )
    return rows


def metric_row(arm: str, gain: Gain, found: Estimate, ranker_id: str | None, p: float | None) -> dict[str, object]:
    """The part of a RANKER_METRICS row that differs between rows."""
    figures = {"estimate": found.value, "low": found.low, "high": found.high, "p_value": p}
    return {"ranker_id": ranker_id, "arm": arm, "metric": NDCG_OF[gain], **figures}


def query_table(pairs: pl.DataFrame, codes: Ints, ndcg: Mapping[tuple[str, Gain], Floats]) -> pl.DataFrame:
    """Every query's nDCG@10 under every arm, for plots and for looking at the losers."""
    queries = (
        pairs.select(QUERY_KEY)
        .with_columns(pl.Series("code", codes))
        .group_by(*QUERY_KEY, "code")
        .agg(pl.len().alias("n_pairs"))
        .sort("code")
        .drop("code")
    )
    arms: Sequence[str] = list(dict.fromkeys(arm for arm, _ in ndcg))
    return pl.concat(
        queries.with_columns(pl.lit(arm).alias("arm"), *(pl.Series(f"ndcg_{gain}", ndcg[arm, gain]) for gain in GAINS))
        for arm in arms
    )


def evaluation_id(trained: TrainedArms, pairs: pl.DataFrame) -> str:
    """Content hash of the rankers and of every tested pair's grade."""
    digest = hashlib.sha256(json.dumps(dict(trained.ids), sort_keys=True).encode())
    for row in pairs.select(*PAIR_KEY, "grade").iter_rows():
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()[:16]
