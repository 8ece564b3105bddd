"""The user's files become tables; then human agreement, gold grades and splits."""

import numpy as np
import polars as pl

from label_pipeline.adapters.files import read_rows
from label_pipeline.core.codes.inputs import SEED_INPUTS
from label_pipeline.operations.project import Project
from label_pipeline.operations.seed_rubrics import grade_rubric, remember_rubrics
from label_pipeline.stages import seed


def load_inputs(project: Project) -> seed.Assembled:
    """Reads every file of ``SEED_INPUTS`` and replaces the tables.

    Rejected rows are in ``quarantine``, values that were left out in ``input_notes``.

    Raises:
        InputError: a file as a whole cannot be used.
    """
    store, inputs = project.store("seed"), project.settings.inputs
    found = seed.assemble(
        [read_rows(spec) for table in SEED_INPUTS for spec in project.input_specs(table)],
        project.settings.grade_scale,
        seed.Limits(document_chars=inputs.max_document_chars),
        inputs.pairs_per_query,
        rubric=grade_rubric(project),
        before=store.read("documents", ["doc_id", "doc_version"]),
    )
    remember_rubrics(project, found.first_loaded)
    for table in SEED_INPUTS:
        store.overwrite(table, getattr(found, table))
        for name, rows in (("quarantine", found.quarantine), ("input_notes", found.notes)):
            store.overwrite(name, rows.filter(pl.col("input") == table), {"input": table})
    store.overwrite("input_books", found.book_rows)
    return found


def measure_agreement(project: Project) -> pl.DataFrame:
    """Krippendorff's alpha with a query bootstrap interval: the AGREEMENT rows, stored already."""
    store = project.store("seed")
    found = seed.annotator_agreement(store.read("human_labels"), project.settings.grade_scale, np.random.default_rng(0))
    store.overwrite("agreement", found)
    return found


def settle_gold(project: Project) -> pl.DataFrame:
    """One gold grade per pair, panel mean, variance and count: the GOLD rows, stored already."""
    store = project.store("seed")
    gold = seed.gold_labels(store.read("human_labels"))
    store.overwrite("gold", gold)
    return gold


def assign_splits(project: Project) -> pl.DataFrame:
    """Train, dev, holdout or anchor for every query with gold; a query never moves. The SPLITS rows, stored already."""
    store = project.store("seed")
    splits = seed.seed_splits(
        store.read("gold"), store.read("splits"), project.shares, project.clock(), project.settings.splits.salt,
        store.read("queries"),
    )  # fmt: skip
    store.overwrite("splits", splits)
    return splits
