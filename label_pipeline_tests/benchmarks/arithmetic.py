"""The statistics against the libraries one would otherwise call, on data of the size a gate sees; and words.

Keep out: anything that asks a judge (bulk.py).
"""

from collections.abc import Iterator

import numpy as np

from label_pipeline.core.agreement import alpha_interval, krippendorff_alpha
from label_pipeline.core.intervals import bootstrap_t_interval, cluster_totals, resample_counts
from label_pipeline.core.ranking import ndcg_by_query
from label_pipeline.core.words import tokenise
from label_pipeline_tests.benchmarks.paired import Paired, paired
from label_pipeline_tests.languages.finding import parallel

QUERIES, DEPTH, B = 60, 10, 2_000


def arithmetic() -> Iterator[Paired]:
    """Interval, agreement, ranking metric, words."""
    yield _interval()
    yield _alpha()
    yield _ndcg()
    yield _words()


def _interval() -> Paired:
    from scipy.stats import bootstrap

    rng = np.random.default_rng(0)
    query_index = np.repeat(np.arange(QUERIES), DEPTH)
    totals = cluster_totals(rng.gamma(1.0, 1.0, QUERIES * DEPTH), query_index, QUERIES)

    def ours() -> None:
        bootstrap_t_interval(totals, resample_counts(QUERIES, np.random.default_rng(1), B))

    def library() -> None:
        bootstrap(
            (totals.sums, totals.counts), lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis), paired=True,
            vectorized=True, n_resamples=B, method="percentile", rng=np.random.default_rng(1),
        )  # fmt: skip

    return paired(
        f"What does an interval of a mean cost, {QUERIES} queries x {DEPTH}, {B:,} resamples?",
        ("cluster bootstrap-t", ours),
        ("`scipy.stats.bootstrap`, percentile", library),
        unit="an interval",
    )


def _alpha() -> Paired:
    import krippendorff

    rng = np.random.default_rng(0)
    n = QUERIES * DEPTH * 2
    truth = rng.integers(0, 4, n)
    ratings = np.clip(truth + rng.integers(-1, 2, (5, n)), 0, 3).astype(float)
    ratings[rng.random((5, n)) < 0.4] = np.nan
    query_index = np.repeat(np.arange(QUERIES * 2), DEPTH)
    expected = krippendorff.alpha(reliability_data=ratings, level_of_measurement="ordinal")
    assert abs(krippendorff_alpha(ratings) - expected) < 1e-9, "both must find the same alpha"
    few = 20

    def ours() -> None:
        alpha_interval(ratings, query_index, QUERIES * 2, "ordinal", np.random.default_rng(1), B)

    def library() -> None:
        draws = np.random.default_rng(1)
        for _ in range(few):
            drawn = draws.integers(0, QUERIES * 2, QUERIES * 2)
            columns = (drawn[:, None] * DEPTH + np.arange(DEPTH)).ravel()
            krippendorff.alpha(reliability_data=ratings[:, columns], level_of_measurement="ordinal")

    return paired(
        f"What does a resample of Krippendorff's alpha cost, five annotators, {n:,} pairs?",
        ("`alpha_interval`", ours),
        ("a loop over `krippendorff.alpha`", library),
        unit="a resample",
        ours_units=B,
        baseline_units=few,
    )


def _ndcg() -> Paired:
    import ir_measures
    from ir_measures import Qrel, ScoredDoc, nDCG

    rng = np.random.default_rng(0)
    depth = 30
    query_index = np.repeat(np.arange(QUERIES), depth)
    grades, scores = rng.integers(0, 4, len(query_index)), rng.normal(size=len(query_index))
    names = [(str(query), str(row)) for row, query in enumerate(query_index)]
    qrels = [Qrel(query, doc, int(grade)) for (query, doc), grade in zip(names, grades, strict=True)]
    run = [ScoredDoc(query, doc, float(score)) for (query, doc), score in zip(names, scores, strict=True)]
    evaluator = ir_measures.evaluator([nDCG @ 10], qrels)
    mine = float(np.nanmean(ndcg_by_query(scores, grades, query_index, QUERIES, gain="linear")))
    theirs = evaluator.calc_aggregate(run)[nDCG @ 10]
    assert abs(mine - theirs) < 1e-9, "both must find the same nDCG@10"
    return paired(
        f"What does nDCG@10 of {QUERIES} queries x {depth} cost?",
        ("`ndcg_by_query`", lambda: ndcg_by_query(scores, grades, query_index, QUERIES, gain="linear")),
        ("`ir_measures` (its evaluator made beforehand)", lambda: evaluator.calc_aggregate(run)),
        unit="an evaluation",
    )


def _words() -> Paired:
    documents, _ = parallel("en")
    passages = [" ".join(documents[n % 24 : n % 24 + 4]) for n in range(3_000)]
    assert all(tokenise(text, 2) == tokenise(text, 1) for text in passages), "both must find the same words"
    passages = [f"{text} 4.5" if n % 10 == 0 else text for n, text in enumerate(passages)]  # as often as on the web

    def cut(version: int) -> None:
        for text in passages:
            tokenise(text, version)

    return paired(
        "What does cutting an English passage of 300 characters into words cost?",
        ("tokeniser 2, any script", lambda: cut(2)),
        ("tokeniser 1, letters and digits", lambda: cut(1)),
        unit="a passage",
        ours_units=len(passages),
        baseline_units=len(passages),
        cpu=True,
    )
