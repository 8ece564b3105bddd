"""A changed rubric and the grades given by the one before: nothing is paid until somebody says what they mean."""

from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.errors import InputError
from label_pipeline.operations import seed
from label_pipeline.operations.run import Run
from label_pipeline.operations.seed_rubrics import known_of_rubric, same_meaning, texts_of_rubric
from label_pipeline.operations.seed_soundness import refuse_unsound
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.settings import SAMPLE
from label_pipeline_tests import small_project
from label_pipeline_tests.small_project import Provider, Said, Small, failure_of

SEED = ("seed_inputs", "annotator_agreement", "gold_labels", "seed_splits")


@pytest.fixture
def home(world: SampleWorld, tmp_path: Path) -> Path:
    small_project.write_small_inputs(world, tmp_path / "home")
    done = small(tmp_path / "home").run(*SEED)
    assert done.success, failure_of(done)
    return tmp_path / "home"


def small(home: Path, **changes: object) -> Small:
    return Small(small_project.settings(home, **changes))


def reworded(home: Path, old: str, new: str) -> Path:
    """The sample's rubric with other words, as a file of its own."""
    text = (SAMPLE.parent / "rubric.yaml").read_text()
    assert old in text
    path = home / "rubric.yaml"
    path.write_text(text.replace(old, new, 1))
    return path


def test_a_changed_text_under_the_same_version_is_asked_about_once(home: Path, provider: Provider) -> None:
    path = reworded(home, "definition: The document", "definition: Roughly, the document")
    graph = small(home, rubric=str(path))
    assert seed.load_inputs(graph.project).human_labels.height > 0, "no grade is lost over a comma"
    known = texts_of_rubric(graph.project)
    assert not known.agreed
    assert any(line.startswith("+") and "Roughly" in line for line in known.changes)
    before = provider.requests
    ended = graph.run("judge_leaderboard")
    assert not ended.success
    assert "does every grade mean the same? `label-pipeline rubric` shows what changed" in failure_of(ended)
    assert provider.requests == before, "nothing was paid"
    same_meaning(graph.project, "Ada")
    same_meaning(graph.project, "Ada again, who is not asked twice")
    fact = known_of_rubric(graph.project)
    assert not fact.stops
    assert fact.sentence.endswith("its text changed and means the same, says Ada")


def test_another_version_voids_the_grades_until_they_are_given_anew(home: Path) -> None:
    graph = small(home, rubric=str(reworded(home, 'version: "1"', 'version: "2"')))
    fact = known_of_rubric(graph.project)
    assert fact.stops, "the tables still hold grades of rubric 1"
    assert "the loaded grades are of rubric 1, the rubric is now 2: load the seed again" in fact.sentence
    found = seed.load_inputs(graph.project)
    assert found.human_labels.is_empty()
    assert found.evaluation.is_empty()
    waiting = (
        graph.project.store("seed").read("quarantine").filter(pl.col("reason").str.contains("graded by rubric '1'"))
    )
    assert waiting.height > 0
    # back under the old version they are all there again
    back = seed.load_inputs(small(home).project)
    assert back.human_labels["rubric_label"].unique().to_list() == ["1"]


def test_a_crosswalk_of_the_settings_lets_them_count(home: Path) -> None:
    walk = {"1": {0: 0, 1: 1, 2: 2, 3: 3}}
    given = small_project.data(home)["inputs"]
    graph = small(home, rubric=str(reworded(home, 'version: "1"', 'version: "2"')),
                  inputs=given | {"rubric_crosswalk": walk})  # fmt: skip
    rows = seed.load_inputs(graph.project).human_labels
    assert rows["rubric_label"].unique().to_list() == ["1"]
    fact = known_of_rubric(graph.project)
    assert not fact.stops
    assert f"{rows.height} of rubric 1 by inputs.rubric_crosswalk" in fact.sentence


def test_an_older_project_s_grades_belong_to_the_rubric_in_force_at_its_first_load(home: Path) -> None:
    """Tables of an older version carry no label: load_seed, which costs nothing, gives them one, once."""
    project = small(home).project
    store = project.store("seed")
    store.overwrite("human_labels", store.read("human_labels").with_columns(rubric_label=pl.lit(None, dtype=pl.String)))
    assert "of no rubric that is known" in known_of_rubric(project).sentence
    rows = store.read("grade_rubrics").height
    loaded = seed.load_inputs(project).human_labels.height
    assert store.read("grade_rubrics").height == rows, "remembered once"
    fact = known_of_rubric(project)
    assert not fact.stops
    assert fact.sentence == (
        f"{loaded} human rows are of rubric 1, {loaded} of them because their file names none and it was in force at "
        "their first load"
    )


def test_a_gate_that_is_not_asked_says_the_rubric_first(home: Path) -> None:
    project = small(home, rubric=str(reworded(home, 'version: "1"', 'version: "2"'))).project
    with pytest.raises(InputError, match="nothing is asked: the loaded grades are of rubric 1"):
        refuse_unsound(Run("looking", Said()), project, project.store("seed").read("gold"), "train and dev")
