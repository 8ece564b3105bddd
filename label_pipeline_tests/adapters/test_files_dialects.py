"""Files as they lie: packed, in shards, told by their first line, with the quotes and marks people use."""

import bz2
import gzip
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from label_pipeline.adapters.files import InputSpec, read_rows
from label_pipeline.adapters.files.packing import files_of
from label_pipeline.adapters.files.spec import InputTable

LABELS = "query_id,doc_id,grade\nq1,d1,3\nq1,d2,0\n"
FIRST, SECOND = '{"query_id":"q1","doc_id":"d1","grade":3}', '{"query_id":"q1","doc_id":"d2","grade":0}'
TRIPLES = [("q1", "d1", "3"), ("q1", "d2", "0")]


def zipped(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)  # two workers must collect the same tests


def read(
    folder: Path, name: str, content: str | bytes, table: InputTable = "human_labels", **more: object
) -> pl.DataFrame:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(InputSpec(path, table, **more)).frame  # type: ignore[arg-type]  # settings of this file


def triples(frame: pl.DataFrame) -> list[tuple[str, ...]]:
    assert frame["problem"].null_count() == frame.height
    return frame.select("query_id", "doc_id", "grade").rows()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("l.csv.gz", zipped(LABELS.encode())),
        ("l.csv.gz", zipped(LABELS[:30].encode()) + zipped(LABELS[30:].encode())),  # two members
        ("l.csv.zst", pa.compress(LABELS.encode(), "zstd").to_pybytes()),
        ("l.csv.bz2", bz2.compress(LABELS.encode())),
        ("l.tsv.GZ", zipped(LABELS.replace(",", "\t").encode())),
        ("l.jsonl.gz", zipped(f"{FIRST}\n{SECOND}".encode())), ("l.json", f"[{FIRST}, {SECOND}]"),
        ("l.json", f'{{"n": 2, "rows": [{FIRST}, {SECOND}]}}'), ("l.json", f"{FIRST}\n{SECOND}\n"),
        ("l.txt", f"{FIRST}\n{SECOND}\n"),
        ("l.txt", "q1 0 d1 3\nq1 0 d2 0\n"), ("l.trec", "q1\t0\td1\t3\nq1\t0\td2\t0\n"),
        ("l.qrels", "q1 d1 3\nq1 d2 0\n"), ("l.qrels", "# query, document, grade\nq1 0 d1 3\n# none\nq1 0 d2 0\n"),
        ("qrels", "q1 d1 3\nq1 d2 0\n"),
        ("l.csv", LABELS.replace(",", ";")), ("l.csv", "\ufeff" + LABELS.replace(",", ";")), ("l.txt", LABELS),
        ("l.csv", "sep=;\r\n" + LABELS.replace(",", ";")), ("l.csv", LABELS.replace(",", "\t")),
    ],
)  # fmt: skip
def test_the_same_rows_however_they_are_packed_and_marked(tmp_path: Path, name: str, content: str | bytes) -> None:
    assert triples(read(tmp_path, name, content)) == TRIPLES


def test_a_parquet_file_without_an_ending_is_one(tmp_path: Path) -> None:
    pl.DataFrame({"query_id": ["q1"], "doc_id": ["d1"], "grade": [3]}).write_parquet(tmp_path / "part-00000")
    assert triples(read_rows(InputSpec(tmp_path / "part-00000", "human_labels")).frame) == TRIPLES[:1]


def test_a_file_without_a_header_is_read_by_the_names_of_its_columns(tmp_path: Path) -> None:
    found = read(tmp_path, "l.tsv", "q1\t0\td1\t3\nq1\t0\td2\t0\n", names=["query_id", "zero", "doc_id", "grade"])
    assert triples(found) == TRIPLES
    assert found["line"].to_list() == [1, 2]


def test_a_file_of_one_person_says_whose_it_is_and_its_rows_may_say_otherwise(tmp_path: Path) -> None:
    rows = "query_id,doc_id,grade,annotator_id\nq1,d1,3,\nq1,d2,0,bea\n"
    assert read(tmp_path, "l.csv", rows, annotator="ann")["annotator_id"].to_list() == ["ann", "bea"]
    assert read(tmp_path, "l.csv", LABELS, annotator="ann")["annotator_id"].to_list() == ["ann", "ann"]
    assert read(tmp_path, "l.csv", LABELS)["annotator_id"].to_list() == [None, None]
    assert "annotator_id" not in read(tmp_path, "l.csv", LABELS, "evaluation", annotator="ann").columns


def test_quotes_of_a_tsv_are_text_unless_a_program_wrote_them(tmp_path: Path) -> None:
    """One open quote swallowed the rows up to the next: five rows became `2 rows read = 2 kept`."""
    head = "query_id\tquery\n"
    typed = head + 'q1\t"cheap flights\nq2\tb\nq3\tc"\nq4\t"a phrase"\nq5\t5" disk\n'
    assert read(tmp_path, "q.tsv", typed, "queries")["query"].to_list() == [
        '"cheap flights', "b", 'c"', '"a phrase"', '5" disk'
    ]  # fmt: skip
    written = head + 'q1\t"he said ""no"""\nq2\tb\n'
    assert read(tmp_path, "q.tsv", written, "queries")["query"].to_list() == ['he said "no"', "b"]
    every = '"query_id"\t"query"\n"q1"\t"a phrase"\n'
    assert read(tmp_path, "q.tsv", every, "queries")["query"].to_list() == ["a phrase"]
    told = read(tmp_path, "q.tsv", head + 'q1\t"a\nb"\nq2\tc\n', "queries", quotes="csv")
    assert told["query"].to_list() == ["a\nb", "c"]
    assert read(tmp_path, "q.tsv", written, "queries", quotes="text")["query"].to_list() == ['"he said ""no"""', "b"]
    assert read(tmp_path, "q.csv", 'query_id,query\nq1,"a, b"\n', "queries")["query"].to_list() == ["a, b"]


def test_a_topic_named_in_a_query_does_not_make_the_file_one_of_topics(tmp_path: Path) -> None:
    lines = [f"{i}\twhat is {i}" for i in range(100)]
    lines.insert(50, "100\thow do I close a <topic> in XML </topic>")
    for name in ("q.topics", "q.txt", "q.trec", "q.tsv"):
        more = {"names": ["query_id", "query"]} if name == "q.tsv" else {}
        found = read(tmp_path, name, "\n".join(lines), "queries", **more)
        assert found.height == 101, name
        assert found["query"][50] == "how do I close a <topic> in XML </topic>"


def test_topics_without_a_title_and_topics_that_are_one_text(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0"?><topics>\n<topic number="1"><query>masks</query></topic>'
        '<topic number="2"><desc>A 58-year-old\n woman.</desc></topic>\n<topic number="3">\n one text</topic>'
        '<topic number="4">plain\n text, that names a <topic> in it</topic>\n</topics>\n'
    )
    found = read(tmp_path, "t.xml", text, "queries")
    assert found.select("query_id", "query", "problem").rows() == [
        ("1", "masks", None), ("2", "A 58-year-old woman.", None), ("3", "one text", None),
        ("4", "plain text, that names a <topic> in it", None),
    ]  # fmt: skip


def test_a_folder_and_a_pattern_are_the_files_behind_them(tmp_path: Path) -> None:
    for name in ("part-2.csv", "part-1.csv", "_SUCCESS", ".part-1.csv.crc", "notes.md"):
        (tmp_path / name).write_text(LABELS)
    (tmp_path / "deeper").mkdir()
    names = [Path(one).name for one in files_of(tmp_path / "part-*.csv")]
    assert names == ["part-1.csv", "part-2.csv"]
    assert [Path(one).name for one in files_of(tmp_path)] == ["notes.md", *names]
    (tmp_path / "odd[1].csv").write_text(LABELS)
    for alone in (tmp_path / "odd[1].csv", tmp_path / "gone-*.csv", tmp_path / "gone.csv", tmp_path / "deeper"):
        assert files_of(alone) == [alone]


class Bucket:
    """S3 as far as names go."""

    def names(self, prefix: str) -> list[str]:
        assert prefix == "s3://bucket/day/"
        return [f"s3://bucket/day/{name}" for name in ("b.csv", "a.csv", "_SUCCESS", "c.json", "old/d.csv")]


def test_a_folder_and_a_pattern_on_s3(tmp_path: Path) -> None:
    bucket: object = Bucket()
    assert files_of("s3://bucket/day/*.csv", bucket) == ["s3://bucket/day/a.csv", "s3://bucket/day/b.csv"]  # type: ignore[arg-type]
    assert len(files_of("s3://bucket/day/", bucket)) == 3  # type: ignore[arg-type]
    assert files_of("s3://bucket/day/a.csv", bucket) == ["s3://bucket/day/a.csv"]  # type: ignore[arg-type]
