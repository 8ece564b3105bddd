"""A clock that was set back: nothing is spent by it, and nothing that has expired is current again."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline.core.tables import PAIR_KEY
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, PAIRS_A_DAY, START, Provider, Small, failure_of

EXPIRED = START + timedelta(days=91)
"""A day after the verdict, which stands for 90."""


@pytest.fixture
def at(certified_home: Path, provider: Provider, tmp_path: Path) -> Callable[[datetime], Small]:
    """The certified project by the clock given; always the same copy."""
    home = projects.copied(certified_home, tmp_path / "clocked")
    return lambda now: Small(projects.settings(home), now)


def state(graph: Small) -> dict[str, int]:
    """Rows of every table that a run could write to."""
    store = graph.project.store("rank")
    tables = ("judgements", "labels", "label_runs", "verdicts", "holdout_looks", "leaderboard", "epochs")
    return {name: store.read(name).height for name in tables}


def labels(graph: Small) -> pl.DataFrame:
    """Every label, without what names the run and its time."""
    found = graph.project.store("rank").read("labels")
    return found.select(*PAIR_KEY, "raw_grade", "calibrated_grade", "judge_version", "verdict_id").sort(PAIR_KEY)


@pytest.mark.parametrize("asset", ["judge_leaderboard", "gate_verdict", "amplified_labels"])
def test_whatever_spends_refuses_a_clock_set_back_and_sends_and_writes_nothing(
    at: Callable[[datetime], Small], provider: Provider, asset: str
) -> None:
    yesterday = at(START - timedelta(days=1))
    before, asked = state(yesterday), provider.requests()
    refused = run(yesterday, asset)
    sentence = failure_of(refused)
    assert sentence.startswith("the clock says 2026-09-19 00:00 UTC, but table ")
    assert "has rows of 2026-09-20 00:00 UTC, 24.0 hours later: nothing was sent" in sentence
    assert "Set the clock right, then run again" in sentence
    assert (state(yesterday), provider.requests()) == (before, asked)


def test_once_the_clock_is_right_the_run_ends_as_if_it_had_never_been_wrong(
    at: Callable[[datetime], Small], certified_small: Callable[[], Small]
) -> None:
    assert not run(at(START - timedelta(days=30)), "amplified_labels").success
    assert run(at(START), "amplified_labels").success
    never_wrong = certified_small()
    assert run(never_wrong, "amplified_labels").success
    assert labels(at(START)).height == PAIRS_A_DAY
    assert labels(at(START)).equals(labels(never_wrong))


def test_five_minutes_are_nothing(at: Callable[[datetime], Small]) -> None:
    assert run(at(START - timedelta(minutes=5)), "amplified_labels").success
    assert not run(at(START - timedelta(minutes=6)), "amplified_labels", DAYS[1]).success


def test_a_verdict_that_has_expired_does_not_stand_again_by_a_clock_set_back(
    at: Callable[[datetime], Small], provider: Provider
) -> None:
    """A refusal is booked by the right clock; set back before the expiry, the verdict itself would let it label."""
    assert "expired on" in failure_of(run(at(EXPIRED), "amplified_labels"))
    asked = provider.requests()
    back = run(at(START + timedelta(days=1)), "amplified_labels")
    assert "table label_runs has rows of 2026-12-20 00:00 UTC, 90.0 days later" in failure_of(back)
    assert provider.requests() == asked
    assert labels(at(EXPIRED)).is_empty()


def run(graph: Small, asset: str, day: str = DAYS[0]) -> Any:
    """Materialises one asset, the first day where it has days."""
    return graph.run(asset, day=day if asset == "amplified_labels" else None)
