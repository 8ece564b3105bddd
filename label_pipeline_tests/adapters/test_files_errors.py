"""A file that cannot be used as a whole: the message says what was found, what was expected and what to do."""

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
        ("l.csv", b"query_id;doc_id;grade\nq;d;1\n", "set `delimiter: ';'`"),
        ("l.csv", b"query_id,doc_id,grade,grade\nq,d,1,2\n", "names ['grade'] more than once"),
        ("l.csv", b'query_id,doc_id,grade\nq,d,1\nq,"d2,2\nq,d3,2\n', "record that starts on line 3 never ends"),
        ("l.csv", HEADER.encode() + b"q,caf\xe9,1\n", "byte 27 (line 2) is not valid utf-8: found 0xe9"),
        ("l.csv", (HEADER + "q,d,1\n").encode("utf-16"), "byte 0 (line 1) is not valid utf-8: found 0xff"),
        ("l.csv", (HEADER + "q,d,1\n").encode("utf-16"), "it may be utf-16"),
        ("l.jsonl", b"not json\n", "no line is a JSON object"),
        ("l.parquet", b"PAR1 but not really", "l.parquet is not a readable Parquet file"),
        ("l.txt", b"q 0 d 1\n", "the ending '.txt' says no format; set `format:`"),
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
    with pytest.raises(InputError, match="is a folder"):
        read_rows(InputSpec(tmp_path, "human_labels", format="csv"))


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


def test_an_unclosed_topic_is_refused(tmp_path: Path) -> None:
    first, second = "<top>\n<num> 1\n<title> a\n", "<top>\n<num> 2\n<title> b\n"
    for text, line in ((first + second + "</top>\n", 1), (first + "</top>\n" + second, 5), (first, 1)):
        (tmp_path / "t.topics").write_text(text)
        with pytest.raises(InputError, match=f"the topic that starts on line {line} is not closed; add its </top>"):
            read_rows(InputSpec(tmp_path / "t.topics", "queries"))
