"""assemble: what is accepted, what is rejected and why, and that the books add up."""

import datetime as dt
import json
import random

import polars as pl
import pytest

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import InputBooks, Limits, assemble, doc_version
from label_pipeline_tests.stages.seed.world import Raw, Row, documents, healthy, queries, raw

SCALE = Scale(0, 3)


def label(query: str = "q1", doc: str = "d1", who: str | None = "a1", grade: object = 1, **more: object) -> Row:
    return {"query_id": query, "doc_id": doc, "annotator_id": who, "grade": grade} | more


def document(**more: object) -> Row:
    return {"doc_id": "d9", "text": "x"} | more


def reasons(inputs: list[Raw], table: str, **options: object) -> list[tuple[int, str]]:
    limits = Limits(**options) if options else None  # type: ignore[arg-type]  # ints in this file
    found = assemble(inputs, SCALE, limits)
    assert found.balanced
    return [
        (line, reason) for line, reason in found.quarantine.filter(input=table).select("line", "reason").iter_rows()
    ]


def test_healthy_rows_become_the_declared_tables() -> None:
    inputs = healthy()
    before = [part.frame.clone() for part in inputs]
    found = assemble(inputs, SCALE)
    for table in ("queries", "documents", "human_labels", "evaluation", "quarantine"):
        frame: pl.DataFrame = getattr(found, table)
        assert frame.schema == TABLES[table].schema
    assert found.human_labels["annotator_id"].to_list() == ["a1", "a2", "a1"]
    assert [found.queries.height, found.documents.height, found.human_labels.height] == [3, 4, 3]
    assert found.quarantine.is_empty()
    assert found.human_labels["grade"].to_list() == [3, 2, 0]
    assert found.books[2] == InputBooks("human_labels", read=3, kept=3)
    assert all(part.frame.equals(old) for part, old in zip(inputs, before, strict=True))


def test_the_document_version_is_the_hash_of_title_and_text() -> None:
    # printf 'Title 1\n\ntext number 1' | sha256sum; printf 'text number 1' | sha256sum
    assert doc_version("text number 1", "Title 1") == "30ec2d2a788cd153"
    assert doc_version("text number 1") == "faab7d131c15608c"
    found = assemble(healthy(documents=[{"doc_id": "d1", "text": "text number 1", "title": "Title 1"}]), SCALE)
    assert found.documents["doc_version"].to_list() == ["30ec2d2a788cd153"]
    assert found.human_labels["doc_version"].unique().to_list() == ["30ec2d2a788cd153"]


@pytest.mark.parametrize(
    ("table", "rows", "line", "reason"),
    [
        ("queries", [*queries(), {"query": "no id"}], 5, "no query_id; expected an id"),
        ("queries", [*queries(), {"query_id": "q9", "query": " "}], 5, "empty query"),
        ("queries", [*queries(), {"query_id": "q\t9", "query": "x"}], 5, "query_id 'q?9' has control characters"),
        ("queries", [*queries(), {"query_id": "q9", "query": "x" * 10_001}], 5, "has 10001 characters"),
        ("documents", [*documents(), {"text": "x"}], 6, "no doc_id"),
        ("documents", [*documents(), {"doc_id": "d9", "title": "T"}], 6, "empty text"),
        ("documents", [*documents(), {"doc_id": "d9", "text": "word " * 53_000}], 6, "265000 characters"),
        ("documents", [*documents(), document(boundary="custmer")], 6, "boundary 'custmer' is unknown"),
        ("documents", [*documents(), {"problem": "found 2 fields, expected 3"}], 6, "found 2 fields, expected 3"),
        ("human_labels", [label(), label(query="q9")], 3, "query_id 'q9' (task 'relevance', collection 'main')"),
        ("human_labels", [label(), label(collection="mail")], 3, "collection 'mail') is not among"),
        ("human_labels", [label(), label(doc="d9")], 3, "doc_id 'd9' is not among the accepted documents"),
        ("human_labels", [label(), label(doc="d2", grade=4)], 3, "grade '4' is outside the scale; expected"),
        ("human_labels", [label(), label(doc="d2", grade=-1)], 3, "say so with a `grades:` mapping"),
        ("human_labels", [label(), label(doc="d2", grade="2.5")], 3, "grade '2.5' is not a whole number"),
        ("human_labels", [label(), label(doc="d2", grade="good")], 3, "grade 'good' is not a whole number"),
        ("human_labels", [label(), label(doc="d2", grade="1e300")], 3, "grade '1e300' is outside the scale"),
        ("human_labels", [label(), label(doc="d2", grade="inf")], 3, "grade 'inf' is not a whole number"),
        ("human_labels", [label(), label(doc="d2", grade=None)], 3, "no grade; expected a whole number 0 to 3"),
        ("human_labels", [label(), label()], 3, "repeats the grade of annotator 'a1' on line 2 of human_labels.csv"),
        ("human_labels", [label(who=None), label(who=" ")], 3, "map `annotator_id` to the column"),
        ("evaluation", [label(who=None), label(who=None, query="q9")], 3, "query_id 'q9'"),
        ("evaluation", [label(who=None), label(who=None, doc="d2", grade=7)], 3, "grade '7' is outside the scale"),
    ],
)  # fmt: skip
def test_one_bad_row_is_quarantined_with_line_and_reason(table: str, rows: list[Row], line: int, reason: str) -> None:
    if table == "evaluation":
        rows = [{name: value for name, value in row.items() if name != "annotator_id"} for row in rows]
    found = reasons(healthy(**{table: rows}), table)
    assert [number for number, _ in found] == [line]
    assert reason in found[0][1]


def test_contradicting_rows_are_all_rejected_because_nobody_knows_which_is_right() -> None:
    twice = [label(grade=1), label(grade=2), label(doc="d2")]
    found = reasons(healthy(human_labels=twice), "human_labels")
    assert [line for line, _ in found] == [2, 3]
    assert "more than once and differently (first on line 2 of human_labels.csv)" in found[1][1]
    texts: list[Row] = [*documents(), {"doc_id": "d1", "text": "another text"}]
    assert [line for line, _ in reasons(healthy(documents=texts), "documents")] == [2, 6]
    # and the grades of that document go with it: nobody knows which text they are of
    assert [line for line, _ in reasons(healthy(documents=texts), "human_labels")] == [2, 3]
    same: list[Row] = [*queries(), {"query_id": "q1", "query": "another"}]
    assert [line for line, _ in reasons(healthy(queries=same), "queries")] == [2, 5]
    pair = [{"query_id": "q3", "doc_id": "d3", "grade": g} for g in (1, 2)]
    assert "different evaluation grades" in reasons(healthy(evaluation=pair), "evaluation")[1][1]


def test_repeats_of_a_wide_file_are_merged_and_counted() -> None:
    pair = {"query_id": "q3", "doc_id": "d3", "grade": 1}
    found = assemble(healthy(queries=queries() * 3, documents=documents() * 2, evaluation=[pair] * 4), SCALE)
    assert found.quarantine.is_empty()
    assert [books.merged for books in found.books] == [6, 4, 0, 3]
    assert found.balanced


def test_the_same_document_in_two_contexts_is_two_pairs() -> None:
    rows = [label(), label(context_id="u1"), label(context_id="u2")]
    assert assemble(healthy(human_labels=rows), SCALE).human_labels.height == 3


def test_the_limit_on_a_document_counts_title_and_text() -> None:
    exact = [{"doc_id": "d1", "text": "x" * 8, "title": "t"}]  # 1 + 2 + 8 = 11
    assert reasons(healthy(documents=exact), "documents", document_chars=11) == []
    assert len(reasons(healthy(documents=exact), "documents", document_chars=10)) == 1


@pytest.mark.parametrize("table", ["human_labels", "evaluation"])
def test_customer_text_never_stays_among_human_grades(table: str) -> None:
    marked = [row | {"boundary": "Customer "} if row["doc_id"] == "d1" else row for row in documents()]
    rows: list[Row] = [{"query_id": "q1", "doc_id": doc, "grade": 1} for doc in ("d1", "d2")]
    found = assemble(healthy(documents=marked, **{table: rows}), SCALE)
    kept: pl.DataFrame = getattr(found, table)
    assert kept["doc_id"].to_list() == ["d2"]
    assert "document 'd1' is customer text" in found.quarantine.filter(input=table)["reason"][0]
    assert found.documents.filter(doc_id="d1")["boundary"].to_list() == ["customer"]


def test_one_customer_mark_is_enough_and_internal_is_none() -> None:
    rows = [{"doc_id": "d1", "text": "x"}, {"doc_id": "d1", "text": "x", "boundary": "customer"}]
    rows += [{"doc_id": "d2", "text": "y", "boundary": "internal"}]
    found = assemble(healthy(documents=rows), SCALE)
    assert found.documents.select("doc_id", "boundary").rows() == [("d1", "customer"), ("d2", None)]


def test_the_quarantine_shows_ids_and_grade_and_never_text() -> None:
    secret = "the merger is off"
    inputs = healthy(
        documents=[*documents(), {"doc_id": "d1", "text": secret, "title": secret}],
        queries=[*queries(), {"query_id": "q1", "query": secret}],
        human_labels=[label(grade=9, rationale=secret)],
    )
    found = assemble(inputs, SCALE)
    assert found.quarantine.height == 5
    assert secret not in str(found.quarantine.to_dicts())
    assert secret not in str([frame.to_dicts() for frame in found.read.values()])
    row = json.loads(found.quarantine.filter(input="human_labels")["row"][0])
    assert row == {
        "task": "relevance", "collection": "main", "query_id": "q1", "doc_id": "d1", "context_id": None,
        "annotator_id": "a1", "grade": "9",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("grades", "read", "expected"),
    [
        ({1: 0, 2: 1, 3: 2, 4: 3}, [1, 2, 3, 4], [0, 1, 2, 3]),
        ({0: 3, 1: 2, 2: 1, 3: 0}, [0, 1, 2, 3], [3, 2, 1, 0]),
        ({"0": 0, "1": 1, "2.0": 2, "3": 3, "-1": None}, ["0", "-1", "2", "2.0"], [0, None, 2, 2]),
        ({"bad": 0, "good": 3, "": None}, ["bad", "good", None, " good "], [0, 3, None, 3]),
    ],
)
def test_grades_of_another_scale_are_mapped(
    grades: dict[str | int, int | None], read: list[object], expected: list[int | None]
) -> None:
    rows = [label(doc=f"d{i}", grade=grade) for i, grade in enumerate(read, start=1)]
    inputs = [*(part for part in healthy() if part.table != "human_labels"), raw("human_labels", rows, grades=grades)]
    found = assemble(inputs, SCALE)
    assert found.quarantine.is_empty()
    assert found.human_labels["grade"].to_list() == [grade for grade in expected if grade is not None]
    assert found.books[2].not_judged == expected.count(None)
    assert found.balanced


def test_a_grade_the_mapping_forgets_or_maps_off_the_scale_is_quarantined() -> None:
    rows = [label(grade=1), label(doc="d2", grade=5), label(doc="d3", grade=4)]
    inputs = [part for part in healthy() if part.table != "human_labels"]
    found = assemble([*inputs, raw("human_labels", rows, grades={1: 0, 4: 4})], SCALE)
    assert "grade '5' is not in this input's `grades:` mapping (1, 4)" in found.quarantine["reason"][0]
    assert "grade '4', mapped to 4, is outside the scale" in found.quarantine["reason"][1]


def test_an_annotator_the_file_does_not_name_is_unknown() -> None:
    found = assemble(healthy(human_labels=[label(who=None), label()]), SCALE)
    assert found.human_labels["annotator_id"].to_list() == ["unknown", "a1"]


def test_a_reason_quotes_only_the_start_of_a_value() -> None:
    shifted = "a passage that slipped into the grade column " * 3
    reason = reasons(healthy(human_labels=[label(grade=shifted)]), "human_labels")[0][1]
    assert f"'{shifted[:60]}'" in reason
    assert shifted[:61] not in reason


def test_features_are_gathered_as_numbers_and_absent_ones_left_out() -> None:
    rows = [
        label(feature_b="1e-7", feature_a=" 2 ", incumbent_score="0.5"),
        label(doc="d2", feature_b="", feature_a="3"),
        label(doc="d3"),
    ]
    found = assemble(healthy(human_labels=rows), SCALE).human_labels
    parsed = [None if text is None else json.loads(text) for text in found["features"]]
    assert parsed == [{"feature_a": 2.0, "feature_b": 1e-7}, {"feature_a": 3.0}, None]
    assert found["incumbent_score"].to_list() == [0.5, None, None]


def test_two_files_of_one_name_are_told_apart() -> None:
    bad = [label(grade=9)]
    inputs = [*healthy(), raw("human_labels", bad), raw("human_labels", bad, source="more.csv")]
    found = assemble(inputs, SCALE)
    assert found.quarantine["source"].to_list() == ["human_labels.csv (2)", "more.csv"]


def test_created_on_accepts_days_and_moments() -> None:
    dates = ["2026-01-31", "2026-01-31T23:30:00-05:00", "2026-01-31 10:00:00+00:00", "2026-01-31 10:00:00.5"]
    rows: list[Row] = [{"doc_id": f"d{i}", "text": "x", "created_on": date} for i, date in enumerate(dates)]
    found = assemble(healthy(documents=rows), SCALE).documents
    day = dt.date(2026, 1, 31)
    assert found["created_on"].to_list() == [day, dt.date(2026, 2, 1), day, day]


def test_a_sample_takes_whole_pairs_and_the_same_ones_whatever_the_order() -> None:
    rows = [label(query, f"d{i}", who) for query in ("q1", "q2") for i in range(1, 5) for who in ("a1", "a2")]
    found = assemble(healthy(human_labels=rows), SCALE, pairs_per_query=3)
    pairs = found.human_labels.group_by("query_id", "doc_id").len()
    assert pairs["len"].unique().to_list() == [2]
    assert pairs.group_by("query_id").len()["len"].to_list() == [3, 3]
    assert found.books[2] == InputBooks("human_labels", read=16, kept=12, not_sampled=4)
    again = assemble(healthy(human_labels=rows[::-1]), SCALE, pairs_per_query=3).human_labels
    key = ["query_id", "doc_id", "annotator_id"]
    assert again.sort(key).equals(found.human_labels.sort(key))
    other: set[object] = set()
    for salt in "abcdef":
        sample = assemble(healthy(human_labels=rows), SCALE, pairs_per_query=3, salt=salt).human_labels
        other |= set(sample.select("query_id", "doc_id").rows())
    assert len(other) == 8
    assert assemble(healthy(human_labels=rows), SCALE, pairs_per_query=9).human_labels.height == 16


def test_only_valid_rows_compete_for_a_place_in_the_sample() -> None:
    rows = [label(doc=f"d{i}", grade=9 if i < 4 else 1) for i in range(1, 5)]
    assert assemble(healthy(human_labels=rows), SCALE, pairs_per_query=1).human_labels["doc_id"].to_list() == ["d4"]


def spoil(row: Row, rng: random.Random) -> Row:
    """The row with one fault, or none."""
    faults: list[Row] = [
        {}, {}, {}, {"query_id": None}, {"doc_id": "d999"}, {"doc_id": None}, {"query_id": "q999"}, {"grade": 9},
        {"grade": "x"}, {"grade": None}, {"grade": -1}, {"grade": "2.0"}, {"problem": "broken"}, {"feature_a": "?"},
        {"text": ""}, {"text": "x" * 300}, {"query": None}, {"boundary": "customer"}, {"boundary": "??"},
        {"created_on": "x"}, {"annotator_id": None}, {"context_id": "u1"}, {"title": "other"},
    ]  # fmt: skip
    fault = rng.choice(faults)
    return row | {name: value for name, value in fault.items() if name in row or name in ("problem", "context_id")}


@pytest.mark.parametrize("seed", range(25))
def test_the_books_add_up_whatever_is_wrong(seed: int) -> None:
    rng = random.Random(seed)

    def some(rows: list[Row], n: int) -> list[Row]:
        return [spoil(row, rng) for row in rng.choices(rows, k=n)]

    everything = {"boundary": None, "created_on": None}
    pairs = [
        {"query_id": f"q{q}", "doc_id": f"d{d}", "grade": rng.randint(0, 3), "feature_a": "1"}
        for q in range(1, 6)
        for d in range(1, 9)
    ]
    labels = [pair | {"annotator_id": who} for pair in pairs for who in ("a1", "a2")]
    inputs = [
        raw("queries", queries(5) + some(queries(5), rng.randint(0, 8))),
        raw("documents", documents(8) + some([row | everything for row in documents(8)], rng.randint(0, 12))),
        raw("human_labels", some(labels, 120), grades={-1: None, 0: 0, 1: 1, 2: 2, 3: 3} if seed % 2 else None),
        raw("human_labels", some(labels, 20), source="second.csv"),
        raw("evaluation", some(pairs, 60)),
    ]
    found = assemble(inputs, SCALE, Limits(document_chars=200), pairs_per_query=rng.choice([None, 2, 5]))
    tables = (found.queries, found.documents, found.human_labels, found.evaluation)
    for books, table in zip(found.books, tables, strict=True):
        assert books.balanced, books.sentence
        assert books.read == sum(part.frame.height for part in inputs if part.table == books.input)
        assert books.kept == table.height
        assert books.quarantined == found.quarantine.filter(input=books.input).height
    assert found.books[2].quarantined > 10
    assert (found.quarantine["reason"].str.len_chars() > 5).all()
    customer = found.documents.filter(boundary="customer")["doc_id"]
    assert not found.human_labels["doc_id"].is_in(customer.implode()).any()
    assert not found.evaluation["doc_id"].is_in(customer.implode()).any()


def test_unbalanced_books_say_so() -> None:
    books = InputBooks("queries", read=5, kept=3, quarantined=1)
    assert not books.balanced
    assert books.sentence == "queries: 5 rows read = 3 kept, 1 quarantined (does NOT add up)"
