"""What can change in a judge beside its mean loss: single grades, bias, repeatability.

Whether a single run is out of the judge's own ordinary is exchange.py; the mean loss over many runs is loss.py.
"""

from itertools import combinations
from math import comb
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from label_pipeline.core.drift.exchange import tail_p
from label_pipeline.core.scale import Scale

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COMPARED = 10
"""Baseline runs that repeatability is compared with."""


class Shift(NamedTuple):
    """A change of a mean, and how many standard errors it is."""

    size: float
    z: float


class Repeatability(NamedTuple):
    """Disagreement among recent runs over that among baseline runs, and the p-value of "no more than chance"."""

    ratio: float
    p: float


def grade_codes(raw: ArrayLike, scale: Scale) -> Ints:
    """Grades rounded half up and counted from 1; 0 is an unreadable reply (nan), an answer like any other here."""
    grades = np.asarray(raw, dtype=np.float64)
    read = np.isfinite(grades)
    codes = np.floor(np.where(read, grades, 0.0) + 0.5).astype(np.int64) - scale.lo + 1
    return np.where(read, codes, 0)


def flipped(codes: Ints) -> Ints:
    """1 where a run's grade is not the commonest of the *other* runs' (a tie is the lowest code's), (R, n) to (R, n).

    Each run is held against the others, so that under no change every run of a pair is as likely a flip: what
    ``exchange.newest_p`` asks. Reacts to any change of the model, even one that leaves the loss as it was.

    Raises:
        ValueError: fewer than 2 runs.
    """
    if len(codes) < 2:
        raise ValueError(f"a flip needs 2 runs at least, got {len(codes)}")
    kinds = np.arange(int(codes.max()) + 1)[:, None, None]
    own = codes[None] == kinds  # (K, R, n)
    commonest = (own.sum(axis=1, keepdims=True) - own).argmax(axis=0)
    found: Ints = (commonest != codes).astype(np.int64)
    return found


def distances(raw: Floats, scale: Scale) -> Floats:
    """How far each grade is from those of the *other* runs about its pair, their mean distance in shares of R: (R, n).

    An unreadable grade (nan) is as far as can be from a grade, and no way from another unreadable one. Sees that a
    model changed, also one that leaves the loss as it was: held against the others like ``flipped``, but a pair that
    never moved and now is two grades off says more than one that has always been between two. At the same level it
    finds another model that is as good on a fifth of the pairs in all of 60 runs, counted flips in .45 (1-5, 300 x 10).

    Raises:
        ValueError: fewer than 2 runs.
    """
    if len(raw) < 2:
        raise ValueError(f"a distance needs 2 runs at least, got {len(raw)}")
    shares = np.asarray(raw, dtype=np.float64) / scale.span
    apart = np.abs(shares[:, None] - shares[None])
    lost = np.isnan(shares)
    apart = np.where(lost[:, None] & lost[None], 0.0, np.where(np.isnan(apart), 1.0, apart))
    found: Floats = apart.sum(axis=1) / (len(raw) - 1)
    return found


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


def repeatability(recent: Ints, base: Ints) -> Repeatability:
    """Do ``recent`` runs (m, n), m >= 2, disagree among themselves more than the baseline's (R0, n) did?

    Both as codes; an unreadable reply is an answer like any other. Counted are, pair by pair, the couples of recent
    runs that differ; had nothing changed, any m of the R0 + m runs might be the recent ones, which gives each pair's
    null (``exchange.tail_p``). Of a longer baseline its last ``COMPARED`` runs are taken: 1,001 choices at m = 4.
    ratio = share of couples that differ over that of the baseline, the latter at least 2 / (n R0), one of n R0
    judgements having moved. nan with one recent run or one baseline run.
    """
    m, n = recent.shape
    base = base[-COMPARED:]
    if m < 2 or len(base) < 2:
        return Repeatability(float("nan"), float("nan"))
    runs = np.concatenate([base, recent])
    choices = np.array(list(combinations(range(len(runs)), m)))
    outcomes = _couples(runs[choices])
    found = _couples(recent[None])[0]
    return Repeatability(disagreement(recent) / max(disagreement(base), 2 / (n * len(base))), tail_p(outcomes, found))


def disagreement(codes: Ints) -> float:
    """Share of the couples of runs and pairs (R, n), R >= 2, whose grades differ."""
    return float(_couples(codes[None])[0].mean()) / comb(len(codes), 2)


def _couples(codes: Ints) -> Ints:
    """How many couples of runs differ: (K, m, n) to (K, n)."""
    pairs = combinations(range(codes.shape[1]), 2)
    found: Ints = np.sum([codes[:, one] != codes[:, other] for one, other in pairs], axis=0, dtype=np.int64)
    return found


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
