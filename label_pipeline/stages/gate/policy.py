"""The named gate policies and the alpha each look at the holdout spends.

Thresholds are scale-free (statistics.md sections 11 and 14): R is the span of the scale.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from label_pipeline.core.errors import NotApplicableError, SettingsError


@dataclass(frozen=True)
class Policy:
    """What a judge must show on the holdout, in one collection.

    Attributes:
        name: policy name; an edited one is called ``<name> (edited)``.
        r2_low: the lower bound of skill R^2 = 1 - MSE / Var(gold) must exceed this.
        pairwise_accuracy_low: the lower bound of within-query pairwise accuracy (gold gap >= 1) must exceed this.
        gross_error_high: the upper bound of the share of errors >= R/2 must stay below this (0-1).
        bias_high: both one-sided bounds of the mean error must lie inside +- this share of R.
        unreadable_high: Clopper-Pearson upper 95 % bound of replies without a grade, refused ones included (0-1).
        min_queries: holdout queries with at least ``min_pairs`` pairs.
        min_pairs: pairs per query.
    """

    name: str
    r2_low: float
    pairwise_accuracy_low: float
    gross_error_high: float = 0.15
    bias_high: float = 0.10
    unreadable_high: float = 0.02
    min_queries: int = 44
    min_pairs: int = 10

    @property
    def policy_hash(self) -> str:
        """Hash of every threshold; a verdict given under other thresholds is not current."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


POLICIES = {
    "single-permissive": Policy("single-permissive", r2_low=0.05, pairwise_accuracy_low=0.65),
    "single-standard": Policy("single-standard", r2_low=0.10, pairwise_accuracy_low=0.68),
    "single-strict": Policy("single-strict", r2_low=0.15, pairwise_accuracy_low=0.70),
}
"""One human grade per pair. Evidence: statistics.md section 14."""


def choose_policy(name: str, edits: Mapping[str, float] | None = None) -> Policy:
    """The policy ``name`` with the thresholds in ``edits``.

    Raises:
        NotApplicableError: ``panel``, which does not exist yet.
        SettingsError: an unknown policy or threshold, or a value that would switch a criterion off by mistake.
    """
    if name == "panel":
        raise NotApplicableError(
            "policy 'panel' (several annotators a pair) does not exist yet; "
            f"use one of {sorted(POLICIES)}: they judge against the panel mean"
        )
    if name not in POLICIES:
        raise SettingsError(f"unknown gate policy {name!r}; known: {sorted(POLICIES)}")
    known = {field.name for field in fields(Policy)} - {"name"}
    wrong = set(edits or {}) - known
    if wrong:
        raise SettingsError(f"gate.thresholds has unknown {sorted(wrong)}; known: {sorted(known)}")
    if not edits:
        return POLICIES[name]
    for key, value in edits.items():
        _refuse_slip(key, value)
    whole = {key: int(value) if key.startswith("min_") else value for key, value in edits.items()}
    return replace(POLICIES[name], name=f"{name} (edited)", **whole)  # type: ignore[arg-type]  # keys checked above


def _refuse_slip(key: str, value: float) -> None:
    """A percentage where a share is meant (bias_high: 10) would open the gate to anything."""
    if key.startswith("min_") and not (value >= 1 and float(value).is_integer()):
        raise SettingsError(f"gate.thresholds.{key} is {value}, expected a whole number from 1")
    if not key.startswith("min_") and not value <= 1:
        raise SettingsError(f"gate.thresholds.{key} is {value}, expected a share of at most 1 (0.15 for 15 %)")


def alpha_of_look(look: int, alpha: float = 0.05) -> float:
    """Alpha that look ``look`` (1, 2, ...) spends: alpha * 6 / (pi^2 k^2), so that all looks together spend alpha."""
    return alpha * 6 / (math.pi**2 * look**2)
