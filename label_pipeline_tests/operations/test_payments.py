"""What was paid is booked, whoever paid and whatever became of the run; one check compares the books in money."""

import sqlite3
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.pairs import pair_texts
from label_pipeline.operations import judging
from label_pipeline.operations.amplify_caps import spent_since
from label_pipeline.operations.maintain import maintain
from label_pipeline.operations.payments import settle_left
from label_pipeline.operations.run import Run
from label_pipeline.rehearsal.faults import Fault, ScriptedFaults, ServerError, SlowReply
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, LATER, PAIRS_A_DAY, RUNS, Said, Small, dying_before, serving

CHECK = "checks/books_differ_in_money"


@pytest.fixture
def home(certified_home: Path, tmp_path: Path) -> Path:
    return projects.copied(certified_home, tmp_path / "home")


def sums(small: Small, purpose: str, table: str) -> float:
    rows = small.project.store("rank").read(table)
    return float(rows.filter(pl.col("purpose") == purpose)["cost_usd"].sum())


def money(small: Small, purpose: str = "amplify") -> tuple[float, float, float]:
    """What payments, judgements and books of labels say of one purpose."""
    books = float(small.project.store("rank").read("label_runs")["cost_usd"].sum())
    return sums(small, purpose, "payments"), sums(small, purpose, "judgements"), books


def test_replies_of_a_killed_run_are_booked_though_nobody_asks_for_them_again(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20 paid replies were in no table after a kill and `--fresh`: recovery went by the keys of the next run."""
    with serving(world, monkeypatch) as provider:
        small, before = Small(projects.settings(home), LATER), provider.requests()
        with dying_before("judgements"):
            assert not small.run("amplified_labels", day=DAYS[0], run_id="killed").success
        assert provider.requests() - before == PAIRS_A_DAY
        assert money(small) == (0.0, 0.0, 0.0)
        later = Small(small.settings, LATER + timedelta(hours=1))
        assert later.run("judge_leaderboard", judge_leaderboard={"fresh": True}).success, "another epoch"
        paid, judged, _ = money(later)
        assert paid == judged > 0
        rows = later.project.store("rank").read("judgements").filter(run_id="killed")
        assert rows.filter(outcome="graded", purpose="amplify").height == PAIRS_A_DAY
        later.run("amplified_labels", day=DAYS[1])
        assert later.project.store("rank").read("label_runs").filter(run_id="killed")["cost_usd"].sum() == paid
        assert later.project.store("rank").query(CHECK).is_empty()


def test_candidates_that_moved_meanwhile_do_not_hide_what_a_killed_run_paid(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """$.0112 paid, $.0056 booked: the day was looked up among today's candidates."""
    with serving(world, monkeypatch):
        small = Small(projects.settings(home), LATER)
        with dying_before("labels"):
            assert not small.run("amplified_labels", day=DAYS[0], run_id="killed").success
        candidates = small.project.store("amplify").read("candidates")
        gone = candidates.filter(pl.col("arrived_on") != date.fromisoformat(DAYS[0]))
        small.project.store("amplify").overwrite("candidates", gone)
        later = Small(small.settings, LATER + timedelta(hours=1))
        assert later.run("amplified_labels", day=DAYS[1]).success
        paid, judged, booked = money(later)
        assert paid == pytest.approx(judged) == pytest.approx(booked)
        assert later.project.store("rank").query(CHECK).is_empty()


@pytest.mark.parametrize("write", range(1, 4))
def test_killed_before_any_payment_it_is_booked_once(
    write: int, home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch) as provider:
        before, small = (
            provider.requests(),
            Small(projects.settings(home, amplify={"cap_usd": 1, "chunk_pairs": 2}), LATER),
        )
        with dying_before("payments", write):
            assert not small.run("amplified_labels", day=DAYS[0]).success
        later = Small(small.settings, LATER + timedelta(hours=1))
        assert later.run("amplified_labels", day=DAYS[0]).success
        assert later.run("amplified_labels", day=DAYS[0]).success
        store = later.project.store("rank")
        rows = store.read("payments").filter(purpose="amplify")
        assert rows["requests"].sum() == provider.requests() - before == PAIRS_A_DAY
        paid, judged, booked = money(later)
        assert paid == pytest.approx(judged) == pytest.approx(booked)
        assert store.query(CHECK).is_empty()


def without_patience(home: Path) -> dict[str, dict[str, object]]:
    """Endpoints whose outages are not waited out."""
    endpoints: dict[str, dict[str, object]] = projects.data(home)["endpoints"]
    endpoints["rehearsal"] |= {"patience_s": 0}
    return endpoints


def test_a_canary_in_an_outage_is_paid_and_in_the_books(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It came to nothing, so no anchor run has its cost; the ledger does, and so do the caps of day and month."""
    down: list[Fault | None] = [*[None] * 12, *[ServerError()] * 400]
    settings = projects.settings(
        home,
        anchor={"required": False, "cap_usd": 1, "canary_pairs": 30, "baseline_runs": RUNS},
        endpoints=without_patience(home),
    )
    with serving(world, monkeypatch, ScriptedFaults(down)):
        small = Small(settings, LATER)
        ran = small.run("amplified_labels", day=DAYS[0])
        assert "unanswered" in projects.failure_of(ran) or "no reply" in projects.failure_of(ran)
    store = small.project.store("rank")
    assert store.read("anchor_runs").is_empty()
    paid = sums(small, "canary", "payments")
    assert paid == pytest.approx(sums(small, "canary", "judgements"))
    assert paid > 0
    assert spent_since(small.project, LATER) == pytest.approx(paid)
    assert store.query(CHECK).is_empty()


def test_an_answer_that_comes_too_late_is_possibly_paid_and_said(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"] |= {"timeout_s": 1, "max_retries": 2}
    with serving(world, monkeypatch, ScriptedFaults([None, SlowReply(seconds=2.5)])):
        small = Small(projects.settings(home, endpoints=endpoints), LATER)
        assert small.run("amplified_labels", day=DAYS[0]).success
    [paid] = small.project.store("rank").read("payments").filter(purpose="amplify").iter_rows(named=True)
    assert (paid["requests"], paid["replies"], paid["lost"]) == (PAIRS_A_DAY, PAIRS_A_DAY, 1)
    assert paid["possibly_usd"] > paid["cost_usd"] / PAIRS_A_DAY
    assert spent_since(small.project, LATER) == pytest.approx(paid["cost_usd"] + paid["possibly_usd"])


def test_replies_of_a_journal_without_receipts_are_paid_by_whoever_books_them(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal of an older version, or of another machine."""
    with serving(world, monkeypatch) as provider:
        small = Small(projects.settings(home), LATER)
        with dying_before("judgements"):
            assert not small.run("amplified_labels", day=DAYS[0], run_id="killed").success
        with sqlite3.connect(small.project.journal_path) as journal:
            journal.execute("DELETE FROM receipts")
        before = provider.requests()
        assert small.run("amplified_labels", day=DAYS[0], run_id="next").success
        assert provider.requests() == before
    store = small.project.store("rank")
    [paid] = store.read("payments").filter(purpose="amplify").iter_rows(named=True)
    assert (paid["run_id"], paid["requests"]) == ("next", PAIRS_A_DAY)
    assert store.query(CHECK).is_empty()


def test_replies_another_machine_has_inherited_are_not_booked_again_when_the_first_comes_back(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch) as provider:
        small, before = Small(projects.settings(home), LATER), provider.requests()
        with dying_before("judgements"):
            assert not small.run("amplified_labels", day=DAYS[0], run_id="killed").success
        with sqlite3.connect(small.project.journal_path) as journal:  # the disk of the machine that died
            journal.execute("CREATE TABLE elsewhere AS SELECT * FROM receipts")
            journal.execute("DELETE FROM receipts")
        later = Small(small.settings, LATER + timedelta(hours=1))
        assert later.run("amplified_labels", day=DAYS[0], run_id="second machine").success
        once = money(later)
        with sqlite3.connect(small.project.journal_path) as journal:
            journal.execute("INSERT INTO receipts SELECT * FROM elsewhere")
        assert later.run("amplified_labels", day=DAYS[0], run_id="back again").success
        assert provider.requests() - before == PAIRS_A_DAY
    assert money(later) == pytest.approx(once)
    assert later.project.store("rank").query(CHECK).is_empty()


def test_the_upkeep_after_a_killed_night_finds_nothing_wrong(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch):
        small = Small(projects.settings(home), LATER)
        with dying_before("judgements"):
            assert not small.run("amplified_labels", day=DAYS[0], run_id="killed").success
        later = Small(small.settings, LATER + timedelta(hours=1))
        assert maintain(Run("upkeep", Said()), later.project).offenders == {}
        assert later.project.store("rank").read("label_runs")["run_id"].to_list() == ["killed"]


def test_what_is_paid_again_because_the_journal_was_lost_is_in_every_book(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch):
        small = Small(projects.settings(home), LATER)
        before = money(small, "calibrate")
        small.project.journal_path.unlink()
        assert small.run("judge_leaderboard").success
        after = money(small, "calibrate")
        assert after[:2] == pytest.approx((2 * before[0], 2 * before[1]))
        assert small.project.store("rank").query(CHECK).is_empty()


def test_a_reply_of_another_model_is_paid_once_though_its_name_is_accepted_later(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch, served_as="rehearsal-other") as provider:
        small = Small(projects.settings(home), LATER)
        before = int(small.project.store("rank").read("payments")["requests"].sum())
        assert not small.run("judge_leaderboard", judge_leaderboard={"fresh": True}).success
        judges = projects.data(home)["candidates"]
        judges[0]["served_as"] = ["rehearsal-other"]
        accepted = Small(projects.settings(home, candidates=judges), LATER + timedelta(hours=1))
        assert accepted.run("judge_leaderboard", judge_leaderboard={"fresh": True}).success
        store = accepted.project.store("rank")
        assert int(store.read("payments")["requests"].sum()) - before == provider.requests()
        assert store.query(CHECK).is_empty()


@pytest.mark.parametrize("table", ["judgements", "payments"])
def test_killed_while_it_books_what_it_inherited_it_is_booked_by_the_next(
    table: str, home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(world, monkeypatch) as provider:
        small = Small(projects.settings(home), LATER)
        with dying_before("judgements"):
            assert not small.run("amplified_labels", day=DAYS[0], run_id="killed").success
        with sqlite3.connect(small.project.journal_path) as journal:
            journal.execute("DELETE FROM receipts")
        with dying_before(table):
            assert not small.run("amplified_labels", day=DAYS[0], run_id="second").success
        before = provider.requests()
        later = Small(small.settings, LATER + timedelta(hours=1))
        assert later.run("amplified_labels", day=DAYS[0], run_id="third").success
        assert provider.requests() == before
        paid, judged, booked = money(later)
        assert paid == pytest.approx(judged) == pytest.approx(booked)
        assert paid > 0
        assert later.project.store("rank").query(CHECK).is_empty()


def test_a_lost_payment_is_seen_by_the_check(home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: the ledger is not written."""
    with serving(world, monkeypatch):
        small = Small(projects.settings(home), LATER)
        assert small.run("amplified_labels", day=DAYS[0]).success
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(judging, "settle", lambda project, run_id: None)
            assert small.run("amplified_labels", day=DAYS[1], run_id="unbooked").success
    found = small.project.store("rank").query(CHECK)
    assert found.select("run_id", "booked_in").rows() == [("unbooked", "judgements")]
    said = Said()
    settle_left(small.project, said)
    assert small.project.store("rank").query(CHECK).is_empty()
    assert "21 replies are booked now" in said.warnings[0]


def test_a_run_that_ends_with_an_error_books_what_it_paid_before_it_ends(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    down: list[Fault | None] = [*[None] * 7, *[ServerError()] * 400]
    with serving(world, monkeypatch, ScriptedFaults(down)):
        small = Small(projects.settings(home, endpoints=without_patience(home)), LATER)
        before = sums(small, "calibrate", "payments")
        assert not small.run("judge_leaderboard", judge_leaderboard={"fresh": True}).success
    paid, judged, _ = money(small, "calibrate")
    assert paid == pytest.approx(judged)
    assert paid > before


def test_the_plan_of_a_day_is_within_a_fifth_of_its_bill(
    home: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was 3.5 times the bill: with a cap at the true price a whole day was refused."""
    with serving(world, monkeypatch):
        small = Small(projects.settings(home), LATER)
        project = small.project
        judge, epoch = project.judge(project.store("amplify").read("judge_versions")["judge_version"][0])
        days = [project.store("amplify").query("amplify/day_pairs", {"day": date.fromisoformat(day)}) for day in DAYS]
        order = JudgingOrder(project.member_of(judge), pair_texts(pl.concat(days)), "amplify", epoch)
        planned = judging.price(project, order).cost_usd
        bytes_planned = judging.price(project, order, at_most=True).cost_usd
        assert small.run("amplified_labels").success
        bill = money(small)[0]
    assert bill < planned < 1.2 * bill
    assert bytes_planned > 2 * bill
