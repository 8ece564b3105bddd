"""A year of nights: new rows are checked tonight, old ones by the upkeep, and a labelled day costs nothing again."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.core.errors import BusyError
from label_pipeline.operations.amplify import label_days
from label_pipeline.operations.checking import offenders
from label_pipeline.operations.maintain import maintain
from label_pipeline.operations.project import Project
from label_pipeline.operations.recent import RECENT_DAYS, recent_coverage, recent_days
from label_pipeline.operations.run import Run
from label_pipeline.operations.seed_candidates import load_candidates
from label_pipeline.operations.spending import spending
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, LATER, PAIRS_A_DAY, Provider, Said, Small

CHECK = "checks/books_do_not_add_up"
BROKEN = "checks/labels_contract"


@pytest.fixture
def labelled(certified_home: Path, tmp_path: Path, provider: Provider) -> Small:
    small = Small(projects.settings(projects.copied(certified_home, tmp_path / "home")), LATER)
    assert small.run("amplified_labels").success
    return small


def plant(store: Store, nights: int, *, on: date) -> None:
    """So many nights of books before ``on``, and on the first of them a label outside the scale."""
    labels, books = store.read("labels"), store.read("label_runs")
    for night in range(1, nights + 1):
        day = on - timedelta(days=night)
        at = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
        row = books.head(1).with_columns(day=pl.lit(day), run_id=pl.lit(f"r{day}"), finished_at=pl.lit(at))
        store.append("label_runs", row, f"books {day}")
    bad = labels.head(1).with_columns(
        day=pl.lit(day), run_id=pl.lit(f"r{day}"), raw_grade=pl.lit(9.0), query_id=pl.lit("old"), labelled_at=pl.lit(at)
    )
    store.append("labels", bad, "bad")


def test_a_night_looks_at_the_last_month_and_the_upkeep_at_every_row(labelled: Small) -> None:
    store = labelled.project.store("rank")
    plant(store, RECENT_DAYS + 3, on=date.fromisoformat(DAYS[0]))
    assert offenders(labelled.project, BROKEN).is_empty()
    assert offenders(labelled.project, BROKEN, everything=True).height == 1
    done = maintain(Run("upkeep", Said()), labelled.project)
    assert done.offenders == {"labels_contract": 1, "labels_missing_from_run": 34}
    assert "labels_contract finds 1" in done.sentence


def test_an_old_day_that_is_labelled_tonight_is_new(labelled: Small) -> None:
    store = labelled.project.store("rank")
    plant(store, RECENT_DAYS + 3, on=date.fromisoformat(DAYS[0]))
    day = store.read("labels").filter(query_id="old")["day"][0]
    assert day not in recent_days(labelled.project)
    again = store.read("label_runs").filter(day=day).with_columns(run_id=pl.lit("again"), finished_at=pl.lit(LATER))
    store.append("label_runs", again, "backfill")
    assert day in recent_days(labelled.project)
    assert offenders(labelled.project, BROKEN).height == 1


def test_the_upkeep_changes_no_row_and_what_was_labelled_stays_so(labelled: Small, provider: Provider) -> None:
    store = labelled.project.store("rank")
    before = {name: store.read(name) for name in ("labels", "judgements", "label_runs", "payments", "candidates")}
    done = maintain(Run("upkeep", Said()), labelled.project)
    assert done.offenders == {}
    assert {one.table for one in done.tables} >= set(before)
    for name, rows in before.items():
        assert rows.equals(store.read(name)), name
    asked = provider.requests()
    assert labelled.run("candidate_pairs", "amplified_labels").success
    assert provider.requests() == asked


def test_it_waits_for_no_run_that_spends(labelled: Small) -> None:
    with spending(labelled.project), pytest.raises(BusyError):
        maintain(Run("upkeep", Said()), labelled.project)


def test_replies_of_labels_leave_the_journal_after_their_time_and_those_of_a_gate_stay(
    labelled: Small, provider: Provider
) -> None:
    later = Small(labelled.settings, LATER + timedelta(days=200))
    done = maintain(Run("upkeep", Said()), later.project)
    assert done.forgotten == PAIRS_A_DAY * 3
    before = provider.requests()
    assert labelled.run("judge_leaderboard", "calibrated_judge", "gate_verdict").success
    assert provider.requests() == before, "nothing is paid twice"
    keep = projects.settings(labelled.settings.home_path, maintain={"journal_days": None})
    assert maintain(Run("upkeep", Said()), Project(keep, lambda: later.clock_now)).forgotten == 0


def test_days_that_are_labelled_are_found_at_once_and_booked(labelled: Small, provider: Provider) -> None:
    """Every day again took 35 CPU minutes after a year, and sent nothing."""
    before = provider.requests()
    rows = label_days(Run("again", Said()), labelled.project, [date.fromisoformat(day) for day in DAYS])
    assert provider.requests() == before
    assert rows.height == len(DAYS)
    assert rows["labelled"].sum() == rows["pairs_in"].sum() == rows["reused"].sum() == 3 * PAIRS_A_DAY
    stored = labelled.project.store("rank").read("label_runs").filter(run_id="again")
    assert stored.sort("day").equals(rows.sort("day"))
    assert rows["verdict_id"].null_count() == 0
    assert labelled.project.store("rank").query(CHECK).is_empty()


def test_a_day_with_one_pair_left_is_not_taken_for_labelled(labelled: Small, provider: Provider) -> None:
    store = labelled.project.store("rank")
    one = store.read("labels").head(1)
    store.append("labels", one.with_columns(status=pl.lit("superseded"), labelled_at=pl.lit(LATER)), "taken back")
    rows = label_days(Run("again", Said()), labelled.project, [date.fromisoformat(day) for day in DAYS])
    assert sorted(rows["labelled"]) == sorted(rows["pairs_in"])
    assert store.read("labels").height == 3 * PAIRS_A_DAY + 2


def test_days_loaded_together_are_what_they_are_one_by_one(certified_home: Path, tmp_path: Path) -> None:
    stores = []
    for name in ("together", "one by one"):
        project = Project(projects.settings(projects.copied(certified_home, tmp_path / name)))
        project.store("amplify").overwrite("candidates", project.store("amplify").read("candidates").clear())
        days = [date.fromisoformat(day) for day in (*DAYS, "2026-09-04")]
        parts = [days] if name == "together" else [[day] for day in days]
        books = [found.books for part in parts for found in load_candidates(project, part)]
        stores.append((project.store("rank").read("candidates").sort("query_id", "doc_id"), books))
    assert stores[0][0].equals(stores[1][0])
    assert stores[0][1] == stores[1][1]
    assert stores[0][0].height == 3 * PAIRS_A_DAY


def test_coverage_of_new_days_is_that_of_all_days(labelled: Small) -> None:
    store = labelled.project.store("amplify")
    assert recent_coverage(labelled.project).equals(store.query("amplify/coverage"))
