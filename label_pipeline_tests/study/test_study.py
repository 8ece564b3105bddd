"""A fast slice of `make study`: every cell runs, promises that few trials can test hold, and the page says it all."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from label_pipeline_tests.study import bounds, changes, gates, lanes
from label_pipeline_tests.study.__main__ import jobs
from label_pipeline_tests.study.cells import Cell, share
from label_pipeline_tests.study.healthy_years import ANCHORS, JUDGES, healthy
from label_pipeline_tests.study.page import SECTIONS, page

CELL = Cell(gates.POWER, "strong", "opens", 0.95, 100, 0.9, at_most=False)


@pytest.mark.parametrize(
    ("share", "promise", "at_most", "kept"),
    [(0.05, 0.05, True, True), (0.09, 0.05, True, True), (0.10, 0.05, True, False), (0.85, 0.9, False, True),
     (0.80, 0.9, False, False), (0.5, None, True, None), (0.01, 0.0, True, True), (0.03, 0.0, True, False)],
)  # fmt: skip
def test_a_promise_is_kept_within_the_noise_of_its_trials(
    share: float, promise: float | None, at_most: bool, kept: bool | None
) -> None:
    assert Cell("s", "w", "q", share, 100, promise, at_most).kept is kept


def test_the_interval_is_that_of_a_binomial() -> None:
    assert Cell("s", "w", "q", 0.0, 100).interval == pytest.approx((0, 0.0362), abs=1e-4)  # 1 - .025^(1/100)
    assert Cell("s", "w", "q", 1.0, 100).interval == pytest.approx((0.9638, 1), abs=1e-4)
    assert share(lambda rng: rng.random() < 0.3, 2000, 1) == pytest.approx(0.3, abs=0.04)


@pytest.mark.parametrize("judge", JUDGES, ids=lambda judge: judge.name)
def test_a_judge_that_does_not_change_is_left_in_peace(judge: object) -> None:
    found = list(healthy(judge, replace(ANCHORS[0], runs=26), 4, 11))  # type: ignore[arg-type]
    assert [cell.question for cell in found] == [
        "warned of within a year", "suspended within a year", "a canary stops a night",
    ]  # fmt: skip
    assert sum(cell.share for cell in found) <= 0.25, "at most one of four years, once"


@pytest.mark.thorough
def test_every_judge_that_changes_is_seen_and_taken_for_no_other_thing() -> None:
    found = list(changes.seen(5))
    assert [cell for cell in found if cell.kept is False] == []
    bump = next(cell for cell in found if "version bump" in cell.world)
    assert (bump.share, bump.trials) == (1.0, 60)
    gone, same = changes.another_server(30, 5)
    assert gone.share >= 0.9
    assert same.share == 0


def test_the_gate_refuses_what_lies_in_wait_and_opens_for_the_strong() -> None:
    found = {(cell.world, cell.question): cell for cell in (*gates.waiting(30, 3), *gates.power(12, 3))}
    assert found["an upside-down judge, repaired by its calibrator", "opens"].share == 0
    assert found["strong (noise 0.4), 44 x 10", "opens at the first look"].share == 1
    assert found["weak (noise 1.6), 88 x 10", "opens at the first look"].share == 0
    flattering = "the same, pairs people differ on rejected (the old reading)"
    assert found[flattering, "R² is more than .03 above its truth"].share > 0.5


def test_queries_that_are_not_what_they_are_counted_as_open_nothing() -> None:
    refused = [cell for cell in gates.unlike(20, 3) if cell.promise is not None]
    assert [cell.share for cell in refused] == [0, 0, 0]
    old = [cell.share for cell in gates.unlike(20, 3) if cell.promise is None]
    assert min(old) > 0, "what an older rule would have opened"


def test_every_cell_of_the_study_has_its_place_in_the_page() -> None:
    short = [*bounds.coverage(3, 1), *lanes.harmless(2, 1), *gates.rules(2, 1), *gates.boundary(1, 1),
             *lanes.margin(1, 1), CELL]  # fmt: skip
    told = page([*short, Cell(gates.POWER, "weak", "opens", 0.5, 100, 0.01)], 1.0, "a slice")
    assert {cell.section for cell in short} <= set(SECTIONS)
    assert "Promises that are not kept:" in told
    assert "- Power: weak: opens in 0.500, promised ≤ 0.010." in told
    assert page([CELL], 1.0, "a slice").count("Every promise is kept.") == 1
    assert len(jobs(1, 1)) == len(JUDGES) * len(ANCHORS) + 10
    for job in jobs(1, 1):
        pickle.loads(pickle.dumps(job))  # another process runs it


def test_a_seed_is_a_study() -> None:
    one, other = (list(bounds.coverage(4, 9)) for _ in range(2))
    assert one == other
    assert np.isfinite([cell.share for cell in one]).all()
