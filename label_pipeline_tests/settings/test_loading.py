"""A settings file and its mistakes: each is told with its line, its column and what would be right."""

from pathlib import Path

import pytest

from label_pipeline.core.errors import SettingsError
from label_pipeline.settings import SAMPLE, load

WHOLE = """\
name: mine
rubric: rubric.yaml
inputs:
  queries: queries.csv
  documents: {path: documents.tsv}
  human_labels: [a.csv, {path: b.parquet, columns: {grade: rel}}]
days: {start: 2026-01-01}
endpoints:
  main: {base_url: http://127.0.0.1:1/v1, api_key_env: KEY}
candidates:
  - {endpoint: main, models: small, prompts: p.yaml}
"""


def mistake(tmp_path: Path, text: str) -> list[str]:
    """The sentences loading ``text`` is refused with, the file's name left out."""
    path = tmp_path / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as refused:
        load(path)
    return [line.removeprefix(f"{path}:") for line in str(refused.value).splitlines()]


def test_the_shipped_files_load() -> None:
    assert load(SAMPLE).name == "sample"
    template = SAMPLE.parents[2] / "cli" / "template" / "settings.yaml"
    assert load(template).name == "mine"


def test_short_forms_mean_lists(tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(WHOLE)
    found = load(tmp_path / "settings.yaml")
    assert [item.path for item in found.inputs.human_labels] == ["a.csv", "b.parquet"]
    assert found.inputs.documents[0].delimiter is None, "the ending decides"
    assert found.candidates[0].models == ["small"]
    assert found.locate("queries.csv") == tmp_path / "queries.csv"


@pytest.mark.parametrize(
    ("old", "new", "sentences"),
    [
        (
            "rubric: rubric.yaml",
            "rubrc: rubric.yaml",
            ["2:1: unknown key 'rubrc'; did you mean 'rubric'?", "rubric is missing; add it"],
        ),
        (
            "path: documents.tsv",
            "pth: documents.tsv",
            [
                "5:15: unknown key 'inputs.documents.pth'; did you mean 'path'?",
                "5:3: inputs.documents.path is missing; add it",
            ],
        ),
        (
            "columns: {grade",
            "colums: {grade",
            ["6:43: unknown key 'inputs.human_labels.1.colums'; did you mean 'columns'?"],
        ),
        (
            "base_url: ",
            "url: ",
            [
                "9:10: unknown key 'endpoints.main.url'; known keys: base_url",
                "9:3: endpoints.main.base_url is missing; add it",
            ],
        ),
        (
            "columns: {grade: rel}",
            "grades: {yes: 1, no: 0}",
            ["6:43: inputs.human_labels.1.grades: YAML reads yes, no, on, off, true and false without quotes as true"],
        ),
        (
            "columns: {grade: rel}",
            "columns: {grade: no}",
            ["6:43: inputs.human_labels.1.columns: YAML reads yes, no, on, off, true and false without quotes as"],
        ),
        ("start: 2026-01-01", "start: yesterday", ["7:8: days.start: Input should be a valid date or datetime"]),
        ("name: mine", "name: My Search", ["1:1: name: String should match pattern"]),
        ("models: small, ", "", ["11:5: candidates.0.models is missing; add it"]),
        ("name: mine", "name: mine\nname: yours", ["2:1: key 'name' is given twice, first in line 1; keep one"]),
        ("days: {start: 2026-01-01}", "days: {start: 2026-01-01", ["8:10: not YAML: while parsing a flow mapping"]),
        (
            "name: mine",
            "name: mine\nsplits: {holdout: 0.6}",
            ["2:1: splits: train, dev, holdout and anchor must add up to 1, got 1.1"],
        ),
        ("name: mine", "name: mine\namplify: {cron: daily}", ["2:11: amplify.cron: String should match pattern"]),
        ("name: mine", "name: mine\namplify: {send: batch}", ["amplify.send is batch, and no endpoint says"]),
    ],
)
def test_a_mistake_is_told_where_it_stands(tmp_path: Path, old: str, new: str, sentences: list[str]) -> None:
    assert old in WHOLE
    told = mistake(tmp_path, WHOLE.replace(old, new, 1))
    assert len(told) == len(sentences), told
    for line, sentence in zip(told, sentences, strict=True):
        assert line.lstrip().startswith(sentence), told


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "just words"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path, text: str) -> None:
    assert "expected a mapping of settings" in mistake(tmp_path, text)[0]


def test_another_encoding_is_said(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_bytes(WHOLE.replace("name: mine", "name: mine # für uns").encode("latin-1"))
    with pytest.raises(SettingsError, match="save it again as UTF-8"):
        load(path)
