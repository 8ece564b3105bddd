"""Reading the formats: values, lines, mapping, and the rows that cannot be read."""

import datetime as dt
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters.files import FIELDS, InputSpec, read_rows
from label_pipeline.adapters.files.tabular import parse_csv
from label_pipeline.core.catalogue import TABLES

LABELS = "query_id,doc_id,grade,annotator_id\nq1,d1,3,a1\nq1,d2,0,a2\n"


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


MADE_HERE = {"doc_version", "features", "grade_mean", "rubric_label"}


def test_the_columns_read_are_those_of_the_declared_tables() -> None:
    for table, fields in FIELDS.items():
        declared = {column.name for column in TABLES[table].columns} - MADE_HERE
        assert set(fields.names) - {"doc_version", "rubric_version"} == declared, table
        assert fields.features == ("features" in TABLES[table].schema)


def test_csv_rows_keep_their_line_and_absent_columns_are_null(tmp_path: Path) -> None:
    raw = read_rows(InputSpec(write(tmp_path, "labels.csv", LABELS), "human_labels"))
    assert (raw.table, raw.source, raw.unread) == ("human_labels", "labels.csv", ())
    assert raw.frame.select("query_id", "doc_id", "grade", "annotator_id", "line").rows() == [
        ("q1", "d1", "3", "a1", 2),
        ("q1", "d2", "0", "a2", 3),
    ]
    assert raw.frame["task"].to_list() == ["relevance"] * 2
    assert raw.frame["collection"].to_list() == ["main"] * 2
    for absent in ("rationale", "context_id", "incumbent_score", "problem"):
        assert raw.frame[absent].null_count() == 2


def test_the_same_rows_come_from_csv_tsv_jsonl_and_parquet(tmp_path: Path) -> None:
    tsv = write(tmp_path, "labels.tsv", LABELS.replace(",", "\t"))
    semicolons = write(tmp_path, "semi.csv", LABELS.replace(",", ";"))
    jsonl = write(
        tmp_path,
        "labels.jsonl",
        '{"query_id": "q1", "doc_id": "d1", "grade": 3, "annotator_id": "a1"}\n\n'
        '{"query_id": "q1", "doc_id": "d2", "grade": 0, "annotator_id": "a2"}\n',
    )
    parquet = tmp_path / "labels.parquet"
    frame = pl.DataFrame(
        {"query_id": ["q1", "q1"], "doc_id": ["d1", "d2"], "grade": [3, 0], "annotator_id": ["a1", "a2"]}
    )
    frame.write_parquet(parquet)
    wanted = read_rows(InputSpec(write(tmp_path, "labels.csv", LABELS), "human_labels")).frame.drop("line")
    lines = {tsv: [2, 3], semicolons: [2, 3], jsonl: [1, 3], parquet: [1, 2]}
    for path, numbers in lines.items():
        delimiter = ";" if path == semicolons else None
        found = read_rows(InputSpec(path, "human_labels", delimiter=delimiter)).frame
        assert found.drop("line").equals(wanted), path
        assert found["line"].to_list() == numbers, path


def test_a_quoted_field_may_hold_lines_and_the_next_row_keeps_its_true_line(tmp_path: Path) -> None:
    text = 'doc_id,text\nd1,"one\ntwo ""quoted"""\n\nd2,three\n'
    raw = read_rows(InputSpec(write(tmp_path, "docs.csv", text), "documents"))
    assert raw.frame.select("doc_id", "text", "line").rows() == [("d1", 'one\ntwo "quoted"', 2), ("d2", "three", 5)]


def test_a_byte_order_mark_is_no_part_of_the_first_column_name(tmp_path: Path) -> None:
    raw = read_rows(InputSpec(write(tmp_path, "q.csv", "\ufeffquery_id,query\nq1,x\n"), "queries"))
    assert raw.frame["query_id"].to_list() == ["q1"]


def test_another_encoding_is_read_when_named(tmp_path: Path) -> None:
    path = write(tmp_path, "q.csv", "query_id,query\nq1,straße\n".encode("latin-1"))
    assert read_rows(InputSpec(path, "queries", encoding="latin-1")).frame["query"].to_list() == ["straße"]


@pytest.mark.parametrize(
    ("name", "content", "line", "problem"),
    [
        ("l.csv", "query_id,doc_id,grade\nq1,d1\nq1,d2,1\n", 2, "found 2 fields, expected 3"),
        ("l.csv", "query_id,doc_id,grade\nq1,d2,1\nq1,d1,1,x\n", 3, "found 4 fields, expected 3"),
        ("l.csv", 'query_id,doc_id,grade\nq1,"d1"x,1\nq1,d2,1\n', 2, "not one CSV row"),
        ("l.jsonl", '{"query_id": "q1", "doc_id"\n{"query_id": "q1", "doc_id": "d2", "grade": 1}', 1, "not valid JSON"),
        ("l.jsonl", '{"query_id": "q1", "doc_id": "d2", "grade": 1}\n[1]', 2, "found a JSON list"),
        ("l.jsonl", '{"query_id": "q1", "doc_id": "d2", "grade": 1}\n{"doc_id": "\\ud800"}', 2, "surrogate"),
        ("l.qrels", "q1 0 d2 1\nq1 d1 1\n", 2, "found 3 fields, expected 4"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_a_problem_not_a_crash(
    tmp_path: Path, name: str, content: str, line: int, problem: str
) -> None:
    frame = read_rows(InputSpec(write(tmp_path, name, content), "human_labels")).frame
    assert frame.height == 2
    bad, good = frame.filter(pl.col("problem").is_not_null()), frame.filter(pl.col("problem").is_null())
    assert bad["line"].to_list() == [line]
    assert problem in bad["problem"][0]
    assert bad.select("query_id", "doc_id", "grade").row(0) == (None, None, None)
    assert good.select("query_id", "doc_id", "grade").row(0) == ("q1", "d2", "1")


def test_a_passage_of_265000_characters_is_read_whole(tmp_path: Path) -> None:
    passage = "word " * 53_000
    raw = read_rows(InputSpec(write(tmp_path, "d.csv", f"doc_id,text\nd1,{passage}\n"), "documents"))
    assert raw.frame["text"].str.len_chars().to_list() == [265_000]


def test_a_wide_file_serves_several_tables_and_its_collection_is_not_ours_unless_mapped(tmp_path: Path) -> None:
    path = write(
        tmp_path, "wide.csv", "collection,qid,docid,query,passage,rel,feature_x\ndl19,q1,d1,what,a text,2,0.5\n"
    )
    queries = read_rows(InputSpec(path, "queries", columns={"query_id": "qid"}))
    assert queries.frame.select("query_id", "query", "collection").row(0) == ("q1", "what", "main")
    assert queries.unread == ("collection", "docid", "passage", "rel", "feature_x")
    documents = read_rows(InputSpec(path, "documents", columns={"doc_id": "docid", "text": "passage"}))
    assert documents.frame.select("doc_id", "text").row(0) == ("d1", "a text")
    assert "collection" not in documents.frame.columns
    mapping = {"query_id": "qid", "doc_id": "docid", "grade": "rel", "collection": "collection", "feature_y": "rel"}
    labels = read_rows(InputSpec(path, "human_labels", columns=mapping)).frame
    assert labels.select("collection", "grade", "feature_x", "feature_y").row(0) == ("dl19", "2", "0.5", "2")


def test_without_a_mapping_a_collection_column_is_read_and_blanks_get_the_default(tmp_path: Path) -> None:
    path = write(tmp_path, "q.csv", "query_id,query,collection\nq1,x,mail\nq2,y,\n")
    assert read_rows(InputSpec(path, "queries", collection="wiki")).frame["collection"].to_list() == ["mail", "wiki"]


def test_parquet_types_become_text_without_surprises(tmp_path: Path) -> None:
    path = tmp_path / "c.parquet"
    pl.DataFrame(
        {
            "query_id": [7, 8],
            "doc_id": [1.0, None],  # pandas makes ids float when one is missing
            "arrived_on": [dt.datetime(2026, 1, 1, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-5)))] * 2,
            "feature_x": [0.1, float("nan")],
            "incumbent_score": [1e-7, 2.5],
        },
        schema_overrides={"arrived_on": pl.Datetime("us", "America/New_York")},
    ).write_parquet(path)
    frame = read_rows(InputSpec(path, "candidates")).frame
    assert frame.select("query_id", "doc_id", "arrived_on", "feature_x", "incumbent_score").rows() == [
        ("7", "1", "2026-01-02", "0.1", "1e-7"),
        ("8", None, "2026-01-02", None, "2.5"),
    ]


TOPICS = {
    "classic": """<top>
<num> Number: 301
<title> International
Organized Crime
<desc> Description:
Identify organizations.
<narr> Narrative: All of it.
</top>

<top>
<num> Number: 302
<title> Poliomyelitis
</top>
""",
    "xml": """<?xml version="1.0"?>
<topics>
<topic number="301"><title>International Organized Crime</title></topic>



<!-- -->


<topic number="302">
<title>Poliomyelitis</title></topic></topics>""",
    "tab": "301\tInternational Organized Crime\n\n\n\n\n\n\n\n\n302\tPoliomyelitis\n",
}


@pytest.mark.parametrize("style", TOPICS)
def test_topics_in_three_styles(tmp_path: Path, style: str) -> None:
    raw = read_rows(InputSpec(write(tmp_path, "t.topics", TOPICS[style]), "queries"))
    assert raw.frame.select("query_id", "query").rows() == [
        ("301", "International Organized Crime"),
        ("302", "Poliomyelitis"),
    ]
    assert raw.frame["line"].to_list() == ([3, 10] if style == "xml" else [1, 10])


def test_another_part_of_a_topic_can_be_the_query(tmp_path: Path) -> None:
    path = write(tmp_path, "topics.txt", TOPICS["classic"])
    raw = read_rows(InputSpec(path, "queries", format="trec_topics", columns={"query": "description"}))
    assert raw.frame["query"].to_list() == ["Identify organizations.", None]


def test_qrels(tmp_path: Path) -> None:
    path = write(tmp_path, "dl.txt", "301 0 d1 2\n\n301\tQ0\td2   -1\r\n")
    frame = read_rows(InputSpec(path, "human_labels", format="trec_qrels")).frame
    assert frame.select("query_id", "doc_id", "grade", "line").rows() == [("301", "d1", "2", 1), ("301", "d2", "-1", 3)]


def test_300000_candidate_rows_are_read_each_with_its_line() -> None:
    rows = "".join(f"q{i % 3000},d{i // 7},2026-01-0{i % 9 + 1},{i / 7}\n" for i in range(300_000))
    records = parse_csv("query_id,doc_id,arrived_on,feature_a\n" + rows, ",", "c.csv")
    assert records.columns.height == 300_000
    assert records.lines[-1] == 300_001
