"""Only key, text and grade cost a row: what else cannot be read is left out and counted, and no grade goes with it."""

import datetime as dt
import json

import pytest

from label_pipeline.core.catalogue import INPUT_NOTES
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import Assembled, assemble, assemble_candidates, sentences
from label_pipeline_tests.stages.seed.world import Row, documents, healthy, queries, raw

SCALE = Scale(0, 3)
DAY = dt.date(2024, 3, 5)


def loaded(**tables: list[Row]) -> Assembled:
    found = assemble(healthy(**tables), SCALE)
    assert found.quarantine.is_empty()
    assert found.balanced
    assert found.notes.schema == INPUT_NOTES.schema
    return found


@pytest.mark.parametrize(
    ("created_on", "day", "notes"),
    [
        ("5 Mar 2024", DAY, 0), ("2024-03-05 12:00:00+00", DAY, 0), ("1709640000", DAY, 0),
        ("NULL", None, 0), (r"\N", None, 0), ("NaN", None, 0), ("None", None, 0), ("N/A", None, 0), (" ", None, 0),
        ("03/05/2024", None, 1), ("soon", None, 1), ("0000-00-00", None, 1),
    ],
)  # fmt: skip
def test_no_spelling_of_a_date_costs_the_document_or_its_grades(
    created_on: str, day: dt.date | None, notes: int
) -> None:
    found = loaded(documents=[row | {"created_on": created_on} for row in documents()])
    assert found.documents["created_on"].to_list() == [day] * 4
    assert found.human_labels.height == 3
    assert found.notes.height == notes


def test_a_note_counts_rows_and_shows_the_first() -> None:
    rows = [row | {"created_on": on} for row, on in zip(documents(), ("03/05/2024", "soon", "later", "x"), strict=True)]
    assert sentences(loaded(documents=rows).notes) == [
        "documents.csv: 3 rows: created_on is no date that can be read and is left out: write it as YYYY-MM-DD "
        "(e.g. 'soon', line 3)",
        "documents.csv: 1 row: created_on could be two days and is left out: set `date_order: day_first` or "
        "`month_first` on this file (e.g. '03/05/2024', line 2)",
    ]


def test_a_file_says_the_order_of_its_dates() -> None:
    rows = [row | {"created_on": "03/05/2024"} for row in documents()]
    inputs = [part for part in healthy() if part.table != "documents"]
    inputs += [raw("documents", rows[:2], "us.csv"), raw("documents", rows[2:], "uk.csv")]
    inputs[-2], inputs[-1] = inputs[-2].dated("month_first"), inputs[-1].dated("day_first")
    found = assemble(inputs, SCALE)
    assert found.documents["created_on"].to_list() == [DAY, DAY, dt.date(2024, 5, 3), dt.date(2024, 5, 3)]
    assert found.notes.is_empty()


def test_a_source_that_names_the_search_which_found_the_row_costs_no_document() -> None:
    """A wide file has the document once a pair; bm25 found it for one query, the other search for the next."""
    rows = [row | {"source": name} for name in ("bm25", "dense") for row in documents()]
    rows[4] |= {"source": None}
    found = loaded(documents=rows)
    assert found.documents["source"].to_list() == ["bm25", None, None, None], "one name of those there are, or none"
    assert found.human_labels.height == 3
    [note] = found.notes.iter_rows(named=True)
    assert (note["column"], note["rows"], note["example"], note["line"]) == ("source", 3, "'bm25' and 'dense'", 3)


def test_language_and_date_that_differ_are_unknown_and_a_text_that_differs_still_costs_the_document() -> None:
    rows = documents() + [row | {"language": "en", "created_on": "2024-03-05"} for row in documents()]
    rows[7] |= {"text": "another"}
    rows[1] |= {"language": "de"}
    found = assemble(healthy(documents=rows, queries=[*queries(), queries()[0] | {"language": "de"}]), SCALE)
    assert found.documents.select("doc_id", "language", "created_on").rows() == [
        ("d1", "en", DAY), ("d2", None, DAY), ("d3", "en", DAY)
    ]  # fmt: skip
    assert found.queries["language"].to_list() == ["de", None, None]
    assert found.quarantine.filter(input="documents")["line"].to_list() == [5, 9]


def test_numbers_that_cannot_be_read_are_left_out_and_the_grade_is_kept() -> None:
    rows: list[Row] = [
        {"query_id": "q1", "doc_id": "d1", "grade": 3, "feature_a": "much", "feature_b": "1", "incumbent_score": "nan"},
        {"query_id": "q2", "doc_id": "d2", "grade": 0, "feature_a": "inf", "feature_b": "NULL", "incumbent_score": "?"},
    ]
    found = loaded(human_labels=rows)
    assert [None if text is None else json.loads(text) for text in found.human_labels["features"]] == [
        {"feature_b": 1.0}, None
    ]  # fmt: skip
    assert found.human_labels["incumbent_score"].to_list() == [None, None]
    assert found.notes.select("column", "rows", "example").rows() == [
        ("feature_a", 2, "'much'"), ("incumbent_score", 1, "'?'")
    ]  # fmt: skip


def test_a_word_that_means_nothing_is_nothing_only_where_a_column_describes() -> None:
    """A person may search for "null", and `boundary: none` may mean that the text may go to none."""
    found = loaded(
        queries=[*queries(), {"query_id": "None", "query": "NULL", "language": "NULL"}],
        documents=[*documents(), {"doc_id": "N/A", "text": "nan", "source": "None", "boundary": r"\N"}],
    )
    assert found.queries.row(3) == ("relevance", "main", "None", "NULL", None)
    assert found.documents.row(4, named=True) | {"doc_version": ""} == {
        "doc_id": "N/A", "doc_version": "", "title": None, "text": "nan", "source": None, "language": None,
        "created_on": None, "boundary": None,
    }  # fmt: skip
    in_doubt = assemble(healthy(documents=[row | {"boundary": "none"} for row in documents()]), SCALE)
    assert in_doubt.documents.is_empty()


def test_customer_text_that_slipped_into_another_column_is_not_shown() -> None:
    rows = [row | {"boundary": "customer", "created_on": "the merger is off"} for row in documents()]
    found = assemble(healthy(documents=rows), SCALE)
    assert found.notes["rows"].to_list() == [4]
    assert found.notes["example"].to_list() == [None]
    assert "merger" not in str([found.notes.to_dicts(), found.quarantine.to_dicts()])


def test_a_pool_date_is_for_candidates_whose_day_cannot_be_read_too() -> None:
    seed, monday = assemble(healthy(), SCALE), dt.date(2026, 3, 2)
    rows = [{"query_id": "q1", "doc_id": f"d{i}", "arrived_on": day} for i, day in enumerate(("5/6/2026", None), 1)]
    inputs = [raw("candidates", rows)]
    found = assemble_candidates(inputs, seed.queries, seed.documents, monday, pool_date=monday)
    assert found.candidates["arrived_on"].to_list() == [monday, monday]
    assert found.notes.select("input", "partition", "rows", "example").rows() == [
        ("candidates", "2026-03-02", 1, "'5/6/2026'")
    ]  # fmt: skip
    undated = assemble_candidates(inputs, seed.queries, seed.documents)
    assert undated.quarantine.height == 2


def test_rows_set_aside_are_not_counted_twice() -> None:
    rows = [{"query_id": "q1", "doc_id": "d1", "grade": grade, "feature_a": "x"} for grade in (3, 9)]
    found = assemble(healthy(human_labels=rows), SCALE)
    assert found.notes["rows"].to_list() == [1]
    assert found.quarantine.height == 1
