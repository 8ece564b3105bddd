"""Whether a judge's labels order a query's documents as people do: decided before a ranker is trained on them.

Measured on what the judge said about the human-graded train and dev pairs, turned into training labels by the rule the
set itself uses. Shuffled labels have .5.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from label_pipeline.core import intervals
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.ranking import pairwise_accuracy_totals
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.core.training_grade import TrainingGrade, as_trained

CHANCE = 0.5
"""Within-query pairwise accuracy of labels that know nothing: what permuted labels have."""

ALPHA = 0.05


@dataclass(frozen=True)
class LabelOrder:
    """How the labels of one judge order the human-graded pairs of one collection.

    Attributes:
        collection: its name.
        judge_version: who gave the labels.
        n_queries: train and dev queries with two pairs whose human grades differ by one or more.
        accuracy: within-query pairwise accuracy of the labels against the human grades; nan without such a query.
        low: its one-sided 95 % lower bound; nan where it has none.
    """

    collection: str
    judge_version: str
    n_queries: int
    accuracy: float
    low: float

    @property
    def better_than_chance(self) -> bool:
        """Whether the bound is above what shuffled labels have; an unknown one is not."""
        return self.low > CHANCE

    @property
    def sentence(self) -> str:
        """What was found and what was needed."""
        found = (
            f"[{self.collection}] labels of judge {self.judge_version} against the human grades of {self.n_queries} "
            f"train and dev queries: pairwise accuracy {self.accuracy:.3f}, 95 % lower bound {self.low:.3f}"
        )
        return f"{found}, needs above {CHANCE:g}, which shuffled labels have"


def label_orders(
    judged: pl.DataFrame, gold: pl.DataFrame, scale: Scale, rng: np.random.Generator, *, trains_on: TrainingGrade
) -> tuple[LabelOrder, ...]:
    """One decision for each collection and judge in ``judged``.

    Args:
        judged: the judges' grades, or labels, of human-graded pairs: pair key, ``judge_version``, ``raw_grade`` and
            ``expected_grade``; a null grade loses its pairs.
        gold: GOLD rows of train and dev queries.
        scale: the grade scale.
        rng: draws the query bootstrap.
        trains_on: which grade of a label a ranker learns from.
    """
    both = judged.join(gold.select(*PAIR_KEY, "gold_mean"), on=list(PAIR_KEY), how="inner", nulls_equal=True)
    both = both.sort("collection", "judge_version", *PAIR_KEY, nulls_last=True)
    return tuple(
        _order(str(collection), str(judge_version), rows, scale, rng, trains_on)
        for (collection, judge_version), rows in both.group_by(["collection", "judge_version"], maintain_order=True)
    )


def _order(
    collection: str, judge_version: str, rows: pl.DataFrame, scale: Scale, rng: np.random.Generator,
    trains_on: TrainingGrade,
) -> LabelOrder:  # fmt: skip
    codes = query_codes(rows)
    n_queries = int(codes.max()) + 1
    right = ClusterTotals(
        *pairwise_accuracy_totals(as_trained(rows, trains_on, scale), rows["gold_mean"].to_numpy(), codes, n_queries)
    )
    return LabelOrder(collection, judge_version, right.n_queries, right.mean, _low(right, rng))


def _low(right: ClusterTotals, rng: np.random.Generator) -> float:
    """Below the 20 queries that bootstrap-t needs, the clustered t bound: this guards, it does not certify."""
    if right.n_queries >= intervals.MIN_QUERIES:
        return intervals.bootstrap_t_lower(right, intervals.resample_counts(len(right.counts), rng), ALPHA)
    return -intervals.cluster_t_upper(ClusterTotals(-right.sums, right.counts), ALPHA)


def refuse_no_better_than_chance(orders: Sequence[LabelOrder]) -> None:
    """Nothing is trained on labels that are not shown to order documents better than shuffled ones.

    Raises:
        NotApplicableError: naming the collections and judges, and what to do.
    """
    poor = [order.sentence for order in orders if not order.better_than_chance]
    if poor:
        raise NotApplicableError(
            f"nothing is trained: {'; '.join(poor)}; look at the confusion table of the judge, recall its labels "
            "(label-pipeline recall) and certify another"
        )
