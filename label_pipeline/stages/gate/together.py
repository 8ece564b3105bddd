"""Collections that open alone for nobody and would as one: said, never decided.

Whether two markets are one collection is for people: one judge, one rubric and one ranker must serve both. Keep out:
the decision itself (decision.py); looks at a merged collection (shared.py counts those its queries were in).
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
import polars as pl

from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.core.pairs import deepest_queries
from label_pipeline.stages.gate import criteria
from label_pipeline.stages.gate.criteria import Criterion
from label_pipeline.stages.gate.decision import RESAMPLES, decide
from label_pipeline.stages.gate.evidence import Evidence
from label_pipeline.stages.gate.policy import Policy, alpha_of_look

TOGETHER = "as one collection"
_HOW = "one `collection` for them is right only where one judge, one rubric and one ranker serve all"


def enough_together(golds: Mapping[str, pl.DataFrame], policy: Policy) -> Criterion | None:
    """Names the collections that have too few holdout queries each and enough together; None where they have not.

    Args:
        golds: GOLD rows of the holdout of each collection that has too few.
        policy: says how many are enough.
    """
    enough = sum(int((deepest_queries(gold) >= policy.min_pairs).sum()) for gold in golds.values())
    if len(golds) < 2 or enough < policy.min_queries:
        return None
    named = f"{_named(golds)} have {enough} holdout queries of {policy.min_pairs} pairs together"
    return criteria.reported(TOGETHER, f"{named}, {policy.name} needs {policy.min_queries}; {_HOW}")


def open_together(
    found: Mapping[str, Evidence], policy: Policy, rng: np.random.Generator, resamples: int = RESAMPLES
) -> dict[str, Criterion]:
    """By collection: the sentence that it and others, which a first look opens for none of, would be opened as one.

    Args:
        found: the evidence of every collection of one judge, on one scale.
        policy: thresholds.
        rng: draws the query bootstraps.
        resamples: of each.
    """

    def opens(evidence: Evidence) -> bool:
        look = {"look": 1, "alpha": alpha_of_look(1), "looks_allowed": 1}
        return decide(evidence, policy, rng=rng, resamples=resamples, **look).open  # type: ignore[arg-type]

    shut = {name: evidence for name, evidence in found.items() if evidence.n_pairs} if len(found) > 1 else {}
    shut = {name: evidence for name, evidence in shut.items() if not opens(evidence)}
    if len(shut) < 2 or not opens(as_one(list(shut.values()))):
        return {}
    queries = sum(evidence.n_queries for evidence in shut.values())
    told = f"{_named(shut)} would be opened as one collection of {queries} holdout queries at a first look; {_HOW}"
    return dict.fromkeys(shut, criteria.reported(TOGETHER, told))


def as_one(parts: Sequence[Evidence]) -> Evidence:
    """The pairs of ``parts`` as one collection; queries of nearly the same words in two of them stay two."""
    before = list(accumulate((one.n_queries for one in parts), initial=0))
    clusters = list(accumulate((one.n_clusters for one in parts), initial=0))
    return Evidence(
        collection=" + ".join(one.collection for one in parts),
        scale=parts[0].scale,
        gold=np.concatenate([one.gold for one in parts]),
        trained=np.concatenate([one.trained for one in parts]),
        calibrated=np.concatenate([one.calibrated for one in parts]),
        query_index=np.concatenate([one.query_index + add for one, add in zip(parts, before, strict=False)]),
        n_queries=before[-1],
        ungraded=ClusterTotals(
            np.concatenate([one.ungraded.sums for one in parts]),
            np.concatenate([one.ungraded.counts for one in parts]),
        ),
        holdout_hash="",
        cluster_of=np.concatenate([one.clusters + add for one, add in zip(parts, clusters, strict=False)]),
    )


def _named(collections: Mapping[str, object]) -> str:
    *first, last = collections
    return f"collections {', '.join(first)} and {last}"
