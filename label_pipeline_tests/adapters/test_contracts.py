"""The Great Expectations suites: silent on healthy rows, and each clause seen to fire with the offender's line."""

import polars as pl
import pytest

from label_pipeline.adapters.contracts import ContractLimits, ContractResult, clauses, validate
from label_pipeline.core.errors import TableError
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import assemble, assemble_candidates
from label_pipeline_tests.stages.seed.world import Row, documents, healthy, queries, raw

BOUNDS = ContractLimits(Scale(0, 3))


def contract(table: str, rows: list[Row]) -> ContractResult:
    if table == "candidates":
        seed = assemble(healthy(), Scale(0, 3))
        read = assemble_candidates([raw(table, rows)], seed.queries, seed.documents).read
    else:
        read = assemble(healthy(**{table: rows}), Scale(0, 3)).read[table]
    return validate(table, read, BOUNDS)


def label(doc: str = "d1", **more: object) -> Row:
    return {"query_id": "q1", "doc_id": doc, "annotator_id": "a1", "grade": 1} | more


GOOD: dict[str, list[Row]] = {
    "queries": queries(),
    "documents": documents(),
    "human_labels": [label(), label("d2"), label(context_id="u1"), label(annotator_id="a2")],
    "evaluation": [{"query_id": "q1", "doc_id": "d1", "grade": 3}],
    "candidates": [{"query_id": "q1", "doc_id": "d1", "arrived_on": "2026-01-31T10:00:00Z"}],
}

BAD: list[tuple[str, Row, str]] = [
    ("queries", {"query": "x"}, "query_id is present"),
    ("queries", {"query_id": "a\tb", "query": "x"}, "query_id is printable"),
    ("queries", {"query_id": "q1", "query": "x"}, "one row a query"),
    ("queries", {"query_id": "q9"}, "the query is not empty"),
    ("queries", {"query_id": "q9", "query": "x" * 10_001}, "the query has at most 10000 characters"),
    ("documents", {"text": "x"}, "doc_id is present"),
    ("documents", {"doc_id": "a\nb", "text": "x"}, "doc_id is printable"),
    ("documents", {"doc_id": "a\n", "text": "x"}, "doc_id is printable"),
    ("documents", {"doc_id": "d1", "text": "x"}, "one row a document"),
    ("documents", {"doc_id": "d9"}, "the text is not empty"),
    ("documents", {"doc_id": "d9", "text": "x" * 100_001}, "the text has at most 100000 characters"),
    ("human_labels", label(query_id=None), "query_id is present"),
    ("human_labels", label(query_id="a\x7f"), "query_id is printable"),
    ("human_labels", label(doc_id=None), "doc_id is present"),
    ("human_labels", label(doc_id="x" * 513), "doc_id is printable"),
    ("human_labels", label("d3", query_id="q9"), "the query is known"),
    ("human_labels", label("d9"), "the document is known"),
    ("human_labels", label("d3", grade="good"), "the grade is a number"),
    ("human_labels", label("d3", grade="2.5"), "the grade is one of 0 to 3"),
    ("human_labels", label("d3", grade=4), "the grade is one of 0 to 3"),
    ("human_labels", label("d3", annotator_id="a\x01"), "annotator_id is printable"),
    ("human_labels", label(), "one grade a (pair, annotator)"),
    ("evaluation", {"query_id": "q1", "doc_id": "d1", "grade": 0}, "one grade a pair"),
    ("evaluation", {"query_id": "q1", "doc_id": "d2", "grade": 9}, "the grade is one of 0 to 3"),
    ("candidates", {"query_id": "q1", "doc_id": "d2", "arrived_on": "soon"}, "arrived_on is a day"),
    ("candidates", {"query_id": "q1", "doc_id": "d2"}, "arrived_on is present"),
    ("candidates", {"query_id": "q1", "doc_id": "d9", "arrived_on": "2026-01-31"}, "the document is known"),
]  # fmt: skip


@pytest.mark.parametrize("table", GOOD)
def test_healthy_rows_keep_the_contract(table: str) -> None:
    found = contract(table, GOOD[table])
    assert found.success, found.failures
    assert [result.name for result in found.expectations] == [clause.name for clause in clauses(table, BOUNDS)]
    assert found.rows == len(GOOD[table])


@pytest.mark.parametrize(("table", "row", "clause"), BAD, ids=[f"{table}: {clause}" for table, _, clause in BAD])
def test_a_bad_row_breaks_its_clause_and_is_shown(table: str, row: Row, clause: str) -> None:
    found = contract(table, [*GOOD[table], row])
    assert not found.success
    broken = {result.name: result for result in found.failures}
    assert clause in broken
    last = broken[clause].examples[-1]
    assert (last["source"], last["line"]) == (f"{table}.csv", len(GOOD[table]) + 2)
    assert broken[clause].unexpected_count in (1, 2)  # a duplicate counts both rows


def test_customer_text_among_human_grades_breaks_the_contract() -> None:
    marked: list[Row] = [row | {"boundary": "customer"} for row in documents()]
    for table in ("human_labels", "evaluation"):
        read = assemble(healthy(documents=marked), Scale(0, 3)).read[table]
        broken = [result.name for result in validate(table, read, BOUNDS).failures]
        assert broken == ["no customer text among human grades"]


def test_repeats_unjudged_rows_and_mapped_grades_do_not_break_it() -> None:
    inputs = healthy(documents=documents() * 2, human_labels=[])
    inputs.append(raw("human_labels", [label(grade=-1), label("d2", grade=4)], grades={-1: None, 4: 3}))
    read = assemble(inputs, Scale(0, 3)).read
    assert validate("documents", read["documents"], BOUNDS).success
    assert validate("human_labels", read["human_labels"], BOUNDS).success


def test_rows_without_an_id_are_missing_it_and_no_repeats_of_each_other() -> None:
    found = contract("human_labels", [*GOOD["human_labels"], label(doc_id=None), label(doc_id=None)])
    broken = {result.name for result in found.failures}
    assert broken == {"doc_id is present", "the document is known"}


def test_examples_are_few_short_and_hold_no_text() -> None:
    secret = "the merger is off " * 10
    rows: list[Row] = [{"doc_id": f"d{i}", "text": secret * 600, "title": secret} for i in range(30)]
    rows.append({"doc_id": secret + "\n", "text": secret})
    found = contract("documents", rows)
    length = next(result for result in found.failures if "characters" in result.name)
    assert (length.unexpected_count, len(length.examples)) == (30, 10)
    assert length.examples[0] == {"source": "documents.csv", "line": 2, "doc_id": "d0", "text_chars": 108_182}
    assert max(len(str(value)) for result in found.failures for row in result.examples for value in row.values()) <= 60


def test_a_contract_that_cannot_run_is_an_error_not_bad_data() -> None:
    with pytest.raises(TableError, match=r"the frame lacks \['query_chars'\]"):
        validate(
            "queries", pl.DataFrame(schema={"query_id": pl.String, "task": pl.String, "collection": pl.String}), BOUNDS
        )
    with pytest.raises(TableError, match="there is no input contract for 'labels'"):
        clauses("labels", BOUNDS)


def test_an_empty_table_keeps_its_contract_and_so_do_300000_rows() -> None:
    assert contract("evaluation", []).success
    n = 300_000
    constant = {
        "source": "c.csv",
        "task": "relevance",
        "collection": "main",
        "query_id": "q1",
        "arrived_on": "2026-01-31",
    }
    frame = pl.DataFrame({"line": range(n)}).with_columns(
        *(pl.lit(value).alias(name) for name, value in constant.items()),
        pl.format("d{}", pl.col("line")).alias("doc_id"),
        pl.lit(None, dtype=pl.String).alias("context_id"),
        pl.lit(True).alias("query_known"),
        pl.lit(True).alias("document_known"),
    )
    found = validate("candidates", frame, BOUNDS)
    assert found.success
