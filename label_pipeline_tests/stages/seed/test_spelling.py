"""One id in two spellings, one text with two kinds of line ends: named by what happened to them, never merged."""

import pytest

from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import Assembled, assemble, doc_version, sentences
from label_pipeline_tests.stages.seed.world import Row, healthy

SCALE = Scale(0, 3)


def loaded(docs: list[str], labels: list[Row]) -> Assembled:
    texts: list[Row] = [{"doc_id": doc, "text": f"text of {doc}"} for doc in docs]
    found = assemble(healthy(documents=texts, human_labels=labels, evaluation=[]), SCALE)
    assert found.balanced
    return found


@pytest.mark.parametrize(
    ("there", "given", "what"),
    [
        ("12", "12.0", "one went through a column of fractions"),
        ("12.0", "12", "one went through a column of fractions"),
        ("007", "7", "one went through a column of numbers, which drops leading zeros"),
        ("Zu\u0308rich", "Z\u00fcrich", "their letters are composed otherwise (Unicode NFC and NFD)"),
        ("d1", " d1", "one has white space around it"),
        ("D1", "d1", "they differ in case"),
    ],
)
def test_a_grade_whose_document_is_spelled_otherwise_says_how_and_is_not_merged(
    there: str, given: str, what: str
) -> None:
    found = loaded([there, "x"], [{"query_id": "q1", "doc_id": given, "grade": 1}])
    assert found.human_labels.is_empty()
    [row] = found.quarantine.iter_rows(named=True)
    assert row["cause"] == "the document has another spelling of its id"
    assert row["reason"].startswith(
        f"doc_id '{given}' is not among the documents, '{there}' is: {what}; if they are one"
    )


def test_a_query_is_named_likewise_and_two_near_ones_name_none() -> None:
    labels: list[Row] = [
        {"query_id": " q1", "doc_id": "d", "grade": 1},
        {"query_id": "q1", "doc_id": "07.0", "grade": 1},
    ]
    found = loaded(["7", "07", "d"], labels)
    assert found.quarantine["cause"].to_list() == [
        "the query has another spelling of its id", "its document is not in the documents"
    ]  # fmt: skip


def test_two_spellings_within_a_table_stay_two_rows_and_are_noticed() -> None:
    labels: list[Row] = [
        {"query_id": "q1", "doc_id": "12", "grade": 1, "annotator_id": "ann@uk.example"},
        {"query_id": "q1", "doc_id": "12.0", "grade": 1, "annotator_id": "ann@us.example"},
        {"query_id": "q2", "doc_id": "x", "grade": 1, "annotator_id": "NULL"},
    ]
    found = loaded(["12", "12.0", "x"], labels)
    assert found.documents["doc_id"].to_list() == ["12", "12.0", "x"]
    assert found.human_labels["annotator_id"].n_unique() == 3
    assert sentences(found.notes) == [
        "documents.csv: 2 rows: doc_id is there in two spellings, which are kept as two: spell it alike everywhere if "
        "it is one (e.g. '12' and '12.0': one went through a column of fractions, line 2)",
        "human_labels.csv: 2 rows: annotator_id is there in two spellings, which are kept as two: spell it alike "
        "everywhere if it is one (e.g. 'ann@uk.example' and 'ann@us.example': logins of one name before the @, line 2)",
        "human_labels.csv: 1 row: annotator_id is spelled like no value and is kept as an id: leave it empty where "
        "there is none (e.g. 'NULL', line 4)",
    ]


@pytest.mark.parametrize(("was", "now"), [("a\nb", "a\r\nb"), ("a\r\nb\r\n", "a\nb\n")])
def test_line_ends_that_git_rewrote_are_named_for_the_grade_and_for_the_load(was: str, now: str) -> None:
    texts: list[Row] = [{"doc_id": doc, "text": now, "title": "T\n" if doc == "d2" else None} for doc in ("d1", "d2")]
    labels: list[Row] = [{"query_id": "q1", "doc_id": "d1", "grade": 1, "doc_version": doc_version(was)}]
    labels.append({"query_id": "q2", "doc_id": "d1", "grade": 1, "doc_version": doc_version("another")})
    inputs = healthy(documents=texts, human_labels=labels, evaluation=[])
    before = assemble(inputs, SCALE).documents.select("doc_id", "doc_version").clear()
    before = before.extend(before.clear()).vstack(
        assemble(healthy(documents=[{"doc_id": "d1", "text": was}], human_labels=[], evaluation=[]), SCALE)
        .documents.select("doc_id", "doc_version")
    )  # fmt: skip
    found = assemble(inputs, SCALE, before=before)
    assert found.quarantine["cause"].to_list() == [
        "graded on the text with other line ends", "graded on another text"
    ]  # fmt: skip
    [note] = found.notes.iter_rows(named=True)
    assert (note["column"], note["rows"], note["example"]) == ("text", 1, "'d1'")
    assert "line ends alone" in note["note"]
    assert assemble(inputs, SCALE, before=found.documents).notes.is_empty()
