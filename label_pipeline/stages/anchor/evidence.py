"""What drift is decided on: repeated runs of one judge over one collection's anchor, and what else is known.

Plain arrays, aligned by item.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.intervals import ClusterTotals
from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor.population import Population

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AnchorRun:
    """The judge's grades of every anchor pair in one epoch.

    Attributes:
        epoch: the run's epoch.
        ran_at: when it ended (UTC).
        raw: (n,) mean raw grade; nan where no reply held one.
        calibrated: (n,) calibrated grade; nan likewise.
        malformed: (n,) unreadable replies about each pair: malformed, cut, out of scale (the column and its detector
            have this name).
        refused: (n,) times the model refused each pair, or its endpoint rejected the text.
        replies: replies asked for (pairs x votes), those that never came included.
        models: model ids the provider reported.
        fingerprints: system fingerprints it reported.
        failed: of the replies asked for, those that never came: an outage, not the judge.
        answered: (n,) which pairs got a reply, readable or not; None = all.
    """

    epoch: int
    ran_at: datetime
    raw: Floats
    calibrated: Floats
    malformed: NDArray[np.int64]
    refused: NDArray[np.int64]
    replies: int
    models: frozenset[str]
    fingerprints: frozenset[str]
    failed: int = 0
    answered: NDArray[np.bool_] | None = None

    @property
    def came(self) -> int:
        """Replies that came, readable or not."""
        return self.replies - self.failed

    @property
    def failed_share(self) -> float:
        """Share of the replies asked for that never came; 1 when none was asked for."""
        return self.failed / self.replies if self.replies else 1.0

    @property
    def replied(self) -> NDArray[np.bool_]:
        """(n,) which pairs got a reply; where ``answered`` is None, all of them."""
        return np.ones(len(self.raw), dtype=bool) if self.answered is None else self.answered

    @property
    def by_pair(self) -> tuple[NDArray[Any], ...]:
        """Everything that has one entry per pair."""
        return self.raw, self.calibrated, self.malformed, self.refused, self.replied

    @property
    def missing_share(self) -> float:
        """Share of the anchor that brought no reply; pairs that were not asked for are missing too."""
        return max(self.failed_share, 1 - float(self.replied.mean()))


@dataclass(frozen=True, eq=False)
class Certificate:
    """What the gate saw of the judge when it certified it.

    Attributes:
        decided_at: when (UTC).
        holdout: by query, the loss of its calibrated grades on the holdout, shares of R^2.
        anchor: its pass over the anchor in the gate's own epoch, aligned with the baseline's items; None where the gate
            did not ask for one.
    """

    decided_at: datetime
    holdout: ClusterTotals
    anchor: AnchorRun | None


class Cadence(NamedTuple):
    """How often the judge is looked at and how much it may label meanwhile.

    Attributes:
        pause_days: longest time between two anchor runs of the schedule.
        label_days: label days in that time, at most.
        labels_a_day: what a label day's cap buys; None where a label costs nothing.
    """

    pause_days: float
    label_days: int
    labels_a_day: int | None


@dataclass(frozen=True, eq=False, kw_only=True)
class AnchorEvidence:
    """Everything one drift decision looks at, for one judge and collection.

    Attributes:
        collection: its name.
        scale: the grade scale.
        gold: (n,) panel mean of the human grades, as when the baseline was made.
        query_index: (n,) 0-based cluster of each pair: its query, those that say nearly the same being one.
        baseline: the runs right after certification.
        watch: every run since, oldest first.
        canary: runs over a part of the anchor inside amplifications, oldest first.
        accepted_model: the model id that was certified.
        rubric_changed: the rubric is another one than at the baseline.
        regraded: humans' earlier and new grades of the same pairs, both (m,).
        human_mse: squared difference to expect between two humans' grades, in grades^2; None where unknown.
        population: comparison of the anchor with the stream; None where none was made.
        certificate: what the gate saw; None where nothing of it is stored.
        cadence: how often the judge is looked at; None where it is not to be told what that risks.

    Raises:
        ValueError: where an array does not have one entry per item.
    """

    collection: str
    scale: Scale
    gold: Floats
    query_index: NDArray[np.int64]
    baseline: tuple[AnchorRun, ...]
    watch: tuple[AnchorRun, ...]
    accepted_model: str
    canary: tuple[AnchorRun, ...] = ()
    rubric_changed: bool = False
    regraded: tuple[Floats, Floats] | None = None
    human_mse: float | None = None
    population: Population | None = None
    certificate: Certificate | None = None
    cadence: Cadence | None = None

    def __post_init__(self) -> None:
        n = len(self.gold)
        gate_pass = self.certificate.anchor if self.certificate else None
        runs = (*self.baseline, *self.watch, *self.canary, *([gate_pass] if gate_pass else []))
        arrays = [self.query_index, *(values for run in runs for values in run.by_pair)]
        wrong = sorted({str(values.shape) for values in arrays if values.shape != (n,)})
        if wrong:
            raise ValueError(f"anchor of {n} pairs with arrays of shape {wrong}; expected ({n},): align runs by pair")

    @property
    def n_pairs(self) -> int:
        """Number of anchor pairs."""
        return len(self.gold)
