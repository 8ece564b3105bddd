"""Has the judge's error on a fixed anchor risen? The noise of its losses, and the detectors that watch the mean loss.

Losses are shares of R^2 (``Scale.loss``), so every figure here is the same on any scale. Leading axes broadcast: one
call serves one anchor or two hundred simulated years. What else can change without the loss is detectors.py.

The items are fixed, so every answer is about *this judge on this anchor*; only fresh human grades speak about the
population.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]

DELTA = 0.03 / 16
"""Tolerated rise of the mean loss as a share of R^2: .03 MSE on 1-5, the size of a re-worded prompt."""

LAMBDAS = (0.25, 0.5, 1.0, 2.0)
"""Bets of the e-process; each is best against a rise of that many standard deviations a run."""

ONE_RUN = 3.0
"""A single run counts for at most this many standard deviations in the e-process (see ``e_process``)."""

LIKELY = float(stats.chi2.ppf(0.95, 1)) / 2
"""1.92: how much log-likelihood a change point may lack of the most likely one and still be in its 95 % interval."""

BASELINE_QUANTILE = float(stats.norm.ppf(0.95))
"""1.645: how far the baseline's own luck is granted to the judge."""


@dataclass(frozen=True, eq=False)
class Baseline:
    """What R0 runs right after certification say about every item.

    Attributes:
        mean: L0_i, mean loss of each item, shape (..., n).
        noise: V, variance of the mean loss of one run, on the high side, shape (...); never below its floor.
        runs: R0.
    """

    mean: Floats
    noise: Floats
    runs: int


def baseline(losses: Floats) -> Baseline:
    """Mean loss and noise from the losses of the baseline's runs, shape (..., R0, n), R0 >= 2.

    V = sum_i s_i^2 / n^2, and 1.645 of its own standard errors, sd_i(s_i^2) / n^1.5: of a judge whose noise is a few
    rare large changes, five or ten runs see half of them or twice as many, and a V that was lucky once would accuse it
    for ever (simulated, 100 pairs x 5 runs, 1 % unreadable, nightly: .072 of healthy years suspended without, .023
    with it; one grade in four flipping by one, 300 x 10: V is 13 % larger).

    A judge that never varied in n R0 judgements has V = 0, and every later difference would be infinitely significant.
    But no noise seen in n R0 judgements is not no noise: one reply in as many may still be lost. V is therefore at
    least what it would be had exactly one of the n R0 been lost altogether (loss 0 turned 1): that item's sample
    variance is 1 / R0, so V_min = 1 / (n^2 R0). At n = 300, R0 = 10 this is .017 MSE (1-5) as a standard deviation,
    below the .025 of a judge that changes a quarter of its grades from run to run.
    """
    *_, runs, n = losses.shape
    if runs < 2 or n < 1:
        raise ValueError(f"a baseline needs 2 runs and 1 item at least, got {runs} runs of {n} items")
    by_item = losses.var(axis=-2, ddof=1)
    luck = BASELINE_QUANTILE * by_item.std(axis=-1, ddof=1) * np.sqrt(n) if n > 1 else 0.0
    seen = (by_item.sum(axis=-1) + luck) / n**2
    return Baseline(losses.mean(axis=-2), np.maximum(seen, 1 / (n**2 * runs)), runs)


def rises(losses: Floats, base: Baseline) -> Floats:
    """d_t = mean_i (L_ti - L0_i) of every watched run: ``losses`` (..., W, n) to (..., W)."""
    found: Floats = (losses - base.mean[..., None, :]).mean(axis=-1)
    return found


def tolerance_z(rise: Floats, base: Baseline, delta: float = DELTA) -> Floats:
    """z_t = (d_t - delta - 1.645 se_0) / se_w against "the loss rose by no more than delta".

    se_w = sqrt(V) is one run's noise, se_0 = sqrt(V / R0) the baseline's, which every week shares: without granting it,
    a baseline that was lucky once would accuse the judge every week. Shape (..., W).
    """
    noise = np.sqrt(base.noise)[..., None]
    found: Floats = (rise - delta - BASELINE_QUANTILE * noise / np.sqrt(base.runs)) / noise
    return found


def confirmed_jumps(jumped: NDArray[np.bool_], z: Floats, limit: float) -> NDArray[np.bool_]:
    """Whether this run and the one before both jumped and are together beyond the tolerance, shape (..., W).

    Args:
        jumped: (..., W) runs whose loss is out of the judge's own ordinary (``exchange.newest_p``).
        z: (..., W) ``tolerance_z``.
        limit: standard deviations; the two runs' mean against the tolerance is (z_{t-1} + z_t) / sqrt 2, so a judge
            within its tolerance is accused no more often than by one run at that level.
    """
    confirmed = np.zeros(z.shape, dtype=bool)
    confirmed[..., 1:] = jumped[..., 1:] & jumped[..., :-1] & (z[..., 1:] + z[..., :-1] >= limit * np.sqrt(2))
    return confirmed


def e_process(z: Floats) -> Floats:
    """Evidence against "no rise beyond the tolerance" after every run, shape (..., W); starts at 1.

    E_t = sum_{k <= t} w_k mean_lambda exp(sum_{k <= j <= t} (lambda z_j - lambda^2 / 2)) + sum_{k > t} w_k, with
    w_k = 1 / (k (k + 1)). If each z is at most standard normal given the past, E is a supermartingale from 1, so it
    ever reaches 20 with probability at most 1/20 (Ville), however often it is looked at and for ever: no yearly reset.

    Half the weight (w_1) is the plain process from the first run on. The rest bets on a change at every later run:
    without it, a judge healthy for half a year has built up so much credit that a change goes unseen for months. A z
    counts for at most ``ONE_RUN``, which only lowers E, so that no single run, such as an hour of a provider's trouble,
    brings 1 to 20.

    Reference: Ville (1939); Shin, Ramdas and Rinaldo, E-detectors (2022), for the mixture over starts.
    """
    bets = np.asarray(LAMBDAS)
    z = np.minimum(z, ONE_RUN)
    log_growth = bets * z[..., None] - bets**2 / 2  # (..., W, bets)
    log_capital = np.full((*z.shape[:-1], len(bets)), -np.inf)
    evidence = np.empty_like(z)
    for t in range(z.shape[-1]):
        k = t + 1
        log_capital = np.logaddexp(log_capital, -np.log(k * (k + 1))) + log_growth[..., t, :]
        capital = np.exp(np.minimum(log_capital, 200.0))  # past any threshold; exp would overflow
        evidence[..., t] = capital.mean(axis=-1) + 1 / (k + 1)
    return evidence


def first_changed_run(rise: Floats, base: Baseline) -> int:
    """Index of the first run after the most likely change upwards: ``rise`` (W,), W >= 1.

    Two segments of equal means and variance V, the R0 baseline runs (mean 0 by definition) always in the first:
    argmax_k of ``_change_gain``. Without any rise it is the last run.
    """
    gain = _change_gain(rise, base)
    return int(np.argmax(gain)) if gain.max() > 0 else len(rise) - 1


def earliest_changed_run(rise: Floats, base: Baseline) -> int:
    """Index of the earliest run that may be the first after the change: the start of its 95 % likelihood interval.

    Every k whose log-likelihood is within ``LIKELY`` of the most likely one's may be it. Whoever recalls what was
    labelled since a change recalls from here: the most likely run alone is late in a tenth to a quarter of alarms.
    """
    gain = _change_gain(rise, base)
    if gain.max() <= 0:
        return len(rise) - 1
    return int(np.flatnonzero(gain >= gain.max() - LIKELY)[0])


def _change_gain(rise: Floats, base: Baseline) -> Floats:
    """(W,) log-likelihood of a change upwards before run k over none.

    m0 m1 / (m0 + m1) (mean_{>= k} - mean_{< k})^2 / 2V, m0 and m1 the runs of the two segments, those of the baseline
    counted in the first; 0 where the later mean is not above the earlier.
    """
    runs = len(rise)
    k = np.arange(runs)
    total = np.cumsum(rise)
    before = (total - rise) / (base.runs + k)
    after = (total[-1] - (total - rise)) / (runs - k)
    parts = (base.runs + k) * (runs - k) / (base.runs + runs)
    gain: Floats = parts * np.maximum(after - before, 0) ** 2 / (2 * base.noise)
    return gain
