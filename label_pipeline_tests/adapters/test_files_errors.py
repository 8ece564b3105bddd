"""A file that cannot be used as a whole: the message says what was found, what was expected and what to do."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters.files import InputSpec, read_rows
from label_pipeline.core.errors import InputError

HEADER = "query_id,doc_id,grade\n"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("l.csv", b"", "l.csv is empty"),
        ("l.csv", b" \n\n", "l.csv is empty"),
        ("l.csv", HEADER.encode(), "holds no rows for human_labels, at most a header"),
        ("l.csv", b"query_id,doc_id,r\nq,d,1\n", "no column 'grade' for human_labels; the file has query_id, doc_id"),
        ("l.csv", b"query_id,doc_id,Grades\nq,d,1\n", "(nearest: Grades); map it with `columns: {grade: Grades}`"),
        ("l.csv", b"q1,d1,1\nq2,d1,1\n", "set `names: [query_id, doc_id, grade]`"),
        ("l.xlsx", b"PK", "l.xlsx is a spreadsheet; save it as `CSV UTF-8`"),
        ("l.csv.gz", b"query_id", "l.csv.gz cannot be unpacked as its ending .gz says"),
        ("l.csv.zst", b"query_id", "l.csv.zst cannot be unpacked as its ending .zst says"),
        ("l.csv.bz2", b"query_id", "l.csv.bz2 cannot be unpacked as its ending .bz2 says"),
        ("l.csv.gz", gzip.compress(b"\n", mtime=0), "l.csv.gz is empty inside"),
        ("l.json", b"{", "l.json is no JSON (Expecting property name enclosed in double quotes in line 1)"),
        ("l.json", b'{"a": [{}], "b": []}', "l.json holds several lists (a, b); expected one list of objects"),
        ("l.json", json.dumps({f"q{i}": 1 for i in range(99)}).encode(), "q18, q19 and 79 more"),
        ("l.json", b"[1, 2]", "l.json holds a JSON list and no objects; expected a list of objects"),
        ("l.csv", b"query_id,doc_id,grade,grade\nq,d,1,2\n", "names ['grade'] more than once"),
        ("l.csv", b'query_id,doc_id,grade\nq,d,1\nq,"d2,2\nq,d3,2\n', "record that starts on line 3 never ends"),
        ("l.csv", HEADER.encode() + b"q,caf\xe9,1\n", "byte 27 (line 2) is not valid utf-8: found 0xe9"),
        ("l.csv", (HEADER + "q,d,1\n").encode("utf-16"), "byte 0 (line 1) is not valid utf-8: found 0xff"),
        ("l.csv", (HEADER + "q,d,1\n").encode("utf-16"), "the file's first bytes say utf-16"),
        ("l.jsonl", b"not json\n", "no line is a JSON object"),
        ("l.parquet", b"PAR1 but not really", "l.parquet is not a readable Parquet file"),
        ("l.txt", b"what is this\nx\n", "no column 'query_id' for human_labels; the file has what is this"),
    ],
)  # fmt: skip
def test_the_message_says_what_is_wrong_and_what_to_do(
    tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_rows(InputSpec(tmp_path / name, "human_labels"))
    assert expected in str(caught.value)


def test_a_missing_file_names_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text(HEADER)
    with pytest.raises(InputError, match=r"lables\.csv does not exist; did you mean .*/labels\.csv\?"):
        read_rows(InputSpec(tmp_path / "lables.csv", "human_labels"))
    with pytest.raises(InputError, match=r"holds labels\.csv: check the path"):
        read_rows(InputSpec(tmp_path / "zzz.parquet", "human_labels"))
    with pytest.raises(InputError, match=r"its folder .*nowhere does not exist either"):
        read_rows(InputSpec(tmp_path / "nowhere" / "l.csv", "human_labels"))
    with pytest.raises(InputError, match="is a folder with no file to read inside"):
        read_rows(InputSpec(tmp_path, "human_labels", format="csv"))
    with pytest.raises(InputError, match=r"no file fits the pattern .*part-\*\.csv; did you mean .*labels\.csv"):
        read_rows(InputSpec(tmp_path / "part-*.csv", "human_labels"))


def test_a_remote_path_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"s3://bucket/l\.csv: only local files"):
        read_rows(InputSpec("s3://bucket/l.csv", "human_labels"))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"anotator_id": "who"}, "(did you mean annotator_id?)"),
        ({"rationale": "why"}, "no column 'why' for human_labels"),
        ({"feature_x": "why"}, "no column 'why' for human_labels"),
        ({"text": "grade"}, "maps 'text', which human_labels does not have"),
    ],
)
def test_a_mapping_with_a_typo_is_refused(tmp_path: Path, columns: dict[str, str], expected: str) -> None:
    (tmp_path / "l.csv").write_text(HEADER + "q,d,1\n")
    with pytest.raises(InputError) as caught:
        read_rows(InputSpec(tmp_path / "l.csv", "human_labels", columns=columns))
    assert expected in str(caught.value)


def test_an_unknown_encoding_and_a_nested_column_are_refused(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text(HEADER + "q,d,1\n")
    (tmp_path / "cafe.csv").write_bytes(b"query_id,doc_id,grade\nq,caf\xe9,1\n")
    with pytest.raises(InputError, match="set `encoding:` \\(in cp1252 and latin-1 that byte is 'é'"):
        read_rows(InputSpec(tmp_path / "cafe.csv", "human_labels"))
    with pytest.raises(InputError, match="encoding 'utf-9' is unknown"):
        read_rows(InputSpec(tmp_path / "l.csv", "human_labels", encoding="utf-9"))
    pl.DataFrame({"doc_id": ["d"], "text": [["a", "b"]]}).write_parquet(tmp_path / "d.parquet")
    with pytest.raises(InputError, match=r"column 'text' holds List\(String\)"):
        read_rows(InputSpec(tmp_path / "d.parquet", "documents"))


def test_a_delimiter_is_one_character_and_a_spelled_out_tab_is_one(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_text("query_id\tdoc_id\tgrade\nq\td\t1\n")
    assert read_rows(InputSpec(tmp_path / "l.csv", "human_labels", delimiter="\\t")).frame.height == 1
    with pytest.raises(InputError, match="is not one character"):
        read_rows(InputSpec(tmp_path / "l.csv", "human_labels", delimiter=";;"))


def test_one_topic_that_is_not_closed_costs_that_topic(tmp_path: Path) -> None:
    first, second = "<top>\n<num> 1\n<title> a\n", "<top>\n<num> 2\n<title> b\n"
    close = "</top>\n"
    for text, ids, line in (
        (first + second + close, [None, "2"], 1), (first + close + second, ["1", None], 5), (first, [None], 1)
    ):  # fmt: skip
        (tmp_path / "t.topics").write_text(text)
        found = read_rows(InputSpec(tmp_path / "t.topics", "queries")).frame
        assert found["query_id"].to_list() == ids
        [(bad, why)] = found.filter(pl.col("problem").is_not_null()).select("line", "problem").rows()
        assert (bad, why) == (line, "the topic is not closed; add its </top>")
