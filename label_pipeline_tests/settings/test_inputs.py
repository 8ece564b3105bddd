"""Input files in the settings: one folder for every table, and what a file cannot be."""

from pathlib import Path

import pytest

from label_pipeline.core.errors import SettingsError
from label_pipeline.settings import Settings, load

OPENING = "name: mine\nrubric: rubric.yaml\ninputs:\n"
REST = """\
days: {start: 2026-01-01}
endpoints:
  main: {base_url: http://127.0.0.1:1/v1, api_key_env: KEY}
candidates:
  - {endpoint: main, models: small, prompts: p.yaml}
"""
LISTED = "  queries: q.csv\n  documents: d.csv\n"


def settings(folder: Path, inputs: str) -> Settings:
    (folder / "settings.yaml").write_text(f"{OPENING}{inputs}{REST}", encoding="utf-8")
    return load(folder / "settings.yaml")


def refused(folder: Path, inputs: str) -> str:
    with pytest.raises(SettingsError) as error:
        settings(folder, inputs)
    return str(error.value)


def test_one_folder_feeds_every_table_and_files_beside_it_are_added(tmp_path: Path) -> None:
    more = "  folder: {path: scifact, format: beir, human_labels: train, evaluation: [test], grades: {1: 3}}\n"
    found = settings(tmp_path, f"{more}  human_labels: ours.csv\n").inputs
    assert [(one.path, one.format, one.splits) for one in found.files] == [
        ("scifact", "beir", None), ("scifact", "beir", None), ("scifact", "beir", ["train"]), ("ours.csv", None, None),
        ("scifact", "beir", ["test"]),
    ]  # fmt: skip
    assert [one.grades for one in found.files] == [None, None, {1: 3}, None, {1: 3}]


def test_without_an_evaluation_split_a_folder_feeds_none(tmp_path: Path) -> None:
    assert settings(tmp_path, "  folder: {path: s, format: beir, human_labels: test}\n").inputs.evaluation == []


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("  folder: {path: s, format: beir}\n", "inputs.folder.human_labels is missing; add it"),
        ("  folder: {path: s, format: beir, human_labels: [1]}\n", "inputs.folder.human_labels.0: Input should be a"),
        ("  folder: {format: beir, human_labels: test}\n", "inputs.folder.path is missing; add it"),
        ("  folder: {path: s, format: beir, human_labels: a, evaluation: a}\n", "split 'a' is both under"),
        (
            "  folder: {path: s, format: beir, human_labels: a}\n  candidates: {path: s, format: beir}\n",
            "candidates: a BEIR folder holds none",
        ),
        (f"{LISTED}  human_labels: {{path: l.csv, splits: [a]}}\n", "state `format: beir`"),
        (
            f"{LISTED}  human_labels: {{path: l.csv, melt: {{annotator_id: [A]}}, columns: {{grade: A}}}}\n",
            "melt makes annotator_id and grade; leave grade out of columns",
        ),
        (f"{LISTED}  human_labels: {{path: l.csv, melt: {{annotator_id: [A, A]}}}}\n", "'A' is named twice"),
        (f"{LISTED}  human_labels: {{path: l.csv, melt: {{grade: [A]}}}}\n", "'annotator_id'"),
    ],
)
def test_what_cannot_be_is_told_once(tmp_path: Path, inputs: str, said: str) -> None:
    told = refused(tmp_path, inputs).splitlines()
    assert len(told) == 1, told
    assert said in told[0]
