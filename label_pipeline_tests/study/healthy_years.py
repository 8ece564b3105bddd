"""Years of judges that never change, noisy in every way a judge is: how often each is warned of, suspended, stopped.

Every run goes through the arithmetic that is shipped, at the thresholds of settings left alone.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from label_pipeline.core.drift import detectors, loss
from label_pipeline.core.drift.exchange import newest_p
from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor.readings import RECENT
from label_pipeline.stages.anchor.thresholds import DEFAULT
from label_pipeline_tests.results.ordinary import first, flips_beyond, loss_beyond
from label_pipeline_tests.study.cells import Cell

HEALTHY_YEARS = "Judges that do not change"

Floats = NDArray[np.float64]

SCALE, CANARY_PAIRS = Scale(0, 3), 30
Draw = Callable[[np.random.Generator, Floats, int], Floats]
"""Raw grades (runs, n) of a judge whose commonest grades (n,) are given; nan = unreadable."""


@dataclass(frozen=True)
class Judge:
    """One way of being noisy and yet the same."""

    name: str
    draw: Draw


def _flips(rate: float, far: float = 0.0, pairs: float = 1.0) -> Draw:
    def draw(rng: np.random.Generator, usual: Floats, runs: int) -> Floats:
        shape = (runs, len(usual))
        step = rng.choice([-1, 1], shape) * np.where(rng.random(shape) < far, 2, 1)
        moves = (rng.random(shape) < rate) & (rng.random(len(usual)) < pairs)
        found: Floats = np.clip(usual + step * moves, SCALE.lo, SCALE.hi)
        return found

    return draw


def _opposite(rate: float) -> Draw:
    def draw(rng: np.random.Generator, usual: Floats, runs: int) -> Floats:
        moves = rng.random((runs, len(usual))) < rate
        return np.where(moves, np.where(usual > 1, 0.0, 3.0), usual)

    return draw


def _unreadable(rate: float) -> Draw:
    def draw(rng: np.random.Generator, usual: Floats, runs: int) -> Floats:
        moved = _flips(0.03)(rng, usual, runs)
        return np.where(rng.random(moved.shape) < rate, np.nan, moved)

    return draw


JUDGES = (
    Judge("one grade in four flips by one", _flips(0.24)),
    Judge("greedy: 3 % flip, a fifth of them by two", _flips(0.03, far=0.2)),
    Judge("greedy: 1 % flip by one", _flips(0.01)),
    Judge("one in twenty pairs flips every other time", _flips(0.5, pairs=0.05)),
    Judge("3 in 1,000 judgements are the opposite", _opposite(0.003)),
    Judge("1 % of the replies unreadable", _unreadable(0.01)),
)


@dataclass(frozen=True)
class Anchor:
    """How the judge is watched: pairs, baseline runs, and anchor runs in the year."""

    pairs: int
    baseline_runs: int
    runs: int


ANCHORS = (Anchor(300, 10, 52), Anchor(180, 10, 366), Anchor(100, 5, 366))


def year(rng: np.random.Generator, judge: Judge, anchor: Anchor) -> tuple[bool, bool, bool]:
    """One year: whether any warning came (a canary's included), a suspension, a canary's stop."""
    gold = rng.integers(SCALE.lo, SCALE.hi + 1, anchor.pairs).astype(float)
    usual = np.clip(gold + rng.choice([-1.0, 0.0, 0.0, 1.0], anchor.pairs), SCALE.lo, SCALE.hi)
    raw = judge.draw(rng, usual, anchor.baseline_runs + anchor.runs + DEFAULT.canaries_per_year)
    base, watched, canaries = np.split(raw, [anchor.baseline_runs, anchor.baseline_runs + anchor.runs])
    warned, suspended = _watched(base, watched, gold)
    few = slice(0, CANARY_PAIRS)
    tests = _single(base[:, few], gold[few], DEFAULT.canary_p)
    stops = np.isfinite(first(tests.loss(run) or tests.lost(run) for run in canaries[:, few]))
    flips = np.isfinite(first(tests.flips(run) for run in canaries[:, few]))
    return bool(warned or suspended or stops or flips), suspended, bool(stops)


@dataclass(frozen=True, eq=False)
class _single:  # noqa: N801  # read as a verb
    """One run against the baseline."""

    base: Floats
    gold: Floats
    level: float

    def loss(self, run: Floats) -> bool:
        return loss_beyond(SCALE.loss(self.base, self.gold), SCALE.loss(run, self.gold), self.level)

    def flips(self, run: Floats) -> bool:
        return flips_beyond(self.base, run, SCALE, self.level)

    def lost(self, run: Floats) -> bool:
        lost = np.isnan(np.concatenate([self.base, run[None]])).astype(np.int64)
        return bool(lost[-1].any()) and newest_p(lost) <= self.level


def _watched(base: Floats, watched: Floats, gold: Floats) -> tuple[bool, bool]:
    tests = _single(base, gold, DEFAULT.run_p)
    before = loss.baseline(SCALE.loss(base, gold))
    z = loss.tolerance_z(loss.rises(SCALE.loss(watched, gold), before), before, DEFAULT.delta)
    jumped = np.array([tests.loss(run) for run in watched])
    others = (tests.flips(run) or tests.lost(run) for run in watched)
    e_alarm = bool((loss.e_process(z) >= DEFAULT.evidence).any())
    twice = bool(loss.confirmed_jumps(jumped, z, DEFAULT.run_z).any())
    warned = bool(jumped.any() or np.isfinite(first(others)) or np.isfinite(first(_noisier(base, watched))))
    return warned, e_alarm or twice


def _noisier(base: Floats, watched: Floats) -> Iterable[bool]:
    codes, recent = (detectors.grade_codes(runs, SCALE) for runs in (base, watched))
    usual = detectors.disagreement(codes)
    for end in range(RECENT, len(recent) + 1):
        newest = recent[end - RECENT : end]
        # the exact test only where it is in doubt: it is the dear part
        if detectors.disagreement(newest) >= DEFAULT.noise_ratio * usual and far_from_its_mean(codes, newest):
            found = detectors.repeatability(newest, codes)
            yield found.ratio >= DEFAULT.noise_ratio and found.p <= DEFAULT.run_p


def far_from_its_mean(base: NDArray[np.int64], recent: NDArray[np.int64]) -> bool:
    """Whether the couples that differ are two standard deviations beyond their mean, on a variance that is too small.

    Of a pair with one odd run of fourteen the count is 3 with chance 2/7: its variance is 2.1 times its mean, and that
    of any other pair no less than half of that.
    """
    couples = len(recent) * (len(recent) - 1) / 2 * recent.shape[1]
    expected = couples * detectors.disagreement(np.concatenate([base[-detectors.COMPARED :], recent]))
    return bool(couples * detectors.disagreement(recent) > expected + 2 * np.sqrt(expected))


def healthy(judge: Judge, anchor: Anchor, years: int, seed: int) -> Iterable[Cell]:
    """``years`` independent years of one judge, watched in one way."""
    rng = np.random.default_rng(seed)
    found = np.array([year(rng, judge, anchor) for _ in range(years)]).mean(axis=0)
    world = f"{judge.name}; {anchor.pairs} pairs x {anchor.baseline_runs}, {anchor.runs} runs"
    promises = {"warned of within a year": 0.05, "suspended within a year": 0.01, "a canary stops a night": 0.05}
    for (question, promise), share in zip(promises.items(), found.tolist(), strict=True):
        yield Cell(HEALTHY_YEARS, world, question, share, years, promise)
