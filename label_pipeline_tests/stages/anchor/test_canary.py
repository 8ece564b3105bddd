"""When a canary stops an amplification, and how rarely it stops a healthy judge."""

from dataclasses import replace

import numpy as np
import pytest

from label_pipeline.core.scale import Scale
from label_pipeline.stages.anchor import AnchorRun, canary
from label_pipeline_tests.sql.frames import NOON, rows

SCALE, N = Scale(1, 5), 30
RNG = np.random.default_rng(5)
GOLD = RNG.uniform(1, 5, N)
NOTHING = np.zeros(N, dtype=np.int64)
PLACE = np.clip(GOLD + RNG.normal(0, 0.7, N), 1, 5)


def run(rng: np.random.Generator, shift: float = 0.0, **changes: object) -> AnchorRun:
    """One canary of a judge whose grades vary by .4 from run to run."""
    grades = np.clip(PLACE + rng.normal(0, 0.4, N) + shift, 1, 5)
    fields: dict[str, object] = {
        "epoch": 1, "ran_at": NOON, "raw": grades, "calibrated": grades, "malformed": NOTHING, "refused": NOTHING,
        "replies": N, "models": frozenset({"m"}), "fingerprints": frozenset(),
    }  # fmt: skip
    return AnchorRun(**(fields | changes))  # type: ignore[arg-type]  # a factory: one field per test


BEFORE = [run(np.random.default_rng(100 + i)) for i in range(10)]


@pytest.mark.thorough
def test_a_healthy_judge_is_stopped_in_no_more_than_its_share_of_nights() -> None:
    rng = np.random.default_rng(1)
    stopped = sum(canary.objection(run(rng), GOLD, BEFORE, "m", SCALE) is not None for _ in range(3650))
    # ten healthy years: .05 alarms a year expected at most, .5 in ten; 3 is beyond the 99 % point of that
    assert stopped <= 3


def test_a_judge_that_loses_one_reply_of_a_hundred_is_left_alone() -> None:
    """What it wrote and nobody can read is the worst loss; by a normal approximation it was stopped 2 to 10 nights."""
    rng, stopped = np.random.default_rng(2), 0

    def lossy() -> AnchorRun:
        grades = np.where(rng.random(N) < 0.01, np.nan, np.clip(PLACE + rng.normal(0, 0.4, N), 1, 5))
        return run(rng, raw=grades, calibrated=grades, malformed=np.isnan(grades).astype(np.int64))

    for _ in range(10):
        before = [lossy() for _ in range(10)]
        stopped += sum(canary.objection(lossy(), GOLD, before, "m", SCALE) is not None for _ in range(365))
    assert stopped <= 2


def test_a_large_shift_stops_and_says_by_how_much() -> None:
    found = canary.objection(run(np.random.default_rng(1), 1.5), GOLD, BEFORE, "m", SCALE)
    assert found is not None
    assert found.startswith("canary: the loss on 30 pairs rose by ")
    assert found.endswith("materialise anchor_run, which finds out what changed")


def test_a_judge_that_got_better_goes_on() -> None:
    better = run(np.random.default_rng(1), raw=GOLD, calibrated=GOLD)
    assert canary.objection(better, GOLD, BEFORE, "m", SCALE) is None


def test_another_model_stops_first_of_all() -> None:
    other = run(np.random.default_rng(1), models=frozenset({"m", "m2"}))
    for before in (BEFORE, []):
        found = canary.objection(other, GOLD, before, "m", SCALE)
        assert found is not None
        assert "m2" in found


@pytest.mark.parametrize(("bad", "usual", "stops"), [(2, 0, False), (8, 0, True), (8, 6, False), (16, 6, True)])
def test_unreadable_replies_are_held_against_the_baseline(bad: int, usual: int, stops: bool) -> None:
    """``usual`` of the pairs are unreadable in every run of the baseline, and in this one."""
    rng = np.random.default_rng(1)
    before = [run(np.random.default_rng(100 + i), malformed=lost(0, usual)) for i in range(10)]
    found = canary.objection(run(rng, malformed=lost(0, bad - 1), refused=lost(20, 21)), GOLD, before, "m", SCALE)
    assert (found is not None) == stops


def lost(first: int, end: int) -> np.ndarray:
    """One lost reply about each of pairs ``first`` to ``end`` - 1."""
    pairs = np.arange(N)
    return ((pairs >= first) & (pairs < end)).astype(np.int64)


@pytest.mark.parametrize("runs", [2, 5, 10])
def test_a_canary_of_three_pairs_stops_where_nothing_can_be_read(runs: int) -> None:
    """The smallest p-value of so few pairs is far above the limit."""
    few = [replace(one, raw=one.raw[:3], calibrated=one.calibrated[:3], malformed=one.malformed[:3],
                   refused=one.refused[:3], replies=3) for one in BEFORE[:runs]]  # fmt: skip
    lost = np.full(3, np.nan)
    nothing = replace(few[0], raw=lost, calibrated=lost, malformed=np.ones(3, dtype=np.int64))
    assert "3 of 3 replies could not be read" in (canary.objection(nothing, GOLD[:3], few, "m", SCALE) or "")
    usual = [replace(one, malformed=np.ones(3, dtype=np.int64)) for one in few]
    assert canary.objection(nothing, GOLD[:3], usual, "m", SCALE) is None, "a judge that never can be read is as it was"


def test_without_a_baseline_only_most_replies_unreadable_stop_it() -> None:
    rng = np.random.default_rng(1)
    assert canary.objection(run(rng, 3.0, malformed=lost(0, 15)), GOLD, [], "m", SCALE) is None
    found = canary.objection(run(rng, malformed=lost(0, 16)), GOLD, BEFORE[:1], "m", SCALE)
    assert found is not None
    assert "16 of 30 replies could not be read, and there is no baseline yet" in found


@pytest.mark.parametrize(("lost", "share"), [(1, "3.3%"), (2, "6.7%"), (N, "100.0%")])
@pytest.mark.parametrize("before", [BEFORE, []])
def test_what_never_came_is_not_measured_and_no_loss(lost: int, share: str, before: list[AnchorRun]) -> None:
    """An outage says nothing about the judge: the sentence sends nobody to an anchor run."""
    grades = np.where(np.arange(N) < lost, np.nan, PLACE)
    answered = np.arange(N) >= lost
    outage = run(np.random.default_rng(1), raw=grades, calibrated=grades, failed=lost, answered=answered)
    for seen in (outage, replace(outage, answered=None)):
        assert canary.objection(seen, GOLD, before, "m", SCALE) == (
            f"canary: {share} of the replies never came, so the judge was not measured; nothing else was sent; run "
            "this one again when the provider answers"
        )


def test_a_pair_that_was_never_asked_is_not_measured_either() -> None:
    cut_short = run(np.random.default_rng(1), answered=np.arange(N) < 20)
    assert "33.3% of the replies never came" in (canary.objection(cut_short, GOLD, BEFORE, "m", SCALE) or "")


def test_the_pairs_are_always_the_same_and_spread_over_queries() -> None:
    items = rows("anchor_items", *({"query_id": f"q{i // 10}", "doc_id": f"d{i}"} for i in range(200)))
    chosen = canary.choose(items, 30)
    assert chosen.height == 30
    assert chosen["query_id"].n_unique() >= 14
    shuffled = canary.choose(items.sample(fraction=1, shuffle=True, seed=1), 30)
    assert set(shuffled["doc_id"]) == set(chosen["doc_id"])
    more = rows("anchor_items", *({"query_id": f"q{i // 10}", "doc_id": f"d{i}"} for i in range(210)))
    kept = set(canary.choose(more, 30)["doc_id"]) & set(chosen["doc_id"])
    assert len(kept) >= 25, "a few more anchor pairs change few of them"
    assert canary.choose(items, 500).height == 200
    assert canary.choose(items, 0).is_empty()
