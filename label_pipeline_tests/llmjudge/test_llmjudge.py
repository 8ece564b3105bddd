"""The graph on LLMJudge: agreement as published, texts that occur more than once, and too few queries for a verdict."""

import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import polars as pl
import pytest

from label_pipeline.cli.provider import URL_VARIABLE, provide, provider_process
from label_pipeline.core.agreement import cohen_kappa, krippendorff_alpha
from label_pipeline.core.judging.engine import judge_pairs
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.ports import PairText
from label_pipeline.operations.project import Project
from label_pipeline.settings import load
from label_pipeline_tests.core.judging.scripted import DictJournal, clock
from label_pipeline_tests.llmjudge.project import (
    ABSENT,
    BEST,
    OTHERS,
    PAIRS_PER_QUERY,
    PUBLISHED,
    TEXTS,
    WIDE,
    judges,
    write_candidates,
    write_clear_labels,
    write_settings,
)
from label_pipeline_tests.trecdl.project import Ran, requests_of, run

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.skipif(not WIDE.exists(), reason=ABSENT)]

TOO_HIGH = {"RMITIR-llama70B": [5, 5], "h2oloo-zeroshot2": [10]}
ROWS, REPEATED, CONFLICTING = 4423, 379, 302
OVERLONG_PAIRS = 8
"""Rows whose document has more than 100,000 characters (inputs.max_document_chars)."""


@dataclass(frozen=True)
class Projects:
    """Settings files: the seed without ambiguous texts, and the same of one judge on every human label."""

    clear: Path
    as_it_is: Path
    clear_labels: int


@pytest.fixture(scope="module")
def wide() -> pl.DataFrame:
    return pl.read_parquet(WIDE)


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Projects]:
    """Both projects, and the provider of both running."""
    folder = tmp_path_factory.mktemp("llmjudge")
    labels, candidates = folder / "labels.parquet", folder / "candidates.parquet"
    clear_labels = write_clear_labels(labels)
    write_candidates(candidates)
    clear = write_settings(folder, "clear", [BEST, *OTHERS], labels, candidates)
    as_it_is = write_settings(folder, "as-it-is", ["prophet-setting1"], WIDE, candidates)
    with provider_process(load(clear), clear):
        yield Projects(clear, as_it_is, clear_labels)


@pytest.fixture(scope="module")
def ran(projects: Projects) -> Ran:
    return run(load(projects.clear), ["seed", "calibrate", "gate", "amplify"])


def test_there_are_33_judges_of_every_pair(wide: pl.DataFrame) -> None:
    assert (wide.height, wide["query_id"].n_unique(), len(judges())) == (ROWS, 25, 33)
    assert wide.select(judges().values()).null_count().sum_horizontal().item() == 0


def test_agreement_of_every_judge_is_as_published_with_grades_off_the_scale_clipped(wide: pl.DataFrame) -> None:
    published = pl.read_csv(PUBLISHED).select("submission", "pub_kappa", "pub_alpha")
    assert set(published["submission"]) == set(judges())
    for name, kappa, alpha in published.iter_rows():
        found = agreement(wide["human_grade"], wide[judges()[name]].clip(0, 3))
        assert found == (kappa, alpha), name


def test_the_published_alpha_of_grades_off_the_scale_is_that_of_clipped_ones_and_of_nothing_else(
    wide: pl.DataFrame,
) -> None:
    """One grade more or less is beyond four decimals for h2oloo-zeroshot2; two are not for RMITIR-llama70B."""
    grades, human = wide[judges()["RMITIR-llama70B"]], wide["human_grade"]
    off, alpha = ~grades.is_between(0, 3), 0.4873
    assert grades.filter(off).to_list() == TOO_HIGH["RMITIR-llama70B"]
    assert agreement(human, grades.clip(0, 3))[1] == alpha
    assert agreement(human, grades)[1] == 0.4871
    assert agreement(human.filter(~off), grades.filter(~off))[1] == 0.4884


def test_nobody_else_leaves_the_scale(wide: pl.DataFrame) -> None:
    off = {name: wide[column].filter(~wide[column].is_between(0, 3)).to_list() for name, column in judges().items()}
    assert {name: grades for name, grades in off.items() if grades} == TOO_HIGH


@pytest.mark.parametrize("name", TOO_HIGH)
def test_a_grade_off_the_scale_is_asked_for_again_and_never_clipped(
    projects: Projects, wide: pl.DataFrame, name: str
) -> None:
    rows = wide.filter(~pl.col(judges()[name]).is_between(0, 3))
    settings = write_settings(
        projects.clear.parent, f"off-{name.lower()}", [name], WIDE, projects.clear.parent / "none"
    )
    outcome = ask(Project(load(settings)), rows)
    assert outcome["outcome"].to_list() == ["out_of_scale"] * rows.height, outcome["detail"].to_list()
    assert outcome["grade"].null_count() == rows.height
    assert outcome["attempt"].to_list() == [1] * rows.height
    assert f"the grade is {TOO_HIGH[name][0]}; expected 0 to 3" in str(outcome["detail"][0])


def test_the_provider_says_how_many_texts_occur_more_than_once_and_how_many_of_them_conflict(
    projects: Projects, capfd: pytest.CaptureFixture[str]
) -> None:
    with urlopen(os.environ[URL_VARIABLE].removesuffix("/v1") + "/stats") as reply:
        about = json.load(reply)["about"]
    assert about == {
        "recorded": {"rows": ROWS, "text_pairs": 3918, "repeated": REPEATED, "conflicting": CONFLICTING}
    }  # fmt: skip
    assert provide(load(projects.clear), 0, ["true"]) == 0
    said = capfd.readouterr().err
    assert f"{REPEATED} of them on more than one row, {CONFLICTING} of those with different grades" in said
    assert "conflicts: exclude" in said


def test_left_in_the_seed_they_stop_the_gate_by_name_and_nothing_rests_on_the_rest(projects: Projects) -> None:
    settings = load(projects.as_it_is)
    few = settings.gate.model_copy(update={"thresholds": {"min_queries": 12}})  # with fewer nothing would be asked
    stopped = run(settings.model_copy(update={"gate": few}), ["seed", "calibrate", "gate"])
    rejected = stopped.store.read("judgements").filter(pl.col("outcome") == "rejected")
    [board] = stopped.store.read("leaderboard").rows(named=True)
    of_seed = rejected.filter(pl.col("purpose") == "calibrate").height
    assert 0 < of_seed <= 9, "no more than one in twenty: they count as ungraded"
    assert board["unreadable_share"] == pytest.approx(of_seed / 180)
    assert list(stopped.failures) == ["gate"]
    sentence = stopped.failures["gate"]
    of_holdout = rejected.filter(pl.col("purpose") == "gate").height
    assert of_holdout > 12, "more than one in twenty"
    assert f"gate: {of_holdout} of 240 requests" in sentence
    assert "so nothing was decided" in sentence
    assert "found two or more different grades of 'prophet-setting1' recorded for this text pair" in sentence
    assert stopped.store.read("verdicts").is_empty()


def test_without_them_the_seed_is_twenty_pairs_of_each_query_and_every_count_is_booked(
    ran: Ran, projects: Projects
) -> None:
    store = ran.store
    assert projects.clear_labels < ROWS - CONFLICTING
    assert store.read("gold").height == 25 * PAIRS_PER_QUERY
    assert dict(store.read("splits")["split"].value_counts().iter_rows()) == {
        "train": 3, "dev": 6, "holdout": 12, "anchor": 4,
    }  # fmt: skip
    quarantined = dict(store.read("quarantine")["input"].value_counts().iter_rows())
    assert quarantined["documents"] == quarantined["evaluation"] == OVERLONG_PAIRS
    assert store.read("evaluation").height == ROWS - OVERLONG_PAIRS


def test_every_judge_is_on_the_board_with_its_recorded_grades(ran: Ran, wide: pl.DataFrame) -> None:
    board = ran.store.query("calibrate/newest_calibration")
    assert set(board["candidate"]) == {f"{name}/whole" for name in (BEST, *OTHERS)}
    assert set(board["n_pairs"]) == {180}
    judged = ran.store.read("judgements").join(wide, on=["query_id", "doc_id"], validate="m:1")
    assert judged.height == 4 * 180, "the holdout is too small for a look, so nobody was asked about it"
    for name in (BEST, *OTHERS):
        mine = judged.filter(pl.col("member") == f"{name}/whole")
        assert (mine["grade"] == mine[judges()[name]]).all(), name


def test_the_gate_says_that_25_queries_are_too_few(ran: Ran) -> None:
    verdict = ran.store.read("verdicts").row(0, named=True)
    assert (verdict["state"], verdict["open"], verdict["n_queries"], verdict["n_pairs"]) == (
        "insufficient", False, 12, 240,
    )  # fmt: skip
    first = json.loads(verdict["failures"])[0]
    assert first == (
        "12 holdout queries have at least 10 graded pairs, single-standard needs 44; grade 32 more queries of 10 pairs "
        "in the holdout: about 62 new ones, for they are dealt to every split"
    )
    assert "judge_gate" in ran.failed_checks


def test_and_nothing_is_labelled_nor_asked_for(ran: Ran) -> None:
    sentence = ran.failures["amplify"]
    assert sentence.startswith("no open, current verdict, so nothing was sent")
    assert "is insufficient: 12 holdout queries" in sentence
    book = ran.store.read("label_runs").row(0, named=True)
    assert (book["pairs_in"], book["refused"], book["requests"]) == (ROWS - OVERLONG_PAIRS, ROWS - OVERLONG_PAIRS, 0)
    assert ran.store.read("labels").is_empty()
    asked = ran.store.read("judgements")
    distinct = asked.filter(pl.col("member") == f"{BEST}/whole")["request_key"].n_unique()
    assert set(asked["purpose"]) == {"calibrate"}
    assert requests_of(BEST)["requests"] == distinct, "the provider was asked what the tables hold, and no more"


def agreement(human: pl.Series, judge: pl.Series) -> tuple[float, float]:
    """Cohen's kappa and ordinal alpha, to four decimals."""
    raters = [human.to_numpy(), judge.to_numpy()]
    return round(cohen_kappa(*raters), 4), round(krippendorff_alpha(raters, "ordinal"), 4)


def ask(project: Project, rows: pl.DataFrame) -> pl.DataFrame:
    """Judgements of these rows of the wide file by the project's only member."""
    [member] = project.members
    client = project.client("recorded")

    async def judged(pairs: Sequence[PairText]) -> pl.DataFrame:
        try:
            done = await judge_pairs(
                JudgingOrder(member, pairs, "calibrate", 0), client=client, journal=DictJournal(), concurrency=2,
                run_id="r", clock=clock,
            )  # fmt: skip
            return done.judgements
        finally:
            await client.close()

    texts = rows.select("query_id", "doc_id", *TEXTS).iter_rows()
    return asyncio.run(
        judged([PairText("relevance", "main", q, d, "v", None, query, text, False) for q, d, query, text in texts])
    )
