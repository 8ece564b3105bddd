"""`rubric` as a person meets it: what it shows of a changed text, the one answer, and what stops meanwhile."""

from pathlib import Path

import pytest

from label_pipeline.cli.exits import DONE, MISTAKE
from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Shell
from label_pipeline_tests.cli.conftest import Serve
from label_pipeline_tests.cli.own_data import OwnData


@pytest.fixture
def config(shell: Shell, data: OwnData, serve: Serve) -> Path:
    """The project, its seed loaded under the rubric it has."""
    config = own_data.fill(shell.folder / "company", data, serve())
    loaded = shell.here("run", "--config", config, "--until", "seed")
    assert loaded.code == DONE, loaded.said
    return config


def test_a_comma_is_asked_about_once_and_the_answer_has_a_name(config: Path, shell: Shell) -> None:
    rubric = config.parent / "rubric.yaml"
    first = shell.here("rubric", "--config", config)
    assert first.code == DONE
    assert "1840 human rows are of rubric 1, 1840 of them because their file names none" in first.said
    rubric.write_text(rubric.read_text().replace("definition: ", "definition: Exactly, ", 1))
    asked = shell.here("rubric", "--config", config)
    assert asked.code == MISTAKE
    assert "its text changed since it was last agreed on" in asked.said
    assert any(line.strip().startswith("+") and "Exactly," in line for line in asked.out.splitlines())
    assert "does every grade mean the same?" in asked.said
    assert "nothing would be asked: the text of rubric 1" in shell.here("check", "--config", config).said
    nameless = shell.here("rubric", "--config", config, "--same-meaning")
    assert nameless.code == MISTAKE
    assert "--same-meaning and --by NAME belong together" in nameless.said
    answered = shell.here("rubric", "--config", config, "--same-meaning", "--by", "Ada")
    assert answered.code == DONE
    assert "its text changed and means the same, says Ada" in answered.said
    again = shell.here("rubric", "--config", config, "--same-meaning", "--by", "Bob")
    assert again.code == DONE
    assert "there was nothing to answer" in again.said
    assert "Bob" not in shell.here("rubric", "--config", config).said


def test_another_version_says_how_many_grades_wait(config: Path, shell: Shell) -> None:
    rubric = config.parent / "rubric.yaml"
    rubric.write_text(rubric.read_text().replace('version: "1"', 'version: "2"'))
    told = shell.here("rubric", "--config", config)
    assert told.code == MISTAKE
    assert "the loaded grades are of rubric 1, the rubric is now 2: load the seed again" in told.said
    checked = shell.here("check", "--config", config)
    assert "graded by rubric '1', the rubric is now 2" in checked.said
