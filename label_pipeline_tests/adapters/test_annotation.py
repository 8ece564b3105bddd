"""Grading tools' files: what goes out holds what an answer must carry back, what comes back is read whole."""

import csv
import io
import json
from xml.etree import ElementTree

import pytest

from label_pipeline.adapters.annotation.label_studio import label_config, read_export, read_users, tasks_json
from label_pipeline.adapters.annotation.sheets import read_sheet, sheet_csv
from label_pipeline.core.annotation import CANNOT_JUDGE, Sheet
from label_pipeline.core.errors import InputError
from label_pipeline.core.rubric import GradeDefinition, Rubric
from label_pipeline.core.scale import Scale

RUBRIC = Rubric(
    "r",
    "1",
    'Is it "good" & <useful>?',
    Scale(9, 10),
    (GradeDefinition(9, "no <b>", 'a "b"'), GradeDefinition(10, "yes", "d")),
)
SHEET = Sheet(
    "t-1", "q1", "d1", "=1+1", "+title", "a,\n\"b\"; <c>\t'd'", "wiki, 2026-01-02", "v1", "1-abc", ("ann", "bea")
)

# as Label Studio 1.23.2 exported it (a real annotation, a skipped one, names shortened)
EXPORTED = """[{"id": 1, "annotations": [
 {"id": 1, "completed_by": 5, "result": [
   {"from_name": "grade", "to_name": "document", "type": "choices", "value": {"choices": ["10 = yes"]}},
   {"from_name": "rationale", "to_name": "document", "type": "textarea",
    "value": {"text": ["bec, \\"x\\"\\n\\u00fc"]}}],
  "was_cancelled": false, "ground_truth": false, "created_at": "2026-11-24T10:48:06.483722Z",
  "updated_at": "2026-11-24T10:49:06.483744Z", "draft_created_at": null, "lead_time": 12.5, "prediction": {},
  "result_count": 1, "unique_id": "9d22403f", "import_id": null, "last_action": null, "task": 1, "project": 1,
  "updated_by": 5, "parent_prediction": null, "parent_annotation": null, "last_created_by": null},
 {"id": 5, "completed_by": 6, "result": [], "was_cancelled": true, "created_at": "2026-11-24T10:48:06.681823Z",
  "updated_at": "2026-11-24T10:48:06.681842Z", "lead_time": 3.2, "unique_id": "b671bed0", "task": 1}],
 "file_upload": null, "drafts": [], "predictions": [], "meta": {}, "inner_id": 1, "total_annotations": 1,
 "data": {"task_id": "t-1", "query": "q", "document": "d", "annotators": "ann bea", "doc_version": "v1",
          "rubric_version": "1-abc"}},
 {"id": 2, "annotations": [], "data": {"task_id": "t-2"}}]"""


def test_the_configuration_survives_any_words_and_names_what_the_tasks_hold() -> None:
    view = ElementTree.fromstring(label_config(RUBRIC))
    choice = view.find("Choices")
    assert choice is not None
    assert choice.attrib["choice"] == "single-radio"
    assert choice.attrib["required"] == "true"
    assert [item.attrib["value"] for item in choice] == ["9 = no <b>", "10 = yes", CANNOT_JUDGE]
    assert choice[0].attrib["hint"] == 'a "b"'
    assert [item.attrib.get("hotkey") for item in choice] == ["9", None, "x"]
    assert view[0].attrib["value"] == RUBRIC.task
    assert view.find("TextArea") is not None
    data = json.loads(tasks_json([SHEET]))[0]["data"]
    shown = {
        item.attrib["value"].removeprefix("$") for item in view.iter() if item.attrib.get("value", "").startswith("$")
    }
    assert shown == {"query", "title", "facts", "document"} <= set(data)
    assert data["document"] == SHEET.document
    assert data["annotators"] == "|ann|bea|", "a filter for |ann| does not show what is only for annabel"


def test_an_export_is_read_with_skips_people_times_and_reasons() -> None:
    users = read_users('[{"id": 5, "email": "ann@example.org"}, {"id": 6, "email": "", "username": "bea"}]', "u.json")
    good, skipped = read_export(EXPORTED, "e.json", users)
    assert (good.task_id, good.annotator, good.answer, good.skipped) == ("t-1", "ann@example.org", "10 = yes", False)
    assert (good.rationale, good.seconds, good.graded_at) == ('bec, "x"\nü', 12.5, "2026-11-24T10:49:06.483744Z")
    assert (good.doc_version, good.rubric_version, good.key) == ("v1", "1-abc", "9d22403f")
    assert (good.source, good.place, good.problem) == ("e.json", "annotation 1", None)
    assert (skipped.annotator, skipped.answer, skipped.skipped, skipped.rationale) == ("bea", None, True, None)
    assert [answer.annotator for answer in read_export(EXPORTED, "e.json")] == ["5", "6"]


def test_people_may_come_as_objects_and_damaged_records_are_problems_not_crashes() -> None:
    tasks = [
        {"annotations": [{"completed_by": {"id": 3, "email": "eve@x.org"}, "result": None}], "data": {"task_id": "t"}},
        {"annotations": ["?", {"result": [{"from_name": "grade", "value": {"choices": ["1", "2"]}}, 7]}], "data": {}},
        {"annotations": [{}], "data": None},
    ]
    found = read_export(json.dumps(tasks), "e.json")
    assert (found[0].annotator, found[0].answer, found[0].problem) == ("eve@x.org", None, None)
    assert found[1].problem == "the annotation or its task's data is no JSON object"
    assert found[2].problem == "2 grades are chosen (1, 2); expected one"
    assert found[3].problem is not None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id,grade\n1,2\n", "e.json is not JSON"),
        ("{}", "holds a JSON dict, expected Label Studio's list of tasks"),
        ('[{"id": 1, "grade": "2", "annotator": 5}]', "export the project as JSON (JSON-MIN and CSV leave skipped"),
    ],
)
def test_another_kind_of_export_is_refused_whole(text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        read_export(text, "e.json")
    assert told in str(caught.value)


def test_a_users_file_of_another_kind_is_refused() -> None:
    assert read_users('{"count": 1, "results": [{"id": 4, "username": "x"}]}', "u.json") == {"4": "x"}
    for text in ("[]x", '["a"]', '{"detail": "no"}'):
        with pytest.raises(InputError):
            read_users(text, "u.json")


# sheets


def filled(grade: str, delimiter: str = ",", why: str = "because") -> str:
    rows = list(csv.DictReader(io.StringIO(sheet_csv([SHEET], "ann").lstrip("\ufeff"))))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    writer.writerows({**row, "grade": grade, "rationale": why} for row in rows)
    return out.getvalue()


def test_a_sheet_holds_the_rows_of_one_person_and_no_text_a_spreadsheet_would_run() -> None:
    other = Sheet("t-2", "q", "d", "x", "", "y", "", "v", "r", ("bea",))
    text = sheet_csv([SHEET, other], "ann")
    assert text.startswith("\ufefftask_id,query")
    (row,) = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    assert (row["query"], row["title"], row["document"]) == ("'=1+1", "'+title", SHEET.document)
    assert (row["grade"], row["rationale"], row["annotator_id"]) == ("", "", "ann")
    assert (row["doc_version"], row["rubric_version"]) == ("#v1", "#1-abc"), "1234567890e12345 is no number here"


TRICKS = (
    "=cmd|'/C calc'!A0", "@SUM(1+9)", "-2+3", "+1", "\t=1", "\r=1", "$title {{query}} ${HOME} {document}",
    '"; DROP TABLE', "<View><Text value='$x'/></View>", "a\r\nb,c;d\te", "\u2028 \u202e ünï 🙂",
)  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
def test_no_text_steers_a_tool_and_every_one_comes_out_whole(trick: str) -> None:
    sheet = Sheet("t-1", "q", "d", trick, trick, trick, trick, "v", "r", ("ann",))
    data = json.loads(tasks_json([sheet]))[0]["data"]
    assert {data[name] for name in ("query", "title", "document", "facts")} == {trick}
    (row,) = csv.DictReader(io.StringIO(sheet_csv([sheet], "ann").lstrip("\ufeff"), newline=""))
    for name in ("query", "title", "document", "facts"):
        assert row[name].removeprefix("'") == trick.removeprefix("'")
        assert not row[name].startswith(("=", "+", "-", "@", "\t", "\r"))
    assert row["task_id"] == "t-1"
    assert trick not in label_config(RUBRIC)


def test_what_no_file_can_hold_and_no_number_is_neither_kept_nor_a_crash() -> None:
    text = (
        '[{"annotations": [{"id": 1, "lead_time": NaN, "completed_by": "a\\ud800", "unique_id": "\\udfff",'
        ' "result": [{"from_name": "grade", "value": {"choices": ["1"]}},'
        ' {"from_name": "rationale", "value": {"text": ["half \\ud83d"]}}]}], "data": {"task_id": "t"}}]'
    )
    (found,) = read_export(text, "e.json")
    assert (found.rationale, found.annotator, found.key, found.seconds) == ("half ?", "a?", "?", None)
    with pytest.raises(InputError, match="nested too deeply"):
        read_export("[" * 200_000, "e.json")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_filled_sheet_is_read_however_it_was_saved(delimiter: str, mark: str) -> None:
    found, left = read_sheet(mark + filled("2,0" if delimiter == ";" else "2", delimiter), "ann.csv")
    assert left == 0
    (answer,) = found
    assert (answer.task_id, answer.annotator, answer.rationale) == ("t-1", "ann", "because")
    assert answer.answer in ("2", "2,0")
    assert (answer.doc_version, answer.rubric_version, answer.place) == ("v1", "1-abc", "line 2")


def test_an_empty_row_is_not_an_answer_a_skip_is_and_keys_follow_the_content() -> None:
    assert read_sheet(filled("  "), "ann.csv") == ([], 1)
    assert read_sheet(filled("Skip"), "ann.csv")[0][0].skipped
    one, same, other = (read_sheet(text, "ann.csv")[0][0].key for text in (filled("1"), filled("1"), filled("2")))
    assert one == same != other


def test_a_broken_row_is_a_problem_and_a_missing_column_an_error() -> None:
    text = filled("2") + "t-9,too,few\n"
    found, _ = read_sheet(text, "ann.csv")
    assert found[1].problem is not None
    assert found[1].problem.startswith("found 3 fields, expected 10")
    with pytest.raises(InputError, match="has no column grade, annotator_id; it has task_id, note"):
        read_sheet("task_id,note\n1,2\n", "ann.csv")
