"""A day of labels by batch, over HTTP: the labels of the same day online, for half the price, and nothing twice."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline.adapters.batch_book import SQLiteBatchBook
from label_pipeline.adapters.openai_batches import OpenAIBatchClient
from label_pipeline.core.errors import BudgetError, JudgeError, NotApplicableError, ServedModelError, WaitingError
from label_pipeline.operations.amplify import label_days
from label_pipeline.operations.amplify_caps import room
from label_pipeline.operations.batch_decisions import adopt, give_up, quarantined
from label_pipeline.operations.batches import days_waiting
from label_pipeline.operations.gate.standing import suspend
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.rehearsal import BatchFault, Pace
from label_pipeline.rehearsal.batch_faults import BatchScript
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, KEY, LATER, PAIRS_A_DAY, WATCHED, Provider, Said, data

DAY = date.fromisoformat(DAYS[0])
ONE_POLL = Pace(validating=0)
"""Every batch is answered when it is asked for the first time."""
GONE = "http://127.0.0.1:9/v1"
HOW = ("run_id", "labelled_at", "cost_usd")
"""Columns of a label that tell how it came to be, not what it says: its replies are in the books of another run."""
CHECKS = (
    "labels_contract",
    "labels_missing_from_run",
    "books_do_not_add_up",
    "labelled_twice",
    "books_differ_in_money",
)

Serve = Callable[..., AbstractContextManager[Provider]]


@pytest.fixture
def serve(world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> Serve:
    @contextmanager
    def served(*faults: BatchFault | None, then: BatchFault | None = None, pace: Pace = ONE_POLL) -> Iterator[Provider]:
        app = make_app(simulated_models(world), api_key=KEY, batch_script=BatchScript(faults, then), batch_pace=pace)
        with running_provider(app) as url:
            monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
            monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
            yield Provider(url)

    return served


@pytest.fixture
def home(certified_home: Path, tmp_path: Path) -> Path:
    return projects.copied(certified_home, tmp_path / "home")


@pytest.fixture
def baselined(baselined_home: Path, tmp_path: Path) -> Path:
    return projects.copied(baselined_home, tmp_path / "home")


def project_of(
    home: Path, hours: float = 0, *, send: str = "batch", pairs: int = 0, anchor: dict[str, Any] | None = None,
    batch: dict[str, Any] | None = None, **amplify: Any,
) -> Project:  # fmt: skip
    endpoints = data(home)["endpoints"]
    endpoints["rehearsal"]["batch"] = {"canary_pairs": pairs, **(batch or {})}
    found = projects.settings(
        home, endpoints=endpoints, amplify={"cap_usd": 1.0, "chunk_pairs": 8, "send": send, **amplify},
        **({"anchor": {**WATCHED, **anchor}} if anchor is not None else {}),
    )  # fmt: skip
    return Project(found, lambda: LATER + timedelta(hours=hours))


def label(project: Project, run_id: str) -> pl.DataFrame:
    return label_days(Run(run_id, Said()), project, [DAY])


def waits(project: Project, run_id: str) -> str:
    with pytest.raises(WaitingError) as caught:
        label(project, run_id)
    return str(caught.value)


def labels(project: Project) -> pl.DataFrame:
    return project.store("rank").read("labels").sort("query_id", "doc_id")


def paid(project: Project, purpose: str = "amplify") -> float:
    return float(project.store("rank").read("payments").filter(purpose=purpose)["cost_usd"].sum())


def sound(project: Project) -> None:
    """Nothing waits; nothing is unbooked, missing or double, and the money of the books is that of the replies."""
    store = project.store("rank")
    assert {check: rows.height for check in CHECKS if (rows := store.query(f"checks/{check}")).height} == {}
    assert store.query("amplify/unbooked_runs").is_empty()
    assert store.read("label_runs")["cost_usd"].sum() == pytest.approx(paid(project))
    with SQLiteBatchBook(project.journal_path) as book:
        assert book.held_usd() == 0


def batched(provider: Provider) -> int:
    """Requests the provider answered by batch."""
    return int(provider.stats()["batched"]["requests"])


def test_a_day_by_batch_has_the_labels_of_the_day_online_at_half_the_price(
    certified_home: Path, tmp_path: Path, serve: Serve
) -> None:
    online, batch = (projects.copied(certified_home, tmp_path / name) for name in ("online", "batch"))
    with serve() as provider:
        label(project_of(online, send="online"), "run")
        assert batched(provider) == 0
        before = provider.requests()
        assert "waiting, 0 of 20" in waits(project_of(batch), "sends")
        assert labels(project_of(batch)).is_empty()
        assert project_of(batch).store("rank").read("label_runs").is_empty()
        label(project_of(batch, 20), "collects")
        assert batched(provider) == PAIRS_A_DAY
        assert provider.requests() == before, "nothing of it was asked online"
    one, other = project_of(online), project_of(batch, 20)
    assert labels(other).height == PAIRS_A_DAY
    same = labels(one), labels(other)
    assert {name for name in same[0].columns if not same[0][name].equals(same[1][name])} <= set(HOW)
    assert paid(other) == pytest.approx(paid(one) / 2)
    sound(other)
    rows = other.store("rank").read("label_runs")
    assert rows.filter(run_id="sends")["cost_usd"].sum() == pytest.approx(paid(one) / 2)
    assert rows.filter(run_id="collects")["requests"].sum() == 0


def test_while_it_waits_nothing_is_asked_twice_by_batch_or_online_and_its_price_counts_against_the_cap(
    home: Path, serve: Serve
) -> None:
    with serve(pace=Pace(validating=0, in_progress=3)) as provider:
        free = room(project_of(home)).usd
        waits(project_of(home), "sends")
        with SQLiteBatchBook(project_of(home).journal_path) as book:
            held = book.held_usd()
        assert room(project_of(home)).usd == pytest.approx(free - held)
        assert 0 < held < free
        assert "waiting, 0 of 20" in waits(project_of(home, 1), "again")
        assert "waiting, 0 of 20" in waits(project_of(home, 2, send="online"), "online")
        assert provider.requests() == batched(provider) == 0
        label(project_of(home, 3, send="online"), "collects")
        assert (provider.requests(), batched(provider)) == (0, PAIRS_A_DAY)
    sound(project_of(home, 3))


class KilledHereError(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", ["reserve", "uploaded", "created", "keep", "closed"])
def test_killed_at_any_step_the_next_runs_finish_the_day_and_pay_once(
    step: str, home: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(*_: object, **__: object) -> None:
        raise KilledHereError

    with serve() as provider:
        with monkeypatch.context() as patch:
            patch.setattr(SQLiteBatchBook, step, dying)
            with pytest.raises((KilledHereError, WaitingError)):
                label(project_of(home), "killed")
            if step in ("keep", "closed"):
                with pytest.raises(KilledHereError):
                    label(project_of(home, 1), "killed again")
        for hours in range(2, 6):
            try:
                label(project_of(home, hours), f"later {hours}")
            except WaitingError:
                continue
            break
        assert batched(provider) == PAIRS_A_DAY
    assert labels(project_of(home, 6)).height == PAIRS_A_DAY
    sound(project_of(home, 6))


def test_a_verdict_suspended_meanwhile_books_and_keeps_the_replies_and_no_label_is_written(
    home: Path, serve: Serve
) -> None:
    with serve():
        waits(project_of(home), "sends")
        later = project_of(home, 1)
        suspend(later, later.store("gate").read("verdicts")["verdict_id"][0], "seen to drift meanwhile", 0)
        with pytest.raises(Exception, match="seen to drift meanwhile"):
            label(later, "collects")
    assert labels(later).is_empty()
    assert paid(later) > 0
    kept = later.store("rank").read("judgements").filter(purpose="amplify")
    assert (kept.height, set(kept["run_id"])) == (PAIRS_A_DAY, {"sends"})
    sound(later)


def test_of_a_batch_that_expired_half_way_the_rest_goes_by_another(home: Path, serve: Serve) -> None:
    with serve(BatchFault(expires_after=6), BatchFault(expires_after=2)) as provider:
        waits(project_of(home), "sends")
        assert "waiting, " in waits(project_of(home, 1), "sends the rest")
        label(project_of(home, 2), "collects")
        assert (provider.requests(), batched(provider)) == (0, PAIRS_A_DAY)
    assert labels(project_of(home, 3)).height == PAIRS_A_DAY
    sound(project_of(home, 3))


def test_texts_a_batch_is_refused_are_asked_online_once(home: Path, serve: Serve) -> None:
    refusing = BatchFault(failing=3, status=400, error_code="content_filter")
    with serve(refusing) as provider:
        waits(project_of(home, chunk_pairs=1000), "sends")
        label(project_of(home, 1), "collects")
        assert provider.requests() == 3
    assert labels(project_of(home, 1)).height == PAIRS_A_DAY
    sound(project_of(home, 1))


def test_another_model_in_the_output_is_booked_and_nothing_is_labelled(home: Path, serve: Serve) -> None:
    with serve(BatchFault(served_as="another-model")):
        waits(project_of(home, chunk_pairs=1000), "sends")
        with pytest.raises(ServedModelError, match="no label rests on them"):
            label(project_of(home, 1), "collects")
    assert labels(project_of(home, 1)).is_empty()
    assert paid(project_of(home, 1)) > 0
    sound(project_of(home, 1))


def test_whole_queries_up_to_the_cap_are_sent_and_the_next_run_goes_on(home: Path, serve: Serve) -> None:
    with serve() as provider:
        waits(project_of(home), "priced")
        with SQLiteBatchBook(project_of(home).journal_path) as book:
            whole = book.held_usd()
    other = home.parent / "other"
    assert provider
    projects.copied(home, other)
    (other / "journal.sqlite").unlink()
    cap = 0.75 * whole
    with serve() as provider:
        assert "amplify.cap_usd leaves no room" in waits(project_of(other, cap_usd=cap), "sends")
        with SQLiteBatchBook(project_of(other).journal_path) as book:
            assert 0 < book.held_usd() <= cap
        waits(project_of(other, 1, cap_usd=cap), "sends the rest")
        label(project_of(other, 2, cap_usd=cap), "collects")
        assert batched(provider) == PAIRS_A_DAY
        with pytest.raises(BudgetError, match="first query"):
            label_days(Run("poor", Said()), project_of(other, 3, cap_usd=1e-6), [date.fromisoformat(DAYS[1])])
    assert labels(project_of(other, 3)).height == PAIRS_A_DAY


def test_the_canary_is_looked_at_before_sending_and_again_before_labelling(baselined: Path, serve: Serve) -> None:
    anchor = {"canary_pairs": 5}
    with serve() as provider:
        waits(project_of(baselined, anchor=anchor), "sends")
        assert provider.requests() == 5
        label(project_of(baselined, 1, anchor=anchor), "collects")
        assert provider.requests() == 10
    assert labels(project_of(baselined, 1)).height == PAIRS_A_DAY
    sound(project_of(baselined, 1))


def test_a_judge_first_answers_thirty_anchor_pairs_by_batch(baselined: Path, serve: Serve) -> None:
    with serve() as provider:
        said = waits(project_of(baselined, pairs=30, anchor={}), "first")
        assert "30 anchor pairs are asked by batch first" in said
        waits(project_of(baselined, 1, pairs=30, anchor={}), "sends")
        assert batched(provider) == 30
        label(project_of(baselined, 2, pairs=30, anchor={}), "collects")
        assert batched(provider) == 30 + PAIRS_A_DAY
        with pytest.raises(WaitingError):  # another day: asked once only
            label_days(
                Run("next", Said()), project_of(baselined, 3, pairs=30, anchor={}), [date.fromisoformat(DAYS[1])]
            )
        label_days(Run("last", Said()), project_of(baselined, 4, pairs=30, anchor={}), [date.fromisoformat(DAYS[1])])
        assert batched(provider) == 30 + 2 * PAIRS_A_DAY
    project = project_of(baselined, 5, anchor={})
    [row] = (
        project.store("anchor").read("anchor_runs").filter(pl.col("run_id").str.starts_with("batch canary")).to_dicts()
    )
    assert (row["kind"], row["n_pairs"], row["graded"], row["reason"]) == ("canary", 30, 30, None)
    assert row["cost_usd"] == pytest.approx(paid(project, "canary"))
    sound(project)


def test_a_judge_that_another_model_answers_for_by_batch_labels_nothing_by_batch(baselined: Path, serve: Serve) -> None:
    with serve(BatchFault(served_as="another-model")) as provider:
        waits(project_of(baselined, pairs=30, anchor={}), "first")
        for hours in (1, 2):
            with pytest.raises(JudgeError, match="by batch the judge is not what it was"):
                label(project_of(baselined, hours, pairs=30, anchor={}), f"looks {hours}")
        assert batched(provider) == 30, "neither the canary nor the day is sent again"
        label(project_of(baselined, 3, send="online", pairs=30, anchor={}), "online")
    assert labels(project_of(baselined, 3)).height == PAIRS_A_DAY
    sound(project_of(baselined, 3))


def test_a_lost_answer_to_the_creation_of_a_batch_is_looked_for_and_not_paid_twice(home: Path, serve: Serve) -> None:
    with serve(BatchFault(lost_create=True)) as provider:
        assert "did not say whether" in waits(project_of(home, chunk_pairs=1000), "sends")
        label(project_of(home, 1, chunk_pairs=1000), "collects")
        assert batched(provider) == PAIRS_A_DAY
    sound(project_of(home, 1))


def test_a_batch_another_journal_sent_waits_for_a_person_who_takes_it_over_or_pays_again(
    certified_home: Path, tmp_path: Path, serve: Serve
) -> None:
    lost, taking, paying = (projects.copied(certified_home, tmp_path / name) for name in ("lost", "taking", "paying"))
    with serve(pace=Pace(validating=0, in_progress=0)) as provider:
        waits(project_of(lost, chunk_pairs=1000), "sends")
        for home in (taking, paying):
            for hours in (0, 1):
                waits(project_of(home, hours, chunk_pairs=1000), f"waits {hours}")
            [held] = quarantined(project_of(home))
            assert (held.code, held.requests, len(held.found)) == ("other_machine", PAIRS_A_DAY, 1)
            assert days_waiting(project_of(home)) == [], "no sensor asks for it"
        with pytest.raises(NotApplicableError, match="0 batches in quarantine"):
            adopt(project_of(taking), "nobody", held.found[0])
        with pytest.raises(NotApplicableError, match="expected batch batch_none"):
            adopt(project_of(taking), "", "batch_none")
        assert "taken over" in adopt(project_of(taking), "", held.found[0])
        label(project_of(taking, 2, chunk_pairs=1000), "collects")
        assert labels(project_of(taking, 2)).height == PAIRS_A_DAY
        assert batched(provider) == PAIRS_A_DAY, "paid for once"
        sound(project_of(taking, 2))
        said = give_up(Run("person", Said()), project_of(paying), held.reservation[:6], possibly_paid=True)
        assert "may be sent again" in said
        assert paid(project_of(paying)) == 0
        assert float(project_of(paying).store("rank").read("payments")["possibly_usd"].sum()) > 0
        waits(project_of(paying, 3, chunk_pairs=1000), "sends again")
        label(project_of(paying, 4, chunk_pairs=1000), "collects")
        assert batched(provider) == 2 * PAIRS_A_DAY
    sound(project_of(paying, 4))


def test_nothing_of_a_batch_is_sent_where_no_endpoint_has_one(
    home: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(self: OpenAIBatchClient) -> str:
        raise AssertionError

    monkeypatch.setattr(OpenAIBatchClient, "account", never)
    found = projects.settings(home, amplify={"cap_usd": 1.0})
    with serve():
        label(Project(found, lambda: LATER), "run")
    assert labels(Project(found)).height == PAIRS_A_DAY


@pytest.mark.parametrize(
    ("old", "words"),
    [
        ({"base_url": GONE, "api_key_env": "LABEL_PIPELINE_PROVIDER_KEY", "max_retries": 0}, "gave no"),
        ({"base_url": GONE, "api_key_env": "KEY_THAT_IS_GONE"}, "KEY_THAT_IS_GONE"),
        (None, "settings state no more"),
    ],
    ids=["dead", "no key", "no endpoint"],
)  # fmt: skip
def test_an_endpoint_that_is_gone_keeps_its_own_batches_waiting_and_no_other_night(
    home: Path, serve: Serve, old: dict[str, Any] | None, words: str
) -> None:
    """One dead address would have ended every night for as long as a batch of it was not collected."""
    with serve(pace=Pace(validating=10**6)):
        project = project_of(home)
        assert "waiting" in waits(project, "first")
        with sqlite3.connect(project.journal_path) as book:  # as if the judge had been asked at another address then
            book.execute("UPDATE api_batches SET endpoint = 'old', terms = replace(terms, '\"rehearsal\"', '\"old\"')")
        endpoints = {**data(home)["endpoints"], **({"old": old} if old is not None else {})}
        later = Project(projects.settings(home, endpoints=endpoints), project.clock)
        said = Said()
        rows = label_days(Run("night", said), later, [date.fromisoformat(DAYS[1])])
        assert rows["labelled"].sum() == PAIRS_A_DAY
        [warning] = [line for line in said.warnings if "batches wait at endpoint 'old'" in line]
        assert words in warning
        with SQLiteBatchBook(project.journal_path) as book:
            assert book.open("old"), "it waits on"
            assert book.held_usd() > 0
