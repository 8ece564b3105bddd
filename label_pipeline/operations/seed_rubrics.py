"""Which rubric human grades were given by, and whether a text changed under its author's label means the same.

The label decides for grades. A changed text under the same label is asked about once; the answer is kept with the name
of who gave it. Nothing is paid before.
"""

import difflib
import hashlib
from typing import NamedTuple

import polars as pl

from label_pipeline.core.catalogue import GRADE_RUBRICS, RUBRICS
from label_pipeline.core.codes.inputs import HUMAN_LABELS
from label_pipeline.operations.project import Project
from label_pipeline.stages import seed


class RubricTexts(NamedTuple):
    """The texts that grades under the label in force may rest on.

    Attributes:
        label: the author's `version`.
        known: RUBRICS rows of that label, oldest first; empty before the first load.
        agreed: the text in force is one of them, or the label is new.
        changes: what differs from the newest known text, as lines of a diff; empty where it is agreed.
    """

    label: str
    known: pl.DataFrame
    agreed: bool
    changes: tuple[str, ...]


def texts_of_rubric(project: Project) -> RubricTexts:
    """What is known of the texts of the rubric in force."""
    rubric = project.rubric
    known = project.store("seed").read("rubrics").filter(pl.col("label") == rubric.version).sort("known_at")
    if known.is_empty() or rubric.version_hash in known["version_hash"]:
        return RubricTexts(rubric.version, known, True, ())
    before, now = str(known["text"][-1]).splitlines(), rubric.render().splitlines()
    changes = [line for line in difflib.unified_diff(before, now, lineterm="", n=0) if line[:3] not in ("---", "+++")]
    return RubricTexts(rubric.version, known, False, tuple(line for line in changes if not line.startswith("@@")))


def grade_rubric(project: Project) -> seed.GradeRubric:
    """The rubric in force, and what is known of the grades of others."""
    return seed.GradeRubric(
        project.rubric.version, project.store("seed").read("grade_rubrics"), project.settings.inputs.rubric_crosswalk
    )


def remember_rubrics(project: Project, first_loaded: pl.DataFrame) -> None:
    """Keeps the first text of a label, and the rubric in force when grades that do not say theirs were first loaded."""
    if texts_of_rubric(project).known.is_empty():
        _know(project, said_by=None)
    if not first_loaded.is_empty():
        rows = GRADE_RUBRICS.conform(first_loaded.with_columns(first_loaded_at=pl.lit(project.clock())))
        content = hashlib.sha256("".join(first_loaded["grade_key"]).encode()).hexdigest()[:16]
        project.store("seed").append("grade_rubrics", rows, f"grade_rubrics:{content}")


def same_meaning(project: Project, said_by: str) -> None:
    """Keeps that the text in force means what the texts of its label before it meant, and who said so."""
    if not texts_of_rubric(project).agreed:
        _know(project, said_by)


def _know(project: Project, said_by: str | None) -> None:
    rubric = project.rubric
    row = {
        "label": rubric.version, "version_hash": rubric.version_hash, "text": rubric.render(), "said_by": said_by,
        "known_at": project.clock(),
    }  # fmt: skip
    frame = RUBRICS.conform(pl.DataFrame([row], schema_overrides=RUBRICS.schema))
    project.store("seed").append("rubrics", frame, f"rubric:{rubric.version_hash}")


def known_of_rubric(project: Project) -> seed.GradeFact:
    """Whether the human grades are of the rubric in force, as a fact that stops or is printed on the verdict."""
    store, texts = project.store("seed"), texts_of_rubric(project)
    return seed.rubric_fact(
        texts.label,
        graded_by=store.read(HUMAN_LABELS, ["rubric_label"])["rubric_label"],
        books=next(store.read("input_books").filter(pl.col("input") == HUMAN_LABELS).iter_rows(named=True), None),
        crosswalks=project.settings.inputs.rubric_crosswalk,
        agreed=texts.agreed,
        agreed_by=texts.known["said_by"].drop_nulls().to_list(),
    )
