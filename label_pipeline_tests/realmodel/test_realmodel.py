"""A real model of 135 million parameters as a judge: it answers as the protocol says, and the gate refuses it."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from label_pipeline.adapters.journal import SQLiteJournal
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline_tests.core.judging.scripted import clock
from label_pipeline_tests.defs import projects
from label_pipeline_tests.realmodel.endpoints import OVERLONG, Endpoint, real_endpoint
from label_pipeline_tests.realmodel.pairs import PAIRS, pair
from label_pipeline_tests.realmodel.project import CANDIDATES, DAY, KEY_VARIABLE, write_project

pytestmark = [pytest.mark.slow, pytest.mark.long]


@pytest.fixture(scope="module")
def real() -> Iterator[Endpoint]:
    with real_endpoint() as running:
        yield running


def judge_all(real: Endpoint, journal: SQLiteJournal) -> Judging:
    """All ten pairs."""

    async def run() -> Judging:
        client = real.client()
        try:
            return await judge_pairs(
                JudgingOrder(real.member, PAIRS, "calibrate", 0), client=client, journal=journal, concurrency=2,
                run_id="r", clock=clock,
            )  # fmt: skip
        finally:
            await client.close()

    return asyncio.run(run())


@pytest.fixture(scope="module")
def ten(real: Endpoint, tmp_path_factory: pytest.TempPathFactory) -> tuple[Judging, Path]:
    """Ten pairs judged, and the journal of it."""
    path = tmp_path_factory.mktemp("ten") / "journal.sqlite"
    with SQLiteJournal(path, clock) as journal:
        return judge_all(real, journal), path


def test_ten_pairs_get_a_grade_of_the_scale_or_say_that_they_were_cut(ten: tuple[Judging, Path]) -> None:
    judged = ten[0].judgements
    assert judged.height == 10
    assert set(judged["outcome"]) <= {"graded", "cut"}, "the schema is obeyed: nothing malformed, nothing off the scale"
    graded = judged.filter(pl.col("outcome") == "graded")
    assert graded.height >= 7
    assert graded["grade"].is_between(0, 3).all()
    assert graded["rationale"].str.len_chars().min() > 0  # type: ignore[operator]  # no null: all are graded
    assert judged.filter(pl.col("outcome") == "cut")["grade"].null_count() == 10 - graded.height


def test_their_log_probabilities_say_how_much_of_its_mind_is_on_the_scale(ten: tuple[Judging, Path]) -> None:
    graded = ten[0].judgements.filter(pl.col("outcome") == "graded")
    assert graded["grade_mass"].is_between(0, 1, closed="none").all()
    sure = graded["grade_mass"] >= 0.9
    assert graded["expected_grade"].is_not_null().equals(sure)
    assert graded.filter(sure)["expected_grade"].is_between(0, 3).all()


def test_all_of_it_is_booked_and_a_second_run_asks_nothing(ten: tuple[Judging, Path], real: Endpoint) -> None:
    first, path = ten
    assert first.requests >= 10
    assert first.judgements["input_tokens"].min() > 100  # type: ignore[operator]  # no null in this column
    assert first.cost_usd > 0
    with SQLiteJournal(path, clock) as journal:
        again = judge_all(real, journal)
    assert (again.requests, again.cost_usd) == (0, 0.0)
    grades = ["doc_id", "outcome", "grade", "grade_mass"]
    assert again.judgements.select(grades).equals(first.judgements.select(grades))


def test_a_reply_without_room_for_its_grade_is_cut_every_time_it_is_asked_for(real: Endpoint) -> None:
    judged = real.judge(real.asking(max_tokens=6), PAIRS[:2])
    assert judged["outcome"].to_list() == ["cut", "cut"]
    assert judged["attempt"].to_list() == [1, 1]
    assert judged["detail"].str.contains("raise the output token limit").all()
    assert judged["grade"].null_count() == 2


def test_an_overlong_text_is_refused_by_name_and_passes_once_the_prompt_cuts_it(real: Endpoint) -> None:
    long = pair("reset my password", "Open Settings and press Reset password. " + OVERLONG)
    first = real.judge(real.member, [long])
    assert first["outcome"].to_list() == ["rejected"]
    assert "exceeds the available context size" in first["detail"][0]
    cut = cutting(real.member, 200)
    assert real.judge(cut, [long])["outcome"].to_list() in (["graded"], ["cut"])


def cutting(member: Member, chars: int) -> Member:
    """The member with a prompt that shows so much of a document."""
    return replace(member, prompt=replace(member.prompt, document_max_chars=chars))


def test_the_gate_refuses_it_and_nothing_is_labelled(
    real: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY_VARIABLE, real.key)
    with dg.DagsterInstance.ephemeral() as instance:
        graph = projects.graph(write_project(tmp_path, real), instance)
        until_calibrated = graph.run(*projects.TO_GATE[:-1])
        assert until_calibrated.success, projects.failure_of(until_calibrated)
        gated = graph.run("gate_verdict")
        [check] = [found for found in gated.get_asset_check_evaluations() if found.check_name == "judge_gate"]
        refused = graph.run("candidate_pairs", "amplified_labels", day=DAY)
    store = graph.project.store("rank")
    assert not check.passed
    verdict = store.read("verdicts").row(0, named=True)
    assert (verdict["state"], verdict["open"], verdict["n_pairs"]) == ("insufficient", False, 14)
    assert json.loads(verdict["failures"])[0].startswith("0 holdout queries have at least 10 graded pairs")
    assert "no open, current verdict, so nothing was sent" in projects.failure_of(refused)
    book = store.read("label_runs").row(0, named=True)
    assert (book["pairs_in"], book["refused"], book["requests"]) == (CANDIDATES, CANDIDATES, 0)
    assert store.read("labels").is_empty()
    judged = store.read("judgements")
    assert judged.group_by("purpose").len().sort("purpose").rows() == [("calibrate", 10)]
    assert set(judged["outcome"]) <= {"graded", "cut"}
    assert set(judged["model_reported"].drop_nulls()) == {real.model}
