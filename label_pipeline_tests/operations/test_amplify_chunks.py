"""A day in chunks: every finished one is labelled and booked, whatever ends the run, and the rest is caught up once."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.pairs import pair_texts
from label_pipeline.operations.amplify import label_days
from label_pipeline.operations.gate.standing import suspend
from label_pipeline.operations.judging import price
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, LATER, PAIRS_A_DAY, Provider, Said

DAY = date.fromisoformat(DAYS[0])
CHUNKS = 3
"""Queries of 12, 2, 1 and 5 pairs, two pairs or more at a time: 12, 2 and 6."""
CHECKS = (
    "labels_contract",
    "labels_missing_from_run",
    "books_do_not_add_up",
    "labelled_twice",
    "books_differ_in_money",
)


@pytest.fixture
def home(certified_home: Path, tmp_path: Path, provider: Provider) -> Path:
    return projects.copied(certified_home, tmp_path / "home")


def ticking(start: datetime = LATER) -> Callable[[], datetime]:
    """A clock that is a second later whenever it is asked."""
    seconds: Iterator[int] = iter(range(10**6))
    return lambda: start + timedelta(seconds=next(seconds))


def project_of(home: Path, hours: int = 0, **amplify: float) -> Project:
    found = projects.settings(home, amplify={"cap_usd": 1.0, "chunk_pairs": 2, **amplify})
    return Project(found, ticking(LATER + timedelta(hours=hours)))


def label(project: Project, run_id: str = "run") -> pl.DataFrame:
    return label_days(Run(run_id, Said()), project, [DAY])


def books(project: Project) -> pl.DataFrame:
    return project.store("rank").read("label_runs").sort("finished_at")


def sound(project: Project) -> None:
    """Nothing is unbooked, missing or double, and the money of the books is that of the replies."""
    store = project.store("rank")
    assert store.query("amplify/unbooked_runs").is_empty()
    assert {check: rows.height for check in CHECKS if (rows := store.query(f"checks/{check}")).height} == {}
    paid = store.read("judgements").filter(pl.col("purpose") == "amplify")["cost_usd"].sum()
    assert books(project)["cost_usd"].sum() == pytest.approx(paid)


def test_a_day_is_whole_queries_at_a_time_and_adds_up(home: Path, provider: Provider) -> None:
    before, project = provider.requests(), project_of(home)
    told: list[tuple[int, int]] = []
    seen = Project(project.settings, project.clock, progress=lambda now: told.append((now.done, now.total)))
    label(seen)
    rows = books(project)
    assert rows["pairs_in"].to_list() == rows["labelled"].to_list() == [12, 2, 6]
    assert rows["chunk"].n_unique() == CHUNKS
    [day] = project.store("rank").query("amplify/day_books").iter_rows(named=True)
    assert (day["pairs_in"], day["labelled"], day["requests"]) == (PAIRS_A_DAY, PAIRS_A_DAY, PAIRS_A_DAY)
    assert provider.requests() - before == PAIRS_A_DAY
    assert told[-1] == (PAIRS_A_DAY, PAIRS_A_DAY)
    assert [done for done, _ in told] == sorted(done for done, _ in told), "one progress, not one a chunk"
    sound(project)
    label(project_of(home, 1), "again")
    assert books(project).filter(run_id="again").select("labelled", "reused", "requests").rows() == [(20, 20, 0)]


def deaths() -> Iterator[Any]:
    """Every death; tried each time are those of another run in the middle, and of the same run at its end."""
    tables = ("judgements", "payments", "labels", "label_runs")
    for again, chunk, table in product(("run", "another"), range(CHUNKS), tables):
        often = (again, chunk) == ("another", 1) or (again, chunk, table) == ("run", 2, "labels")
        marks = [] if often else [pytest.mark.thorough]
        yield pytest.param(again, chunk, table, marks=marks, id=f"{again} run-{chunk}-{table}")


@pytest.mark.parametrize(("again", "chunk", "table"), list(deaths()))
def test_killed_in_any_chunk_before_any_write_the_finished_ones_stand_and_the_rest_is_caught_up(
    table: str, chunk: int, again: str, home: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, project, append = provider.requests(), project_of(home), Store.append
    reached = 0

    def dying(self: Store, name: str, frame: pl.DataFrame, commit_id: str) -> bool:
        nonlocal reached
        if name == table:
            reached += 1
            if reached == chunk + 1:
                raise SystemError("killed here")
        return append(self, name, frame, commit_id)

    with monkeypatch.context() as patch:
        patch.setattr(Store, "append", dying)
        with pytest.raises(SystemError):
            label(project)
    assert books(project)["labelled"].to_list() == [12, 2, 6][:chunk]
    assert project.store("rank").read("labels").height == sum([12, 2, 6][: chunk + (table == "label_runs")])
    later = project_of(home, 1)
    label(later, again)
    assert provider.requests() - before == PAIRS_A_DAY, "nothing is asked twice"
    assert later.store("rank").read("labels").height == PAIRS_A_DAY
    assert books(later)["requests"].sum() == PAIRS_A_DAY
    sound(later)


def test_a_verdict_that_ends_between_two_chunks_ends_the_labelling(
    home: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, project, append = provider.requests(), project_of(home), Store.append

    def suspending(self: Store, name: str, frame: pl.DataFrame, commit_id: str) -> bool:
        done = append(self, name, frame, commit_id)
        if name == "label_runs" and books(project).height == 1:
            suspend(project, project.store("gate").read("verdicts")["verdict_id"][0], "seen to drift meanwhile", 0)
        return done

    with monkeypatch.context() as patch:
        patch.setattr(Store, "append", suspending)
        label(project)
    assert provider.requests() - before == 12
    first, rest = books(project).iter_rows(named=True)
    assert (first["labelled"], first["refused_by"]) == (12, None)
    assert (rest["pairs_in"], rest["refused"], rest["refused_by"]) == (8, 8, "gate")
    assert "seen to drift meanwhile" in rest["reason"]
    sound(project)


def test_a_cap_reached_in_a_later_chunk_says_how_much_of_the_day_is_done(home: Path) -> None:
    """Input alone has a price, so that the plan of the first query is not far above what three queries cost."""
    judges = projects.data(home)["candidates"]
    judges[0]["prices"] = {"rehearsal-large": {"input_usd": 1000, "output_usd": 0}}
    rich = projects.settings(home, candidates=judges, amplify={"cap_usd": 1000, "chunk_pairs": 2})
    pairs = Project(rich).store("amplify").query("amplify/day_pairs", {"day": DAY})
    judge, _ = Project(rich).judge(Project(rich).store("amplify").read("judge_versions")["judge_version"][0])
    order = JudgingOrder(Project(rich).member_of(judge), pair_texts(pairs.head(12)), "amplify", 0)
    cap = 1.05 * price(Project(rich), order, at_most=True).cost_usd
    poor = Project(rich.model_copy(update={"amplify": rich.amplify.model_copy(update={"cap_usd": cap})}), ticking())
    with pytest.raises(LabelPipelineError, match=r"stopped at the cap with (14|15) of 20 pairs of main labelled"):
        label(poor)
    rows = books(poor)
    assert rows["labelled"].to_list()[:2] == [12, 2]
    assert rows["refused"].sum() == PAIRS_A_DAY - rows["labelled"].sum()
    assert rows["cost_usd"].sum() <= cap
    sound(poor)
