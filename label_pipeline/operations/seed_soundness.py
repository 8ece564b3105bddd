"""Before a judge is paid: whether the human grades are fit for it, refused here at no cost, and said on the verdict."""

import polars as pl

from label_pipeline.core.codes.inputs import HUMAN_LABELS
from label_pipeline.core.errors import InputError, NotApplicableError
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.seed import measure_agreement
from label_pipeline.operations.seed_rubrics import known_of_rubric
from label_pipeline.stages import seed


def known_of_grades(project: Project) -> tuple[tuple[seed.GradeFact, ...], dict[str, seed.GradeFact]]:
    """What was found of rubric and rejected rows; and of agreement by collection, as it was measured last."""
    store, settings = project.store("seed"), project.settings
    figures = store.read("agreement")
    if figures.is_empty() and store.read(HUMAN_LABELS, ["collection"]).height:
        figures = measure_agreement(project)
    books = next(store.read("input_books").filter(pl.col("input") == HUMAN_LABELS).iter_rows(named=True), None)
    quarantine = store.read("quarantine").filter(pl.col("input") == HUMAN_LABELS)
    return (
        (known_of_rubric(project), seed.rejected(books, quarantine, settings.inputs.max_rejected_share)),
        seed.agreement(figures, settings.agreement_floor, settings.agreement_waiver),
    )


def refuse_unsound(run: Run, project: Project, gold: pl.DataFrame, what: str) -> None:
    """Refuses to pay for what the grades cannot answer; warns of what they answer badly.

    Args:
        run: who asks, for the warnings.
        project: the project.
        gold: GOLD rows a judge would be asked about.
        what: which pairs these are, for people.

    Raises:
        InputError: too many human rows were rejected, or they are of another rubric.
        NotApplicableError: people do not agree, or their grades do not vary.
    """
    of_rows, agreement = known_of_grades(project)
    for fact in of_rows:
        if fact.stops:
            raise InputError(f"nothing is asked: {fact.sentence}")
    asked = set(gold["collection"])
    stops = [f"[{name}] {one.sentence}" for name, one in agreement.items() if name in asked and one.stops]
    varied = seed.variation(gold, project.settings.grade_scale, what)
    stops += [one.sentence for one in varied if one.stops]
    if stops:
        raise NotApplicableError(f"nothing is asked: {' '.join(stops)}")
    for one in varied:
        run.log.warning(one.sentence)
