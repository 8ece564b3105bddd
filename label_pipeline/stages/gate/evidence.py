"""What the gate looks at: one collection's holdout pairs with gold and the judge's grades."""

import hashlib
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from label_pipeline.core.gold import graded_rows
from label_pipeline.core.intervals import ClusterTotals, cluster_totals
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.pairs import cluster_codes, query_codes
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.core.training_grade import AUTO, TrainingGrade, as_trained


@dataclass(frozen=True)
class Evidence:
    """Holdout pairs of one collection, aligned arrays of length n.

    Attributes:
        collection: its name.
        scale: the grade scale.
        gold: panel mean of the human grades.
        trained: grade of the judge as a ranker would learn it; nan where no reply held one.
        calibrated: calibrated grade of the judge; nan likewise.
        query_index: 0 .. n_queries - 1.
        n_queries: queries.
        cluster_of: (n_queries,) 0-based cluster of each query: those that say nearly the same are one (``near_key``),
            for bounds and counts; None where each is its own.
        ungraded: by cluster, of every text the judge was asked about in this epoch and not only of the holdout: the
            share of a text's votes without a grade, for whatever reason, summed over texts; and texts.
        holdout_hash: hash of the pairs and their gold, so that the same look is recognised.
    """

    collection: str
    scale: Scale
    gold: NDArray[np.float64]
    trained: NDArray[np.float64]
    calibrated: NDArray[np.float64]
    query_index: NDArray[np.int64]
    n_queries: int
    ungraded: ClusterTotals
    holdout_hash: str
    cluster_of: NDArray[np.int64] | None = None

    @property
    def n_pairs(self) -> int:
        """Number of holdout pairs."""
        return len(self.gold)

    @property
    def clusters(self) -> NDArray[np.int64]:
        """(n_queries,) ``cluster_of``, or every query's own."""
        return np.arange(self.n_queries) if self.cluster_of is None else self.cluster_of

    @property
    def n_clusters(self) -> int:
        """Independent draws: queries, those that say nearly the same counted once."""
        return int(self.clusters.max()) + 1 if self.n_queries else 0

    @property
    def deepest(self) -> NDArray[np.int64]:
        """(n_clusters,) pairs of the query with the most pairs in each cluster."""
        found = np.zeros(self.n_clusters, dtype=np.int64)
        np.maximum.at(found, self.clusters, np.bincount(self.query_index, minlength=self.n_queries))
        return found

    def totals(self, values: NDArray[np.float64], among: NDArray[np.bool_] | None = None) -> ClusterTotals:
        """Per-pair ``values`` summed by cluster, of all pairs or of those ``among`` marks."""
        index = self.query_index if among is None else self.query_index[among]
        return cluster_totals(values, self.clusters[index], self.n_clusters)

    def by_cluster(self, by_query: ClusterTotals) -> ClusterTotals:
        """Totals by query, such as of pairs within one, summed by cluster."""
        n = self.n_clusters
        return ClusterTotals(
            np.bincount(self.clusters, weights=by_query.sums, minlength=n).astype(np.float64),
            np.bincount(self.clusters, weights=by_query.counts, minlength=n).astype(np.float64),
        )


def holdout_hash(gold: pl.DataFrame) -> str:
    """Hash of pair keys, query texts and gold means of one collection's holdout, whatever their order."""
    return hashlib.sha256(graded_rows(gold).encode()).hexdigest()[:16]


def collect(
    gold: pl.DataFrame,
    grades: pl.DataFrame,
    judge: JudgeVersion,
    scale: Scale,
    *,
    trains_on: TrainingGrade = AUTO,
    asked_before: pl.DataFrame | None = None,
) -> dict[str, Evidence]:
    """The evidence of every collection, by its name.

    Args:
        gold: GOLD rows of the holdout.
        grades: one row per pair from ``core.judge.pair_grades`` (raw, expected, ungraded and replies columns).
        judge: its calibrators turn expected grades into calibrated ones.
        scale: the grade scale.
        trains_on: which grade of a label a ranker learns from (settings `rank.grades`).
        asked_before: ``grades`` of the pairs it was calibrated on in the same epoch. Whether a reply can be read is
            tuned on nothing, so those count: 44 queries alone cannot rule out that one in 25 is unreadable.
    """
    joined = gold.join(grades, on=list(PAIR_KEY), how="left", nulls_equal=True).sort(PAIR_KEY, nulls_last=True)
    asked = joined if asked_before is None else pl.concat([joined, asked_before], how="diagonal")
    return {
        str(name): _evidence(
            str(name), rows, judge, scale, trains_on, ungraded_by_query(asked.filter(pl.col("collection") == name))
        )
        for (name,), rows in joined.group_by(["collection"], maintain_order=True)
    }


def ungraded_by_query(asked: pl.DataFrame) -> ClusterTotals:
    """By cluster of queries: the share of a text's votes that held no grade, summed over its texts, and texts.

    A text that was never asked counts as one without a grade. Votes are nested in their text and texts in their query:
    what makes one unreadable often makes the next.

    Args:
        asked: pair key, ``ungraded`` and ``replies``; null where the pair was not asked.
    """
    codes = cluster_codes(asked)
    share = (asked["ungraded"] / asked["replies"]).fill_null(1.0).to_numpy()
    return cluster_totals(share, codes, int(codes.max()) + 1 if len(codes) else 0)


def cluster_of_query(rows: pl.DataFrame) -> NDArray[np.int64]:
    """(queries,) the cluster of each query, both numbered as ``query_codes`` and ``cluster_codes`` number them."""
    queries, first = np.unique(query_codes(rows), return_index=True)
    return cluster_codes(rows)[first] if len(queries) else np.zeros(0, dtype=np.int64)


def _evidence(
    name: str, rows: pl.DataFrame, judge: JudgeVersion, scale: Scale, trains_on: TrainingGrade, ungraded: ClusterTotals
) -> Evidence:
    expected = rows["expected_grade"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    codes = query_codes(rows)
    return Evidence(
        collection=name,
        scale=scale,
        gold=rows["gold_mean"].to_numpy(),
        trained=as_trained(rows, trains_on, scale),
        calibrated=judge.calibrate(name, expected),
        query_index=codes,
        n_queries=int(codes.max()) + 1 if len(codes) else 0,
        ungraded=ungraded,
        holdout_hash=holdout_hash(rows),
        cluster_of=cluster_of_query(rows),
    )
