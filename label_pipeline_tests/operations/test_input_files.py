"""From one setting to the tables of the seed: the files it names, read and taken."""

from pathlib import Path

from label_pipeline.adapters.files import read_rows
from label_pipeline.core.codes.inputs import SEED_INPUTS
from label_pipeline.operations.input_files import input_specs
from label_pipeline.stages.seed.inputs import Assembled, assemble
from label_pipeline_tests.adapters.test_files_people import folder
from label_pipeline_tests.settings.test_inputs import settings


def seeded(home: Path, inputs: str) -> Assembled:
    found = settings(home, inputs)
    specs = [spec for table in SEED_INPUTS for spec in input_specs(found, table, None)]
    return assemble([read_rows(spec) for spec in specs], found.grade_scale)


def test_a_beir_folder_is_taken_with_one_setting_its_title_only_documents_too(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    folder(tmp_path / "set")
    found = seeded(tmp_path, "  folder: {path: set, format: beir, human_labels: train, annotator: beir}\n")
    assert found.documents.select("doc_id", "title", "text").rows() == [
        ("1", "Mine", "body"), ("2", None, "A title alone"),
    ]  # fmt: skip
    assert found.human_labels.select("query_id", "doc_id", "grade", "annotator_id").rows() == [
        ("q1", "1", 2, "beir"), ("q1", "2", 0, "beir"),
    ]  # fmt: skip
    assert found.quarantine.select("source", "line").rows() == [("corpus.jsonl", 3)], "neither title nor text"
    assert found.balanced


def test_a_wide_sheet_is_taken_grade_by_grade(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("query_id,query\nq1,who?\n")
    (tmp_path / "d.csv").write_text("doc_id,text\nd1,body\nd2,body too\n")
    (tmp_path / "l.csv").write_text("query_id,doc_id,Ann,Bea\nq1,d1,3,2\nq1,d2,,7\n")
    listed = "  queries: q.csv\n  documents: d.csv\n  human_labels: {path: l.csv, melt: {annotator_id: [Ann, Bea]}}\n"
    found = seeded(tmp_path, listed)
    assert found.human_labels.select("doc_id", "annotator_id", "grade").rows() == [("d1", "Ann", 3), ("d1", "Bea", 2)]
    assert found.quarantine.select("source", "line").rows() == [("l.csv", 3)], "7 is outside the scale"
    assert found.balanced
