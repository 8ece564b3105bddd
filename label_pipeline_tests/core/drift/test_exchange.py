"""The exact test of one run: closed forms, every arrangement counted out, its level over judges that never changed."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from label_pipeline.core.drift import exchange


@pytest.mark.parametrize(("runs", "changed"), [(10, 1), (10, 3), (5, 4), (50, 2)])
def test_of_a_judge_that_never_varied_each_changed_pair_is_one_chance_in_r0_plus_one(runs: int, changed: int) -> None:
    values = np.zeros((runs + 1, 300), dtype=np.int64)
    values[-1, :changed] = 7
    assert exchange.newest_p(values) == pytest.approx((runs + 1.0) ** -changed)


def test_nothing_beyond_the_least_is_certain() -> None:
    values = np.array([[3, 5], [9, 5], [3, 5]])
    assert exchange.newest_p(values) == 1.0
    assert exchange.newest_p(values[[0, 2, 1]]) == pytest.approx(1 / 3)


def test_one_event_a_pair_is_a_binomial_count() -> None:
    values = np.zeros((11, 40), dtype=np.int64)
    values[np.arange(40) % 11, np.arange(40)] = 1  # every pair flipped once in eleven runs, the newest has 3 of them
    values[:, 36:] = 0
    values[3:7, 36:] = np.eye(4, dtype=np.int64)
    assert exchange.newest_p(values) == pytest.approx(stats.binom.sf(values[-1].sum() - 1, 40, 1 / 11))


@pytest.mark.parametrize("seed", range(5))
def test_the_tail_is_what_counting_every_arrangement_gives(seed: int) -> None:
    values = np.random.default_rng(seed).integers(-2, 6, (4, 5))
    sums = [sum(each) for each in product(*values.T.tolist())]
    assert exchange.newest_p(values) == pytest.approx(np.mean(np.array(sums) >= values[-1].sum()))


def test_a_tail_far_out_is_not_lost_in_rounding() -> None:
    values = np.zeros((11, 200), dtype=np.int64)
    values[-1, :40] = 256
    assert exchange.newest_p(values) == pytest.approx(11.0**-40, rel=1e-9)


def test_the_order_of_earlier_runs_and_of_pairs_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 50, (6, 30))
    shuffled = values[[2, 0, 4, 3, 1, 5]][:, rng.permutation(30)]
    assert exchange.newest_p(shuffled) == pytest.approx(exchange.newest_p(values))


def greedy(rng: np.random.Generator, n: int) -> np.ndarray:
    """Losses of eleven runs of a judge that seldom moves, and then sometimes far."""
    gold = rng.integers(0, 4, n)
    mode = np.clip(gold + rng.choice([-1, 0, 0, 1], n), 0, 3)
    step = rng.choice([-1, 1], (11, n)) * np.where(rng.random((11, n)) < 0.2, 2, 1)
    raw = np.clip(mode + step * (rng.random((11, n)) < 0.03), 0, 3)
    found: np.ndarray = ((raw - gold) / 3) ** 2
    return found


@pytest.mark.parametrize("level", [0.02, 0.2])
def test_a_judge_that_did_not_change_is_out_of_its_ordinary_no_more_often_than_the_level(level: float) -> None:
    rng = np.random.default_rng(11)
    found = np.array([exchange.newest_p(greedy(rng, 120)) for _ in range(1500)])
    rate, noise = float((found <= level).mean()), (level * (1 - level) / 1500) ** 0.5
    assert rate <= level + 3 * noise
    assert rate >= level / 2, "an exact test that never fires sees nothing"


def test_votes_that_fail_together_are_one_event() -> None:
    """Five unreadable votes on one text: by reply 5 of 1,500 against none, by pair one chance in eleven."""
    values = np.zeros((11, 300), dtype=np.int64)
    values[-1, 17] = 5
    assert exchange.newest_p(values) == pytest.approx(1 / 11)


@pytest.mark.parametrize("shape", [(1, 5), (3, 0), (4,)])
def test_a_run_without_others_or_pairs_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a run is compared with one or more others"):
        exchange.newest_p(np.zeros(shape, dtype=np.int64))


def test_what_is_no_whole_number_is_rounded_far_below_its_noise() -> None:
    rng = np.random.default_rng(6)
    whole = rng.integers(0, 2000, (11, 100))
    for shift in (0, 300, 600):
        whole[-1] += shift
        exact, rounded = exchange.newest_p(whole), exchange.newest_p(whole / 7)
        assert rounded == pytest.approx(exact, rel=0.1)
    assert exact < 1e-6
    same = np.full((11, 20), 0.3)
    assert exchange.newest_p(same) == 1.0
    same[-1, :3] = 0.31
    assert exchange.newest_p(same) == pytest.approx(11.0**-3)
