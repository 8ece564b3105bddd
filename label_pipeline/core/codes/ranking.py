"""The arms of the ranker's experiment, the learners, and the metrics they are compared by.

A metric is a value with one spelling, parameters included (the idea of ir_measures).
"""

from collections.abc import Mapping
from typing import Final, Literal

Gain = Literal["exponential", "linear"]
"""2^g - 1 (LightGBM's default, "exp-log2") or g (trec_eval): the two give different nDCG, so always state which."""

EXPONENTIAL: Final = "exponential"
LINEAR: Final = "linear"

GAINS: Final[tuple[Gain, ...]] = (EXPONENTIAL, LINEAR)

TrainedArm = Literal["amplified", "seed_only", "permuted", "amplified_l2"]

AMPLIFIED: Final = "amplified"
SEED_ONLY: Final = "seed_only"
PERMUTED: Final = "permuted"
"""The amplified arm with its labels shuffled: the negative control."""
AMPLIFIED_L2: Final = "amplified_l2"
BM25: Final = "bm25"
INCUMBENT: Final = "incumbent"

TRAINED_ARMS: Final[tuple[TrainedArm, ...]] = (AMPLIFIED, SEED_ONLY, PERMUTED, AMPLIFIED_L2)
LABEL_ARMS: Final = (AMPLIFIED, SEED_ONLY)
"""The arms that have labels of their own."""


def paired_difference(better: str, worse: str) -> str:
    """The arm that stands for the paired difference of two."""
    return f"{better} - {worse}"


COMPARED: Final = ((AMPLIFIED, SEED_ONLY), (AMPLIFIED, BM25))
"""Pairs of arms whose difference is tested."""

OVER_SEED_ONLY: Final = paired_difference(AMPLIFIED, SEED_ONLY)
"""The difference that decides whether a ranker is promoted."""

DIFFERENCES: Final = tuple(paired_difference(*pair) for pair in COMPARED)

ARMS: Final[tuple[str, ...]] = (BM25, INCUMBENT, *TRAINED_ARMS, *DIFFERENCES)
"""Whatever an evaluation has a figure of."""

LAMBDAMART: Final = "lambdamart"
RIDGE: Final = "ridge"

FAMILIES: Final = (LAMBDAMART, RIDGE)

CUTOFF: Final = 10
"""Rank down to which an order counts."""

NDCG: Final = f"nDCG@{CUTOFF}"

NDCG_OF: Final[Mapping[Gain, str]] = {gain: f"{NDCG} {gain} gain" for gain in GAINS}
"""The metric's one spelling: nDCG never without its gain, because the two gains give different figures."""

MAIN_METRIC: Final = NDCG_OF[EXPONENTIAL]
"""The metric that decides whether a ranker becomes champion."""

METRICS: Final = tuple(NDCG_OF.values())

TESTED: Final = "holdout+anchor"
"""The queries a figure is about."""

TESTED_SPLITS: Final = (TESTED,)
