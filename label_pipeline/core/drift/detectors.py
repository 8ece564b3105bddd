"""What can change in a judge beside its mean loss: single grades, unreadable replies, bias, repeatability.

Leading axes broadcast as in loss.py, where the detectors of the loss itself are.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from label_pipeline.core.scale import Scale

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULE_OF_THREE = 3.0
"""An event never seen in N trials has a 95 % upper bound of 3 / N."""


class FlipBaseline(NamedTuple):
    """How often grades change by themselves.

    Attributes:
        mode: (..., n) the commonest code of each item over the baseline's runs.
        rate: (...) p0, share of items that differ from the mode of the *other* runs; never below its floor.
        runs: R0.
    """

    mode: Ints
    rate: Floats
    runs: int


class Shift(NamedTuple):
    """A change of a mean, and how many standard errors it is."""

    size: float
    z: float


class Repeatability(NamedTuple):
    """Variance between recent runs over that between baseline runs, and how significant the difference is."""

    ratio: float
    z: float


def grade_codes(raw: ArrayLike, scale: Scale) -> Ints:
    """Grades rounded half up and counted from 1; 0 is an unreadable reply (nan), an answer like any other here."""
    grades = np.asarray(raw, dtype=np.float64)
    read = np.isfinite(grades)
    codes = np.floor(np.where(read, grades, 0.0) + 0.5).astype(np.int64) - scale.lo + 1
    return np.where(read, codes, 0)


def flip_baseline(codes: Ints, scale: Scale) -> FlipBaseline:
    """Modes and p0 from the codes of the baseline's runs, shape (..., R0, n), R0 >= 2; a tie is the lowest code's.

    Each run is held against the mode of the others, as a later run is against the mode of all. p0 is at least
    3 / (n R0): no flip seen in n R0 judgements is not no flip (rule of three). So of a perfectly repeatable judge two
    changed grades are let pass and three are not, at R0 = 10 and any n.
    """
    *_, runs, n = codes.shape
    if runs < 2 or n < 1:
        raise ValueError(f"a baseline needs 2 runs and 1 item at least, got {runs} runs of {n} items")
    counts = np.stack([(codes == code).sum(axis=-2) for code in range(scale.span + 2)], axis=-2)  # (..., K, n)
    kinds = np.arange(scale.span + 2)[:, None]
    flips = np.zeros(counts.shape[:-2])
    for run in range(runs):
        own = codes[..., run, :]
        others = counts - (kinds == own[..., None, :])
        flips += (others.argmax(axis=-2) != own).mean(axis=-1)
    return FlipBaseline(counts.argmax(axis=-2), np.maximum(flips / runs, RULE_OF_THREE / (n * runs)), runs)


def flip_shares(codes: Ints, base: FlipBaseline) -> Floats:
    """f: share of items of every watched run that differ from the baseline's mode, (..., W, n) to (..., W)."""
    found: Floats = (codes != base.mode[..., None, :]).mean(axis=-1)
    return found


def flip_z(shares: Floats, base: FlipBaseline, n: int) -> Floats:
    """(f - p0) / sqrt(p0 (1 - p0) / n (1 + 1 / R0)), shape of ``shares`` (..., W).

    Reacts to any change of the model, even one that leaves the loss as it was. The binomial variance is an upper bound
    for items of unequal rates, so healthy judges raise it more seldom than the normal tail says.
    """
    p = np.minimum(base.rate, 1 - 1e-9)[..., None]
    found: Floats = (shares - p) / np.sqrt(p * (1 - p) / n * (1 + 1 / base.runs))
    return found


def excess_rate_p(events: int, trials: int, baseline_events: int, baseline_trials: int) -> float:
    """One-sided p-value of "no more events a trial than in the baseline" (Fisher's exact test).

    Given all events of both, this run's are hypergeometric under the null; so it is exact however rare the event, and a
    baseline without any needs no floor. nan without trials on either side.

    Raises:
        ValueError: when there are more events than trials.
    """
    if not (0 <= events <= trials and 0 <= baseline_events <= baseline_trials):
        raise ValueError(f"events beyond trials: {events} of {trials}, baseline {baseline_events} of {baseline_trials}")
    if trials == 0 or baseline_trials == 0:
        return float("nan")
    total = trials + baseline_trials
    return float(stats.hypergeom.sf(events - 1, total, events + baseline_events, trials))


def mean_shift(runs: Floats, base: Floats) -> Shift:
    """Change of the mean value between ``base`` (R0, n) and later ``runs`` (m, n), both in shares of R.

    size = mean of the item differences over items read in both; its variance is sum_i s_i^2 / n^2 (1/m + 1/R0), s_i^2
    an item's variance over the baseline's runs, at least 1 / (n^2 R0) in sum as in ``loss.baseline``. nan with
    no item read on both sides.
    """
    n_base, n_runs = np.isfinite(base).sum(axis=0), np.isfinite(runs).sum(axis=0)
    usable = (n_base >= 2) & (n_runs >= 1)
    n = int(usable.sum())
    if n == 0:
        return Shift(float("nan"), float("nan"))
    before, after = np.nanmean(base[:, usable], axis=0), np.nanmean(runs[:, usable], axis=0)
    noise = max(float(np.nanvar(base[:, usable], axis=0, ddof=1).sum()) / n**2, 1 / (n**2 * len(base)))
    size = float((after - before).mean())
    return Shift(size, size / float(np.sqrt(noise * (1 / len(runs) + 1 / len(base)))))


def repeatability(runs: Floats, base: Floats) -> Repeatability:
    """Do recent ``runs`` (m, n), m >= 2, disagree among themselves more than the baseline's (R0, n) did?

    Both in shares of R; an unreadable grade is left out. ratio = mean item variance over that of the baseline, the
    latter at least 1 / (n R0) (one of n R0 judgements moved by the whole scale); z = mean over items of the difference
    of variances over its standard error, 0 where no item differs. nan where fewer than 2 items were read twice on both
    sides.
    """
    usable = (np.isfinite(base).sum(axis=0) >= 2) & (np.isfinite(runs).sum(axis=0) >= 2)
    n = int(usable.sum())
    if n < 2:
        return Repeatability(float("nan"), float("nan"))
    before, after = (np.nanvar(values[:, usable], axis=0, ddof=1) for values in (base, runs))
    ratio = float(after.mean()) / max(float(before.mean()), 1 / (n * len(base)))
    difference = after - before
    se = float(difference.std(ddof=1)) / float(np.sqrt(n))
    return Repeatability(ratio, float(difference.mean()) / se if se > 0 else 0.0)


def repaired_share(later: Floats, gold: Floats, base_loss: float, shift: float) -> float:
    """How much of the rise of the loss goes away when the judge's mean shift is taken back, at most 1.

    Args:
        later: (m, n) calibrated grades since the change, in shares of R; nan unreadable.
        gold: (n,) gold grades, in shares of R.
        base_loss: mean loss of the baseline over the same items, share of R^2.
        shift: change of the mean grade, in shares of R.

    Returns:
        1 - (loss after taking back - base) / (loss - base); nan where the loss did not rise.
    """
    raw, moved = (np.where(np.isnan(later), 1.0, (later - back - gold) ** 2).mean() for back in (0.0, shift))
    rise = float(raw) - base_loss
    return 1 - (float(moved) - base_loss) / rise if rise > 0 else float("nan")
