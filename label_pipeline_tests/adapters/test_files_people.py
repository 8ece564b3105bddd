"""Files as other tools keep judgements: a column a person, LETOR lines, nested JSON, rated requests, BEIR folders."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters.files import InputSpec, RawRows, read_rows
from label_pipeline.adapters.files.beir import beir_files
from label_pipeline.adapters.files.nested import exploded, found_at, steps_of
from label_pipeline.adapters.files.spec import InputTable
from label_pipeline.core.errors import InputError

REQUESTS = {
    "requests": [
        {
            "id": "amsterdam",
            "request": {"query": {"match": {"text": "hotels in amsterdam"}}},
            "ratings": [{"_index": "i", "_id": "d1", "rating": 0}, {"_index": "i", "_id": "d2", "rating": 3}],
        },
        {"id": "none yet", "request": {"query": {"match": {"text": "?"}}}, "ratings": []},
        {"id": "berlin", "request": {"query": {"match": {"text": "hotels in berlin"}}},
         "ratings": [{"_index": "i", "_id": "d1", "rating": 1}]},
    ],
    "metric": {"precision": {"k": 20}},
}  # fmt: skip
"""A request of Elasticsearch's and OpenSearch's ranking evaluation, in the shape of their manuals."""

LABEL_STUDIO = [
    {
        "id": 7,
        "data": {"qid": "q1", "doc": {"id": "d1"}},
        "annotations": [
            {"completed_by": {"email": "ann@x.org"}, "result": [{"value": {"choices": ["3"]}}]},
            {"completed_by": {"email": "bea@x.org"}, "result": []},
        ],
    }
]
CHOSEN = {
    "query_id": "data.qid", "doc_id": "data.doc.id", "annotator_id": "annotations.completed_by.email",
    "grade": "annotations.result[0].value.choices[0]",
}  # fmt: skip


def read(folder: Path, name: str, content: str, table: InputTable = "human_labels", **more: object) -> RawRows:
    (folder / name).write_text(content, encoding="utf-8")
    return read_rows(InputSpec(folder / name, table, **more))  # type: ignore[arg-type]  # settings of this file


def rows(found: RawRows, *names: str) -> list[tuple[object, ...]]:
    return found.frame.select(names or ("query_id", "doc_id", "grade")).rows()


# a column a person


def test_a_wide_sheet_gives_a_row_for_every_grade_of_every_person(tmp_path: Path) -> None:
    sheet = "query_id,doc_id,Ann,Bea,grade\nq1,d1,3,,9\nq1,d2,0,1,9\nq1,d3,, ,9\nbroken\n"
    found = read(tmp_path, "wide.csv", sheet, melt=("Ann", "Bea"))
    assert rows(found, "line", "doc_id", "annotator_id", "grade") == [
        (2, "d1", "Ann", "3"), (3, "d2", "Ann", "0"), (3, "d2", "Bea", "1"),
        (4, "d3", None, None),  # nobody graded it, which is told by line
        (5, None, None, None),
    ]  # fmt: skip
    assert found.frame["problem"].null_count() == found.frame.height - 1


def test_a_wide_sheet_in_numbers_is_the_same_and_a_column_that_is_not_there_is_named(tmp_path: Path) -> None:
    frame = pl.DataFrame({"query_id": ["q", "q"], "doc_id": ["a", "b"], "Ann": [2.0, None], "Bea": [1, 0]})
    frame.write_parquet(tmp_path / "wide.parquet")
    spec = InputSpec(tmp_path / "wide.parquet", "human_labels", melt=("Ann", "Bea"))
    assert rows(read_rows(spec), "doc_id", "annotator_id", "grade") == [
        ("a", "Ann", "2"), ("a", "Bea", "1"), ("b", "Bea", "0"),
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"no column 'Cem', which `melt:` names; the file has query_id, doc_id, Ann"):
        read_rows(InputSpec(tmp_path / "wide.parquet", "human_labels", melt=("Ann", "Cem")))


# inside JSON


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b[1]", (2,)), ("a.b[-1]", (2,)), ("a.b[2]", None), ("a.b[-3]", None), ("a.c", (None,)), ("a.d", None),
        ("a[0]", None), ("a.b.c", None), ("e[0][0].f", ("x",)), ("a..b", None), ("x.y", None),
    ],
)  # fmt: skip
def test_a_path_leads_to_a_value_or_nowhere(path: str, found: tuple[object] | None) -> None:
    record = {"a": {"b": [1, 2], "c": None}, "e": [[{"f": "x"}]]}
    assert found_at(record, steps_of(path)) == found


@pytest.mark.parametrize("name", ["l.json", "l.jsonl"])
def test_columns_may_be_paths_and_a_key_of_that_very_name_goes_before(tmp_path: Path, name: str) -> None:
    records = [
        {"q.id": "q1", "q": {"id": "no"}, "d": [{"id": "d1"}], "result": {"choices": [3]}},
        {"q.id": "q1", "d": [{"id": "d2"}], "result": None},
    ]
    text = json.dumps(records) if name == "l.json" else "\n".join(map(json.dumps, records))
    mapped = {"query_id": "q.id", "doc_id": "d[0].id", "grade": "result.choices[0]"}
    found = read(tmp_path, name, text, columns=mapped)
    assert rows(found) == [("q1", "d1", "3"), ("q1", "d2", None)]
    with pytest.raises(InputError, match=r"no column 'result\.choice\[0\]' for human_labels; the file has q\.id, q, d"):
        read(tmp_path, name, text, columns=mapped | {"grade": "result.choice[0]"})


def test_rated_requests_are_queries_and_their_ratings_human_labels(tmp_path: Path) -> None:
    text = json.dumps(REQUESTS)
    mapped = {"query_id": "id", "doc_id": "ratings._id", "grade": "ratings.rating"}
    labels = read(tmp_path, "rated.json", text, columns=mapped, explode="ratings")
    assert rows(labels, "line", "query_id", "doc_id", "grade") == [
        (1, "amsterdam", "d1", "0"), (1, "amsterdam", "d2", "3"), (3, "berlin", "d1", "1"),
    ]  # fmt: skip
    asked = {"query_id": "id", "query": "request.query.match.text"}
    queries = read(tmp_path, "rated.json", text, "queries", columns=asked)
    assert rows(queries, "query_id", "query")[0] == ("amsterdam", "hotels in amsterdam")
    assert queries.unread == ("ratings",)
    with_templates = json.dumps({"templates": [{"id": "t"}], **REQUESTS})
    assert rows(read(tmp_path, "t.json", with_templates, columns=mapped, explode="ratings")) == rows(labels)


def test_every_annotation_of_a_task_is_a_row(tmp_path: Path) -> None:
    found = read(tmp_path, "export.json", json.dumps(LABEL_STUDIO), columns=CHOSEN, explode="annotations")
    assert rows(found, "query_id", "doc_id", "annotator_id", "grade") == [
        ("q1", "d1", "ann@x.org", "3"), ("q1", "d1", "bea@x.org", None),
    ]  # fmt: skip


def test_ratings_kept_by_document_are_key_and_value(tmp_path: Path) -> None:
    book = {"queries": [{"query": "star wars", "ratings": {"11": 3, "12": 0}}]}
    mapped = {"query_id": "query", "doc_id": "ratings.key", "grade": "ratings.value"}
    assert rows(read(tmp_path, "book.json", json.dumps(book), columns=mapped, explode="ratings")) == [
        ("star wars", "11", "3"), ("star wars", "12", "0"),
    ]  # fmt: skip


def test_one_item_takes_the_place_of_its_list_and_the_record_is_left_as_it_was() -> None:
    record = {"a": [{"b": [1, 2]}, {"b": [9]}], "c": 0}
    parts = exploded(record, "a[0].b")
    assert parts == [{"a": [{"b": 1}, {"b": [9]}], "c": 0}, {"a": [{"b": 2}, {"b": [9]}], "c": 0}]
    assert record == {"a": [{"b": [1, 2]}, {"b": [9]}], "c": 0}


def test_what_cannot_be_exploded_is_told(tmp_path: Path) -> None:
    mapped = {"query_id": "q", "doc_id": "r.d", "grade": "r.g"}
    text = '{"q": "a", "r": [{"d": "x", "g": 1}]}\n{"q": "b"}\n{"q": "c", "r": 5}\n{"q": "d", "r": null}\n'
    found = read(tmp_path, "l.jsonl", text, columns=mapped, explode="r").frame
    assert found["line"].to_list() == [1, 2, 3], "null is an empty list"
    assert [problem is None for problem in found["problem"]] == [True, False, False]
    with pytest.raises(InputError, match="no record holds a list at 'ratings'"):
        read(tmp_path, "l.jsonl", text, columns=mapped, explode="ratings")
    with pytest.raises(InputError, match="is read as csv, and `explode:` is for JSON"):
        read(tmp_path, "l.csv", "query_id,doc_id,grade\nq,d,1\n", explode="r")


# LETOR


LETOR = """\
# qid:10: hotels
2 qid:10 1:0.3 2:0.5 # doc-1
0 qid:10 2:-1e-3 #docid = doc-2 inc = 1 prob = 0.08
1 qid:11 1:NULL #\t7555\tRambo
1 qid:11 1:1
1 qid:11 1:1 1:2 # twice
nothing
"""


@pytest.mark.parametrize(("name", "stated"), [("fold1.txt", None), ("train.dat", None), ("l.csv", "letor")])
def test_letor_lines_are_grades_with_features_and_a_feature_left_out_is_zero(
    tmp_path: Path, name: str, stated: str | None
) -> None:
    found = read(tmp_path, name, LETOR, format=stated)
    assert rows(found, "line", "query_id", "doc_id", "grade", "feature_1", "feature_2")[:3] == [
        (2, "10", "doc-1", "2", "0.3", "0.5"), (3, "10", "doc-2", "0", "0", "-1e-3"),
        (4, "11", "7555", "1", "NULL", "0"),
    ]  # fmt: skip
    assert [(problem or "read")[:17] for problem in found.frame["problem"]] == [
        "read", "read", "read", "names no document", "has a feature wit", "is no line of LET",
    ]  # fmt: skip
    assert found.frame["feature_1"].to_list()[3:] == [None] * 3


def test_letor_lines_may_be_candidates(tmp_path: Path) -> None:
    found = read(tmp_path, "pool.txt", LETOR, "candidates")
    assert rows(found, "query_id", "doc_id", "feature_1")[0] == ("10", "doc-1", "0.3")
    assert found.unread == ("grade",)


# BEIR


CORPUS = (
    '{"_id": "1", "title": "Mine", "text": "body", "metadata": {}}\n'
    '{"_id": "2", "title": "A title alone", "text": ""}\n{"_id": "3", "title": "", "text": " "}\n'
)
QRELS = "query-id\tcorpus-id\tscore\nq1\t1\t2\nq1\t2\t0\n"


def folder(tmp_path: Path, packed: str = "") -> Path:
    """A small dataset, its corpus and queries packed where ``packed`` is ``.gz``."""
    (tmp_path / "qrels").mkdir()
    for name, text in (("corpus.jsonl", CORPUS), ("queries.jsonl", '{"_id": "q1", "text": "who?"}\n')):
        data = text.encode()
        (tmp_path / f"{name}{packed}").write_bytes(gzip.compress(data) if packed else data)
    (tmp_path / "qrels" / "train.tsv").write_text(QRELS)
    (tmp_path / "qrels" / "test.tsv.gz").write_bytes(gzip.compress(QRELS.replace("q1", "q2").encode()))
    (tmp_path / "README.md").write_text("# about")
    return tmp_path


def of_folder(path: Path, table: InputTable, splits: list[str] | None = None, **more: object) -> RawRows:
    (file,) = beir_files(path, table, splits)
    return read_rows(InputSpec(file, table, format="beir", **more))  # type: ignore[arg-type]  # as `read`


@pytest.mark.parametrize("packed", ["", ".gz"])
def test_a_beir_folder_is_queries_documents_and_judgements_by_split(tmp_path: Path, packed: str) -> None:
    path = folder(tmp_path, packed)
    assert rows(of_folder(path, "queries"), "query_id", "query") == [("q1", "who?")]
    assert rows(of_folder(path, "human_labels", ["train"])) == [("q1", "1", "2"), ("q1", "2", "0")]
    assert rows(of_folder(path, "evaluation", ["test"])) == [("q2", "1", "2"), ("q2", "2", "0")]
    assert len(beir_files(path, "human_labels")) == 2


def test_a_document_that_is_only_a_title_has_it_for_its_text(tmp_path: Path) -> None:
    found = of_folder(folder(tmp_path), "documents")
    assert rows(found, "doc_id", "title", "text") == [
        ("1", "Mine", "body"), ("2", None, "A title alone"), ("3", None, ""),
    ]  # fmt: skip
    assert found.unread == ("metadata",)
    (tmp_path / "corpus.jsonl").write_text('{"_id": "4", "title": "Alone"}\n')
    assert rows(of_folder(tmp_path, "documents"), "title", "text") == [(None, "Alone")]


def test_a_file_and_its_packed_copy_are_one_and_shards_are_all_read(tmp_path: Path) -> None:
    path = folder(tmp_path)
    (path / "corpus.jsonl.gz").write_bytes(gzip.compress(CORPUS.encode()))
    (path / "corpus.md5").write_text("0")
    assert [Path(one).name for one in beir_files(path, "documents")] == ["corpus.jsonl"]
    for number in (0, 1):
        shard = pl.DataFrame({"query-id": ["q"], "corpus-id": [f"{number}"], "score": [1]})
        shard.write_parquet(path / "qrels" / f"dev-0000{number}-of-00002.parquet")
    found = beir_files(path, "human_labels", ["dev"])
    assert [rows(read_rows(InputSpec(one, "human_labels", format="beir"))) for one in found] == [
        [("q", "0", "1")], [("q", "1", "1")],
    ]  # fmt: skip
    (path / "corpus").mkdir()
    (path / "corpus" / "a.jsonl").write_text('{"id": 5, "text": "b"}')
    assert rows(of_folder(path, "documents"), "doc_id", "text") == [("5", "b")]


def test_a_part_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = folder(tmp_path)
    with pytest.raises(InputError, match=r"qrels/tran\.tsv does not exist; did you mean .*qrels/train\.tsv\?"):
        of_folder(path, "human_labels", ["tran"])
    (path / "corpus.jsonl").unlink()
    with pytest.raises(InputError, match=r"no file fits the pattern .*corpus\.\*"):
        of_folder(path, "documents")


class Dataset:
    """S3 as far as names go."""

    def names(self, prefix: str) -> list[str]:
        held = ("corpus.jsonl.gz", "queries/queries-00000-of-00001.parquet", "qrels/dev.tsv", "qrels/test.tsv")
        return [url for name in held if (url := f"s3://b/set/{name}").startswith(prefix)]


def test_a_folder_on_s3_is_the_same() -> None:
    def found(table: str, splits: list[str] | None = None) -> list[object]:
        return [*beir_files("s3://b/set", table, splits, Dataset())]  # type: ignore[arg-type]  # names are enough

    assert found("documents") == ["s3://b/set/corpus.jsonl.gz"]
    assert found("queries") == ["s3://b/set/queries/queries-00000-of-00001.parquet"]
    assert found("human_labels", ["dev"]) == ["s3://b/set/qrels/dev.tsv"]
    assert found("evaluation", ["train"]) == ["s3://b/set/qrels/train.tsv"], "reading it says that it is not there"
