"""Do the pairs that are labelled today still look like the pairs the humans graded?

A classifier on the shape of the texts, the shift of the judge's grades, and their stability index. Never a reason to
distrust the judge by itself: a judge is certified for the pairs it was tested on.
"""

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from label_pipeline.core.intervals import cluster_totals
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.scale import Scale
from label_pipeline.core.words import tokenise

Floats = NDArray[np.float64]

SAMPLE = 2000
"""Pairs of each side shown to the classifier: enough for an AUC to within .02, seconds to fit."""
MIN_PAIRS, MIN_QUERIES, FOLDS = 50, 10, 5
"""Below so many pairs per side, or queries in all, there is no AUC."""
MIN_LABELS = 500
"""Stream labels below which a stability index says nothing."""
KINDS = 10
"""Commonest sources and languages told apart; the rest are one kind."""


class Population(NamedTuple):
    """How far the stream is from the human-graded pairs; nan where it cannot be said.

    Attributes:
        auc: cross-validated AUC of telling the two apart by their texts' shape; .5 = not at all.
        psi: population stability index of the judge's grades.
        grade_shift_se: mean grade of the stream minus that of the seed, in query-clustered standard errors.
        n_seed: human-graded pairs compared.
        n_stream: stream pairs compared.
    """

    auc: float
    psi: float
    grade_shift_se: float
    n_seed: int
    n_stream: int


def compare(seed: pl.DataFrame, stream: pl.DataFrame, scale: Scale, rng: np.random.Generator) -> Population:
    """The stream of candidate pairs against the human-graded ones of one collection.

    Args:
        seed: one row per pair: ``task``, ``collection``, ``query_id``, ``query``, ``document`` (text), ``raw_grade``
            (the judge's; null where it has none), and any of ``title``, ``source``, ``language``.
        stream: likewise.
        scale: the grade scale.
        rng: draws the classifier's sample and folds.
    """
    grades = [_grades(side) for side in (seed, stream)]
    return Population(
        auc=classifier_auc(seed, stream, rng),
        psi=stability_index(grades[0], grades[1], scale),
        grade_shift_se=_grade_shift(seed, stream),
        n_seed=seed.height,
        n_stream=stream.height,
    )


def stability_index(expected: ArrayLike, found: ArrayLike, scale: Scale) -> float:
    """PSI = sum_k (p_k - q_k) ln(p_k / q_k) over the rounded grades, 1/2 added to every count.

    nan below ``MIN_LABELS`` found or ``MIN_PAIRS`` expected grades. .1 watch and .2 act are conventions.
    """
    counts = [np.bincount(_codes(values, scale), minlength=scale.span + 1) for values in (expected, found)]
    if counts[0].sum() < MIN_PAIRS or counts[1].sum() < MIN_LABELS:
        return float("nan")
    q, p = ((count + 0.5) / (count.sum() + 0.5 * len(count)) for count in counts)
    return float(((p - q) * np.log(p / q)).sum())


def classifier_auc(seed: pl.DataFrame, stream: pl.DataFrame, rng: np.random.Generator) -> float:
    """Mean AUC over folds of whole queries of a logistic regression on text shapes; nan with too little to learn from.

    A query whose pairs are on both sides stays in one fold, so remembering a query does not help.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    shared = [name for name in (*TEXTS, *LABELS) if name in seed.columns and name in stream.columns]
    sides = [_sample(side, rng).select("task", "collection", "query_id", *shared) for side in (seed, stream)]
    both = pl.concat(sides, how="vertical_relaxed")
    groups = query_codes(both)
    if min(side.height for side in sides) < MIN_PAIRS or len(np.unique(groups)) < MIN_QUERIES:
        return float("nan")
    truth = np.repeat([0, 1], [side.height for side in sides])
    shapes = text_shapes(both)
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=int(rng.integers(2**31)))
    found = []
    for learn, test in folds.split(shapes, truth, groups):
        if len(np.unique(truth[test])) < 2 or len(np.unique(truth[learn])) < 2:
            continue
        model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000))
        model.fit(shapes[learn], truth[learn])
        found.append(float(roc_auc_score(truth[test], model.decision_function(shapes[test]))))
    return float(np.mean(found)) if len(found) >= 2 else float("nan")


TEXTS = ("query", "document", "title")
LABELS = ("source", "language")


def text_shapes(pairs: pl.DataFrame) -> Floats:
    """(n, p) features that say how a pair looks, not what it is about: lengths, overlap, digits, source, language."""
    columns: list[Floats] = []
    tokens = {name: [tokenise(text or "") for text in pairs[name]] for name in TEXTS if name in pairs.columns}
    for words in tokens.values():
        lengths = np.array([len(each) for each in words], dtype=np.float64)
        letters = np.array([sum(map(len, each)) for each in words], dtype=np.float64)
        digits = np.array([sum(any(c.isdigit() for c in word) for word in each) for each in words], dtype=np.float64)
        columns += [np.log1p(lengths), letters / np.maximum(lengths, 1), digits / np.maximum(lengths, 1)]
    columns += [_coverage(tokens["query"], tokens[name]) for name in tokens if name != "query"]
    for name in (name for name in LABELS if name in pairs.columns):
        kinds = pairs[name].fill_null("none")
        common = kinds.value_counts(sort=True)[name].head(KINDS)
        columns += [(kinds == kind).cast(pl.Float64).to_numpy() for kind in common]
    return np.column_stack(columns)


def _coverage(queries: list[list[str]], texts: list[list[str]]) -> Floats:
    """Share of a query's distinct words that its text holds."""
    pairs = ((set(query), set(text)) for query, text in zip(queries, texts, strict=True))
    return np.array([len(query & text) / max(len(query), 1) for query, text in pairs])


def _sample(side: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    if side.height <= SAMPLE:
        return side
    return side[np.sort(rng.choice(side.height, SAMPLE, replace=False))]


def _grades(side: pl.DataFrame) -> Floats:
    return side["raw_grade"].cast(pl.Float64).drop_nulls().drop_nans().to_numpy()


def _codes(values: ArrayLike, scale: Scale) -> NDArray[np.int64]:
    return np.floor(np.asarray(values, dtype=np.float64) + 0.5).astype(np.int64) - scale.lo


def _grade_shift(seed: pl.DataFrame, stream: pl.DataFrame) -> float:
    """Difference of the mean grades over its standard error, queries being the sample; nan with fewer than 2."""
    totals = []
    for side in (seed, stream):
        graded = side.filter(pl.col("raw_grade").cast(pl.Float64).is_not_nan())  # null is dropped too
        codes = query_codes(graded)
        totals.append(cluster_totals(_grades(graded), codes, int(codes.max()) + 1 if len(codes) else 0))
    error = float(np.hypot(totals[0].se, totals[1].se))
    return (totals[1].mean - totals[0].mean) / error if error > 0 else float("nan")
