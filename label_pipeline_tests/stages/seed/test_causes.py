"""A file with one thing wrong in 40,000 rows says it once."""

import polars as pl

from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import assemble, cause_lines
from label_pipeline_tests.stages.seed.world import Row, documents, healthy


def test_one_mistake_is_one_line_whatever_the_ids_are_called_the_commonest_first() -> None:
    names = ["d1", "d'2", 'd"3', "d4;"]
    rows: list[Row] = [
        {"query_id": "q1", "doc_id": name, "annotator_id": f"a'{i};", "grade": f"2.{i + 1}"}
        for i in range(300)
        for name in names
    ]
    rows += [{"query_id": "q9", "doc_id": "d1", "grade": 1}, {"query_id": "q1", "doc_id": "d1", "grade": 9}]
    found = assemble(healthy(human_labels=rows), Scale(0, 3))
    assert cause_lines(found.quarantine) == [
        "1,200 rows of human_labels: grade is not whole (the first, human_labels.csv:2: grade '2.1' is not a whole "
        "number; expected a whole number 0 to 3: correct it, map it under `grades:`, or, where it is the mean of "
        "several people, name no annotator and say of how many in column n_grades)",
        "1 row of human_labels: its query is not in the queries (human_labels.csv:1202: query_id 'q9' (task "
        "'relevance', collection 'main') is not among the accepted queries; add it to the queries file, or correct "
        "the id)",
        "1 row of human_labels: grade is outside the scale (human_labels.csv:1203: grade '9' is outside the scale; "
        "expected a whole number 0 to 3, and grades are never clipped: if the file uses another scale, say so with a "
        "`grades:` mapping on this input)",
    ]


def test_judgments_of_a_document_that_was_rejected_are_one_line_and_name_it() -> None:
    texts = [row | {"text": "x" * 200_000} if row["doc_id"] == "d1" else row for row in documents()]
    found = assemble(healthy(documents=texts), Scale(0, 3))
    assert cause_lines(found.quarantine)[0] == (
        "2 rows of human_labels: its document is set aside itself (the first, human_labels.csv:2: its document 'd1' is "
        "set aside itself; mend the document, and this row counts)"
    )
    assert found.books[2].foreign == 0, "of this project, and counted as such"


def test_rows_of_older_versions_are_told_by_their_reason() -> None:
    rows = {
        "input": "queries",
        "source": "q.csv",
        "reason": ["query 'a' has 3 words; mend", "query 'b' has 4 words; mend"],
    }
    old = pl.DataFrame(rows | {"line": [7, 8], "cause": pl.Series([None, None], dtype=pl.String)})
    assert cause_lines(old) == [
        "2 rows of queries: query .. has .. words (the first, q.csv:7: query 'a' has 3 words; mend)"
    ]


def test_nothing_rejected_says_nothing() -> None:
    assert cause_lines(assemble(healthy(), Scale(0, 3)).quarantine) == []
