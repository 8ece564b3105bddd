"""Which labels a training set held, worked out again from append-only facts as of the moment it was made.

A manifest names its labels by one hash; a set rebuilt from the labels of that moment with the same hash is that very
set. Where texts or human grades changed since, it cannot be rebuilt: then every label that counted at that moment and
could be in it is taken for a member.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

import polars as pl

from label_pipeline.core.codes.labels import USABLE
from label_pipeline.core.codes.ranking import AMPLIFIED
from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.core.scale import Scale
from label_pipeline.core.splits import TEST_SPLITS
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.core.twins import splits_by_text
from label_pipeline.stages.amplify import current, newest
from label_pipeline.stages.rank.crosswalk import RubricInForce, last_given
from label_pipeline.stages.rank.training_set import build_training_sets

ON_ITS_WAY = timedelta(minutes=2)
"""How long a row may be on its way: its writer reads the clock first, so a set may be made later without it.

Reading and writing take seconds; a longer time would count labels as learnt from that had been recalled before."""


class MembershipInputs(NamedTuple):
    """The tables a training set is made from, as they are now.

    Attributes:
        labels: every LABELS row.
        gold: GOLD rows of train and dev queries.
        splits: SPLITS rows.
        queries: QUERIES rows.
        documents: DOCUMENTS rows.
        scale: the grade scale.
        grades: settings `rank.grades`.
        rubric: the rubric in force and its crosswalk; None where none is known.
    """

    labels: pl.DataFrame
    gold: pl.DataFrame
    splits: pl.DataFrame
    queries: pl.DataFrame
    documents: pl.DataFrame
    scale: Scale
    grades: Literal["auto", "raw", "quarter"]
    rubric: RubricInForce | None = None

    def as_of(self, moment: datetime) -> "MembershipInputs":
        """These inputs with the splits that a set made at ``moment`` went by: dealt by then, and told by their text."""
        dealt = self.splits.filter(pl.col("dealt_at").is_null() | (pl.col("dealt_at") <= moment))
        return self._replace(splits=splits_by_text(dealt, self.queries))


class Members(NamedTuple):
    """The machine labels of one training set.

    Attributes:
        labels: LABELS rows with ``given_at``, as they were when the set was made.
        exact: the set was rebuilt and has the manifest's hash; else these are the labels that may be in it.
    """

    labels: pl.DataFrame
    exact: bool


def usable_at(labels: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """The label rows that would have trained at ``moment``, with ``given_at``; later rows are not looked at."""
    return current(labels.filter(pl.col("labelled_at") <= moment)).filter(pl.col("status").is_in(USABLE))


def members(manifest: Mapping[str, object], inputs: MembershipInputs) -> Members:
    """The machine labels of the training set of ``manifest`` (a TRAINING_SETS row of the amplified arm)."""
    created = manifest["created_at"]
    assert isinstance(created, datetime)  # by the table's schema
    inputs = inputs.as_of(created)
    usable = usable_at(inputs.labels, created)
    early = usable_at(_without_late_withdrawals(inputs.labels, created), created)
    for seen in (usable, early):
        for rubric in _rubrics(seen, inputs.rubric):
            held = _rebuilt(seen, manifest, inputs, created, rubric)
            if held is not None:
                return Members(held, exact=True)
    return Members(_possible(early, manifest, inputs), exact=False)


def recalled_inside(manifest: Mapping[str, object], inputs: MembershipInputs) -> int:
    """How many labels of the training set of ``manifest`` no longer stand: a ranker that learnt from one may not win.

    A label given again after a recall is another label: what was learnt from the first one stays wrong.
    """
    held = members(manifest, inputs).labels
    usable = newest(inputs.labels).filter(pl.col("status").is_in(USABLE))
    return held.join(usable, on=[*PAIR_KEY, "judge_version", "given_at"], how="anti", nulls_equal=True).height


def _without_late_withdrawals(labels: pl.DataFrame, created: datetime) -> pl.DataFrame:
    """The rows without the withdrawals that a set made at ``created`` may have come too early to see."""
    return labels.filter(pl.col("status").is_in(USABLE) | (pl.col("labelled_at") <= created - ON_ITS_WAY))


def _rubrics(labels: pl.DataFrame, in_force: RubricInForce | None) -> list[RubricInForce | None]:
    """The rubrics a set made of ``labels`` may have been made for: the one in force, all of them at once, or one."""
    versions = labels["rubric_version"].unique().sort()
    found: list[RubricInForce | None] = [in_force, None] if in_force and len(versions) > 1 else [in_force]
    return found + [RubricInForce(name) for name in versions if in_force is None or name != in_force.version]


def _rebuilt(
    seen: pl.DataFrame,
    manifest: Mapping[str, object],
    inputs: MembershipInputs,
    created: datetime,
    rubric: RubricInForce | None,
) -> pl.DataFrame | None:
    """The labels of ``seen`` that trained, where the set made of them is that of the manifest; else None."""
    seen = seen if rubric is not None else last_given(seen)  # before labels were told apart by rubric
    try:
        built = build_training_sets(
            seen, inputs.gold, inputs.splits, inputs.scale, created, documents=inputs.documents, grades=inputs.grades,
            rubric=rubric,
        )  # fmt: skip
    except LabelPipelineError:  # what it was made from is no longer there
        return None
    if built.training_set_id(AMPLIFIED) != manifest["training_set_id"]:
        return None
    keys = [*PAIR_KEY, "judge_version"]
    machine = built.rows_by_arm[AMPLIFIED].filter(pl.col("origin") == "machine").select(keys)
    return seen.join(machine, on=keys, how="semi", nulls_equal=True)


def _possible(usable: pl.DataFrame, manifest: Mapping[str, object], inputs: MembershipInputs) -> pl.DataFrame:
    """The usable labels that the manifest does not rule out: of its judges, on no test query."""
    judges = pl.Series([str(manifest["judge_versions"])]).str.json_decode(pl.List(pl.String))[0]
    tested = inputs.splits.filter(pl.col("split").is_in(TEST_SPLITS))
    mine = usable.filter(pl.col("judge_version").is_in(judges.implode()))
    return mine.join(tested, on=list(QUERY_KEY), how="anti")
