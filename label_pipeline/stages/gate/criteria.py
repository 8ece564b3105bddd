"""One criterion of a decision, its sentence, and the criteria that need no grade of the judge.

Every sentence says what was found, what was needed and, where that was missed, what to do. A figure or bound that is
not a finite number is unknown, and unknown is a failure.
"""

from collections.abc import Callable, Collection
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core import intervals
from label_pipeline.core.codes.verdicts import FULL, Lane
from label_pipeline.stages.gate.evidence import Evidence
from label_pipeline.stages.gate.policy import Policy

Status = Literal["met", "missed", "unknown", "reported", "not applicable"]

QUERIES: Final = "queries"
LOOKS: Final = "looks"
GRADES: Final = "grades"
CALIBRATED: Final = "calibrator"
"""Criteria whose miss says that the data cannot answer, not that the judge is bad."""

NOT_APPLICABLE = {
    "non-inferiority to humans": "needs three annotators on most holdout pairs and policy panel",
    "alternative annotator test": "needs three annotators on most holdout pairs and policy panel",
    "covariate bias veto": "with one grade a pair the forward regression fails every judge (statistics.md section 14)",
    "slice veto": "needs policy panel; below 60 queries a slice it sees only gross failures",
}
"""Criteria of the design that the single-* policies cannot apply, and why."""


class Criterion(NamedTuple):
    """One criterion of one decision.

    ``figure`` is the estimate, ``bound`` the one-sided bound at the look's alpha that is compared with ``threshold``.
    """

    name: str
    status: Status
    figure: float | None
    bound: float | None
    threshold: float | None
    sentence: str


def looks(look: int, allowed: int, *, edited: bool = False, lane: Lane = FULL) -> Criterion:
    """Whether the holdout's budget of looks in this lane allows look number ``look``."""
    status: Status = "met" if look <= allowed else "missed"
    sentence = ("" if lane == FULL else "re-certification ") + f"look {look} of {allowed} at this holdout"
    sentence += " (the policy was edited after an earlier look)" if edited else ""
    if status == "missed":
        sentence += ": its budget is spent; retire it (label-pipeline renew-holdout) and grade new queries"
    return Criterion(LOOKS, status, float(look), float(look), float(allowed), sentence)


def queries(
    deepest: NDArray[np.int64], policy: Policy, what: str = "holdout",
    to_add: Callable[[int], int] | None = None, reworded: int = 0,
) -> Criterion:  # fmt: skip
    """Whether enough queries have enough graded pairs; known before a judge is asked.

    Args:
        deepest: graded pairs of each query, of those that say nearly the same (a cluster) the most that one has.
        policy: says how many are enough.
        what: which queries these are, for people.
        to_add: from queries that are missing here to new queries to grade, some of which go to other splits.
        reworded: queries that say nearly what another one says, which count with it.
    """
    enough = int((deepest >= policy.min_pairs).sum())
    status: Status = "met" if enough >= policy.min_queries else "missed"
    found = f"{enough} {what} queries have at least {policy.min_pairs} graded pairs"
    if reworded:
        found += f" ({reworded} of nearly the same words as another counted with it)"
    sentence = f"{found}, {policy.name} needs {policy.min_queries}"
    if status == "missed":
        missing = policy.min_queries - enough
        sentence += f"; grade {missing} more queries of {policy.min_pairs} pairs"
        if to_add is not None and (new := to_add(missing)):
            sentence += f" in the {what}: about {new} new ones, for they are dealt to every split"
    return Criterion(QUERIES, status, float(enough), float(enough), float(policy.min_queries), sentence)


def grades(gold: NDArray[np.float64], what: str = "holdout") -> Criterion:
    """Whether human grades vary; known before a judge is asked: where all are alike, every judge looks the same."""
    distinct = len(np.unique(gold))
    status: Status = "met" if distinct >= 2 else "missed"
    sentence = f"{distinct} distinct human grades on {what} pairs, 2 are needed"
    if status == "missed":
        sentence += "; grade pairs of other grades too, also what is not relevant"
    return Criterion(GRADES, status, float(distinct), float(distinct), 2.0, sentence)


def calibrated(collection: str, calibrators: Collection[str]) -> Criterion:
    """Whether the judge has a calibrator for the collection; known before it is asked: without one it has no grade."""
    if collection in calibrators:
        return Criterion(CALIBRATED, "met", None, None, None, f"the judge is calibrated for collection {collection}")
    others = ", ".join(sorted(calibrators)) or "none"
    sentence = (
        f"the judge is not calibrated for collection {collection}, only for {others}; "
        "grade queries of it, some of which are dealt to dev, and calibrate again"
    )
    return Criterion(CALIBRATED, "missed", None, None, None, sentence)


def ungraded(evidence: Evidence, policy: Policy, rng: np.random.Generator) -> Criterion:
    """Whether few enough replies came without a grade, for whatever reason; its bound is always a 95 % one.

    The unit is the query, like for every other share: what cannot be read comes by text and by query. Its stored name
    says "unreadable replies", and counts refused, rejected and failed ones too.
    """
    totals = evidence.ungraded
    counts = intervals.resample_counts(len(totals.counts), rng)
    return below(
        "unreadable replies", totals.mean, intervals.rare_event_upper(totals, counts, 0.05), policy.unreadable_high,
        "ask for shorter replies, raise max_tokens or choose another model",
    )  # fmt: skip


def reported(name: str, sentence: str) -> Criterion:
    """Printed on the verdict, and decides nothing."""
    return Criterion(name, "reported", None, None, None, sentence)


def unanchored() -> Criterion:
    """Printed where labels may be given without an anchor."""
    sentence = (
        "labels may be given without an anchor baseline (anchor.required: false): a change of the judge after this "
        "look may go unseen"
    )
    return reported("anchor", sentence)


def not_applicable() -> tuple[Criterion, ...]:
    """The criteria that cannot apply, each with its reason."""
    return tuple(
        Criterion(name, "not applicable", None, None, None, f"{name}: not applicable, {why}")
        for name, why in NOT_APPLICABLE.items()
    )


def above(name: str, figure: float, bound: float, threshold: float, advice: str) -> Criterion:
    """Met when the lower ``bound`` is above ``threshold``."""
    return _compare(name, figure, bound, threshold, bound > threshold, "lower bound {:.3f}, needs above {:.3f}", advice)


def below(name: str, figure: float, bound: float, threshold: float, advice: str) -> Criterion:
    """Met when the upper ``bound`` is below ``threshold``."""
    return _compare(name, figure, bound, threshold, bound < threshold, "upper bound {:.3f}, needs below {:.3f}", advice)


def _compare(name: str, figure: float, bound: float, threshold: float, met: bool, words: str, advice: str) -> Criterion:
    if not (np.isfinite(bound) and np.isfinite(figure)):  # an infinite bound is no bound (core/intervals.py)
        sentence = (
            f"{name} has no bound (figure {figure:.3f}): too few queries or no readable reply; grade more queries"
        )
        return Criterion(name, "unknown", known(figure), None, threshold, sentence)
    sentence = f"{name} {figure:.3f}, {words.format(bound, threshold)}"
    return Criterion(
        name, "met" if met else "missed", figure, bound, threshold, sentence if met else f"{sentence}; {advice}"
    )


def known(value: float | None) -> float | None:
    """None for a figure that is not a finite number: what JSON and the tables can hold."""
    return value if value is not None and np.isfinite(value) else None
