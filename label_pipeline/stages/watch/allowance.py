"""Whether a run nobody asked for may spend: its price against the cap, and the looks at the holdout that are left."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from label_pipeline.stages.watch.requests import WantedRun

LAST_LOOK = 1
"""Looks that are never spent automatically: the last one is for a person to take."""


@dataclass(frozen=True)
class Cost:
    """What a run would cost at most.

    Attributes:
        calibrate_usd: asking every candidate; nan where a price is unknown.
        gate_usd: asking the dearest candidate about the holdout.
        requests: requests it would send.
        why_unknown: the sentence behind a nan.
    """

    calibrate_usd: float
    gate_usd: float
    requests: int
    why_unknown: str = ""

    @property
    def total_usd(self) -> float:
        """What calibrating and certifying cost together."""
        return self.calibrate_usd + self.gate_usd


@dataclass(frozen=True)
class Allowance:
    """What may be spent without asking a person.

    Attributes:
        cap_usd: watch.recalibration_cap_usd of the settings.
        calibrate_cap_usd: calibrate.cap_usd of the settings.
        gate_cap_usd: gate.cap_usd of the settings.
        looks_left: looks left in the lane of the request, every collection: the gate looks at all of them.
        queries_needed: new holdout queries that would renew its holdout, a collection.
    """

    cap_usd: float
    calibrate_cap_usd: float
    gate_cap_usd: float
    looks_left: Mapping[str, int]
    queries_needed: Mapping[str, int]


def may_recalibrate(wanted: WantedRun, cost: Cost, allowance: Allowance) -> tuple[dict[str, dict[str, object]], str]:
    """Whether ``wanted`` may be spent on.

    Returns:
        The run's configuration, asset by asset (empty = it may not), and a sentence. The two caps in it add up to at
        most ``allowance.cap_usd`` and neither is above its stage's own.
    """
    left = dict.fromkeys(wanted.collections, 0) | dict(allowance.looks_left)  # unknown is none
    worn = [
        f"[{name}] {count} of the {wanted.lane} looks at its holdout left: grade about "
        f"{allowance.queries_needed.get(name, 0)} new queries, which renew it"
        for name, count in left.items()
        if count <= LAST_LOOK
    ]
    if worn:
        return (
            {},
            f"not recalibrated automatically: {'; '.join(worn)}; the last look is yours to take (job recalibrate)",
        )
    if math.isnan(cost.total_usd):
        return {}, f"recalibration cannot be priced, so nothing is asked: {cost.why_unknown}"
    told = f"a recalibration costs at most ${cost.total_usd:.4f} ({cost.requests} requests)"
    if allowance.cap_usd <= 0 or cost.total_usd > allowance.cap_usd:
        return {}, (
            f"{told}, watch.recalibration_cap_usd is {allowance.cap_usd:g}: nothing is asked. Set it to "
            f"{_above(cost.total_usd):g} or more, or run job recalibrate yourself"
        )
    for stage, needed, cap in (
        ("calibrate", cost.calibrate_usd, allowance.calibrate_cap_usd),
        ("gate", cost.gate_usd, allowance.gate_cap_usd),
    ):
        if needed > cap:
            return {}, f"{told}: ${needed:.4f} of it in stage {stage}, whose cap is {cap:g}: raise {stage}.cap_usd"
    # both get their share of what is over: the seed may have grown a little by the time the run reads it
    share = cost.calibrate_usd / cost.total_usd if cost.total_usd else 0.5
    config: dict[str, dict[str, object]] = {
        "judge_leaderboard": {
            "fresh": wanted.fresh, "cap_usd": min(share * allowance.cap_usd, allowance.calibrate_cap_usd),
        },
        "gate_verdict": {
            "lane": wanted.lane, "cap_usd": min((1 - share) * allowance.cap_usd, allowance.gate_cap_usd),
        },
    }  # fmt: skip
    return config, f"{told}, within watch.recalibration_cap_usd {allowance.cap_usd:g}"


def may_watch(cost_usd: float, cap_usd: float, anchor_cap_usd: float) -> tuple[bool, str]:
    """Whether one anchor run may be spent on, and a sentence.

    Args:
        cost_usd: what it costs at most; nan where it cannot be priced.
        cap_usd: watch.recalibration_cap_usd of the settings.
        anchor_cap_usd: anchor.cap_usd of the settings.
    """
    if math.isnan(cost_usd):
        return False, "an anchor run cannot be priced, so nothing is asked"
    told = f"an anchor run costs at most ${cost_usd:.4f}"
    for knob, cap in (("watch.recalibration_cap_usd", cap_usd), ("anchor.cap_usd", anchor_cap_usd)):
        if cap <= 0 or cost_usd > cap:
            return False, f"{told}, {knob} is {cap:g}: nothing is asked. Raise it, or run job anchor_watch yourself"
    return True, told


def _above(usd: float) -> float:
    """The next cent above ``usd``."""
    return math.ceil(usd * 100 + 1e-9) / 100
