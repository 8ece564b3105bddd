"""A day read in slices: nothing is asked, counted or left out otherwise than when it was read at once."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters import table_files
from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations import amplify_finished, amplify_stream
from label_pipeline.operations.amplify import label_days
from label_pipeline.operations.amplify_stream import Chunk, DayStream, slices_of
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, LATER, PAIRS_A_DAY, Provider, Said

DAY = date.fromisoformat(DAYS[0])


@pytest.fixture(params=["frames", "files"])
def home(
    certified_home: Path, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> Path:  # fmt: skip
    """Slices of about three pairs; tables as frames, and as files."""
    monkeypatch.setattr(amplify_stream, "SLICE_PAIRS", 3)
    monkeypatch.setattr(amplify_finished, "SLICE_PAIRS", 3)
    if request.param == "files":
        monkeypatch.setattr(table_files, "LARGE_ROWS", 1)
    return projects.copied(certified_home, tmp_path / "home")


def project_of(home: Path, chunk_pairs: int = 2) -> Project:
    found = projects.settings(home, amplify={"cap_usd": 1.0, "chunk_pairs": chunk_pairs})
    return Project(found, lambda: LATER)


def stream_of(project: Project, *, inside: bool = True) -> DayStream:
    standing = current_standings(project, "amplify", ["main"])["main"]
    assert standing.open
    return DayStream(project, DAY, standing, inside, slices_of(project, DAY)["main"])


def chunks(stream: DayStream) -> Iterator[Chunk]:
    while (found := stream.next_chunk()) is not None:
        yield found


def whole_day(project: Project) -> pl.DataFrame:
    return project.store("amplify").query("amplify/day_pairs", {"day": DAY})


def test_the_chunks_of_a_day_are_its_pairs_in_order_with_their_texts(home: Path) -> None:
    project = project_of(home)
    found = list(chunks(stream_of(project)))
    assert [len(chunk.work.ask) for chunk in found] == [12, 2, 6], "whole queries, across the slices"
    asked = [pair for chunk in found for pair in chunk.work.ask]
    day = whole_day(project)
    assert [(*pair[:6], pair.query, pair.document, pair.customer) for pair in asked] == day.select(
        *PAIR_KEY, "query", "document", "customer"
    ).rows()
    facts = pl.concat([chunk.facts for chunk in found])
    assert facts.equals(day.select(facts.columns))


def test_labelled_pairs_are_counted_once_wherever_they_are(home: Path) -> None:
    project = project_of(home)
    label_days(Run("all", Said()), project, [DAY])
    store = project.store("rank")
    labels = store.read("labels").sort("query_id")
    for number, gone in enumerate((labels.head(1), labels.tail(1), labels[12:14], labels)):
        store.append(
            "labels", gone.with_columns(status=pl.lit("superseded"), labelled_at=pl.lit(LATER)), f"gone {number}"
        )
        stream = stream_of(project)
        works = [chunk.work for chunk in chunks(stream)]
        taken = store.read("labels").filter(status="superseded").unique(PAIR_KEY).height
        assert sum(len(work.ask) for work in works) == taken
        assert sum(work.labelled_before for work in works) == PAIRS_A_DAY - taken
        assert stream.rest() is None, "nothing is left of a day that was given out"


@pytest.mark.parametrize("given", [0, 1, 2, 3])
def test_the_rest_is_all_that_was_not_given_out(home: Path, given: int) -> None:
    project = project_of(home)
    store = project.store("seed")
    documents, mine = store.read("documents"), whole_day(project)["doc_id"].to_list()
    private, lost = mine[3], mine[15]
    marked = documents.with_columns(
        boundary=pl.when(pl.col("doc_id") == private).then(pl.lit(CUSTOMER)).otherwise("boundary"),
        doc_version=pl.when(pl.col("doc_id") == lost).then(pl.lit("edited")).otherwise("doc_version"),
    )
    store.overwrite("documents", marked)
    customers = sum(doc == private for doc in mine)
    edited = sum(doc == lost for doc in mine)
    stream = stream_of(project, inside=False)
    works = [found.work for _ in range(given) if (found := stream.next_chunk()) is not None]
    if (rest := stream.rest()) is not None:
        works.append(rest)
        assert rest.ask == ()
    assert sum(work.pairs_in for work in works) == PAIRS_A_DAY
    assert sum(work.skipped for work in works) == customers
    assert sum(work.lost for work in works) == edited
    assert (given < 3) is (rest is not None)


def test_the_rest_holds_the_chunk_that_could_not_begin_and_is_named_by_its_pairs(home: Path) -> None:
    project = project_of(home)
    first, again = stream_of(project), stream_of(project)
    begun, same = first.next_chunk(), again.next_chunk()
    assert begun is not None
    assert same is not None
    rest, other = first.rest(begun), again.rest(same)
    assert rest is not None
    assert rest.pairs_in == PAIRS_A_DAY == rest.barred
    assert rest == other
    fewer = stream_of(project)
    fewer.next_chunk()
    left = fewer.rest()
    assert left is not None
    assert left.name != rest.name


def test_a_day_read_in_slices_is_labelled_and_booked_like_any_other(home: Path, provider: Provider) -> None:
    project = project_of(home)
    before = provider.requests()
    days = [date.fromisoformat(day) for day in DAYS]
    label_days(Run("run", Said()), project, days)
    asked = provider.requests() - before
    store = project.store("rank")
    assert asked == store.read("label_runs")["requests"].sum()
    assert store.read("labels").height == 3 * PAIRS_A_DAY
    again = label_days(Run("again", Said()), Project(project.settings, lambda: LATER), days)
    assert provider.requests() - before == asked, "nothing is asked twice"
    assert again["pairs_in"].sum() == again["labelled"].sum() == again["reused"].sum() == 3 * PAIRS_A_DAY
    assert [store.query(f"checks/{name}").height for name in ("labelled_twice", "books_do_not_add_up")] == [0, 0]


def test_pairs_that_may_not_be_sent_are_booked_where_nothing_is_asked(home: Path, provider: Provider) -> None:
    project = project_of(home)
    store = project.store("seed")
    documents = store.read("documents")
    store.overwrite("documents", documents.with_columns(boundary=pl.lit(CUSTOMER)))
    before = provider.requests()
    rows = label_days(Run("run", Said()), project, [DAY])
    assert provider.requests() == before
    assert rows.select("pairs_in", "skipped", "labelled", "requests").sum().rows() == [(20, 20, 0, 0)]


def test_a_stream_of_nothing_ends_at_once(home: Path) -> None:
    stream = replace(stream_of(project_of(home)), slices=[])
    first = stream.next_chunk()
    assert first is not None
    assert first.work.pairs_in == 0, "one piece, for the books"
    assert stream.next_chunk() is None
