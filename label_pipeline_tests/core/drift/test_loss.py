"""The loss detectors against closed forms, and the e-process against its own promise."""

import math

import numpy as np
import pytest

from label_pipeline.core.drift import loss


def flat(n: int = 4, runs: int = 10, noise: float = 0.01) -> loss.Baseline:
    """A baseline with se_w = .1 unless told otherwise."""
    return loss.Baseline(np.zeros(n), np.asarray(noise), runs)


def test_a_baseline_is_the_items_means_and_the_variance_of_one_runs_mean() -> None:
    base = loss.baseline(np.array([[0.0, 0.5], [1.2, 0.5], [1.2, 0.8]]))
    assert base.mean == pytest.approx([0.8, 0.6])
    # sample variances .48 and .03, sd .45 / sqrt 2, so 1.645 * .45 of luck; over n^2, above 1 / 12
    assert base.noise == pytest.approx((0.48 + 0.03 + 1.644854 * 0.45) / 4)
    assert base.runs == 3


@pytest.mark.parametrize(("n", "runs"), [(300, 10), (100, 5), (7, 2)])
def test_the_floor_of_the_noise_is_one_lost_reply_in_all_of_the_baseline(n: int, runs: int) -> None:
    never, once = np.zeros((runs, n)), np.zeros((runs, n))
    once[0, 0] = 1.0
    assert loss.baseline(never).noise == pytest.approx(1 / (n**2 * runs))
    # the standard error of a count of one is one, and 1.645 of them are granted
    assert loss.baseline(once).noise == pytest.approx((1 + 1.644854) / (n**2 * runs))
    more = np.zeros((runs, n))
    more[0, :2] = 1.0
    granted = 1.644854 * math.sqrt(2 * (1 - 2 / n) / (1 - 1 / n))
    assert loss.baseline(more).noise == pytest.approx((2 + granted) / (n**2 * runs))


def test_rare_losses_seen_too_seldom_do_not_make_a_judge_look_steady() -> None:
    """100 pairs, 5 runs, 1 % of the judgements lost: V is .0001, and what is granted is seldom below it."""
    lost = np.random.default_rng(8).random((2000, 5, 100)) < 0.01
    plain = lost.var(axis=1, ddof=1).sum(axis=-1) / 100**2
    granted = loss.baseline(lost.astype(float)).noise
    truth = 0.01 * 0.99 / 100
    assert (plain < truth).mean() > 0.4
    assert (granted < truth).mean() < 0.15


def test_a_baseline_of_one_run_is_refused() -> None:
    with pytest.raises(ValueError, match="2 runs and 1 item at least, got 1 runs of 5 items"):
        loss.baseline(np.zeros((1, 5)))


def test_rises_and_their_standard_deviations_by_hand() -> None:
    base = loss.Baseline(np.array([0.1, 0.3]), np.asarray(0.0004), 4)  # se_w .02, se_0 .01
    rise = loss.rises(np.array([[0.1, 0.3], [0.2, 0.4]]), base)
    assert rise == pytest.approx([0.0, 0.1])
    assert loss.tolerance_z(rise, base, delta=0.03) == pytest.approx([(-0.03 - 0.0164485) / 0.02, 2.677573])


def by_starts(z: list[float]) -> float:
    """The definition, start by start."""
    t = len(z)
    total = 1 - sum(1 / (k * (k + 1)) for k in range(1, t + 1))
    for k in range(1, t + 1):
        part = [math.prod(math.exp(bet * min(x, 3.0) - bet**2 / 2) for x in z[k - 1 :]) for bet in loss.LAMBDAS]
        total += sum(part) / len(part) / (k * (k + 1))
    return total


@pytest.mark.parametrize("z", [[0.0], [1.5], [-2.0, 1.0], [2.9, 3.5, -1.0, 0.3]])
def test_the_e_process_is_its_definition(z: list[float]) -> None:
    found = loss.e_process(np.array(z))
    assert found == pytest.approx([by_starts(z[: t + 1]) for t in range(len(z))])


def test_after_one_run_half_of_it_is_the_plain_mixture_over_bets() -> None:
    plain = np.mean([math.exp(bet * 2.0 - bet**2 / 2) for bet in (0.25, 0.5, 1, 2)])
    assert loss.e_process(np.array([2.0])) == pytest.approx([0.5 + plain / 2])


def test_no_single_run_raises_the_alarm_and_two_do() -> None:
    assert loss.e_process(np.array([1e6]))[0] < 20
    assert loss.e_process(np.array([-1.0, -1.0, 1e6]))[-1] < 20
    assert loss.e_process(np.array([1e6, 1e6]))[-1] > 20


def test_a_true_null_reaches_twenty_in_at_most_one_of_twenty_lives() -> None:
    z = np.random.default_rng(3).normal(size=(4000, 400))
    ever = (loss.e_process(z) >= 20).any(axis=1).mean()
    assert 0.005 < ever <= 0.05  # far below would be a detector that cannot fire


def test_a_change_after_a_healthy_year_is_seen_within_four_runs() -> None:
    z = np.concatenate([np.full(52, -1.7), np.full(4, 6.0)])
    assert loss.e_process(z)[51] < 1
    assert loss.e_process(z)[-1] > 20
    total, t = z.sum(), len(z)  # the plain process would still be asleep
    assert max(math.exp(bet * total - t * bet**2 / 2) for bet in loss.LAMBDAS) < 1e-6


def test_evidence_stays_finite_for_ever() -> None:
    found = loss.e_process(np.full(2000, 9.0))
    assert np.isfinite(found).all()
    assert found[-1] > 1e50


@pytest.mark.parametrize(
    ("jumps", "z", "confirmed"),
    [
        ([1, 1], [3.0, 3.0], True),
        ([1, 0], [3.0, 3.0], False),  # the second is no jump
        ([1, 0, 1], [3.0, 0.0, 3.0], False),  # not in a row
        ([1, 1], [2.1, 2.1], False),  # jumps, together not beyond the tolerance: 4.2 / sqrt 2 < 3.1
        ([1, 1], [1.0, 3.5], True),
    ],
)
def test_a_jump_counts_when_the_next_run_jumps_too(jumps: list[int], z: list[float], confirmed: bool) -> None:
    found = loss.confirmed_jumps(np.array(jumps, dtype=bool), np.array(z), 3.1)
    assert not found[0]
    assert found.any() == confirmed


@pytest.mark.parametrize("first", range(6))
def test_a_step_is_found_where_it_is(first: int) -> None:
    rise = np.where(np.arange(6) >= first, 0.3, 0.0)
    assert loss.first_changed_run(rise, flat()) == first


def test_the_change_is_the_likeliest_two_segments_with_the_baseline_in_the_first() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        rise = rng.normal(0.02, 0.1, size=9)
        costs = []
        for k in range(9):
            before, after = np.concatenate([np.zeros(10), rise[:k]]), rise[k:]
            worse = after.mean() > before.mean()
            spread = ((before - before.mean()) ** 2).sum() + ((after - after.mean()) ** 2).sum()
            costs.append(spread if worse else math.inf)
        if np.isfinite(costs).any():
            assert loss.first_changed_run(rise, flat(runs=10)) == int(np.argmin(costs))


def test_without_any_rise_the_change_is_the_newest_run() -> None:
    assert loss.first_changed_run(np.array([-0.1, -0.2, -0.3]), flat()) == 2
    assert loss.earliest_changed_run(np.array([-0.1, -0.2, -0.3]), flat()) == 2


@pytest.mark.parametrize("step", [2.0, 3.5])
def test_the_earliest_likely_change_is_seldom_after_the_true_one_and_the_likeliest_often_is(step: float) -> None:
    """A change of 2 and 3.5 standard deviations a run before run 10; looked at when the e-process alarms."""
    rng = np.random.default_rng(8)
    base, late = flat(runs=10), {"likeliest": 0, "earliest": 0}
    noise, alarms = math.sqrt(float(base.noise)), 0
    for _ in range(1500):
        shared = noise / math.sqrt(base.runs) * rng.normal()  # the baseline's own luck
        rise = noise * rng.normal(size=40) + np.where(np.arange(40) >= 10, step * noise, 0.0) - shared
        alarmed = np.flatnonzero(loss.e_process(loss.tolerance_z(rise, base, 0.0)) >= 20)
        if len(alarmed) and alarmed[0] >= 10:
            alarms += 1
            seen = rise[: alarmed[0] + 1]
            late["likeliest"] += loss.first_changed_run(seen, base) > 10
            late["earliest"] += loss.earliest_changed_run(seen, base) > 10
    assert alarms > 1400
    assert late["earliest"] / alarms <= 0.05
    assert late["likeliest"] > 2 * late["earliest"]


def test_many_years_at_once_are_each_year_alone() -> None:
    rng = np.random.default_rng(6)
    before, after = rng.random((3, 5, 20)), rng.random((3, 7, 20))
    base = loss.baseline(before)
    rise = loss.rises(after, base)
    together = loss.tolerance_z(rise, base), loss.e_process(loss.tolerance_z(rise, base))
    for year in range(3):
        own = loss.baseline(before[year])
        alone = loss.rises(after[year], own)
        z = loss.tolerance_z(alone, own)
        assert together[0][year] == pytest.approx(z)
        assert together[1][year] == pytest.approx(loss.e_process(z))
