"""Are the human grades fit to pay a judge for? What can be known of them is known before a request is sent.

Whether people agree, whether few of their rows were rejected, whether their grades vary. Keep out: queries and pairs a
verdict needs (stages/gate), what an annotator should do (agreement.py).
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import polars as pl

from label_pipeline.core.codes.inputs import KNOWN_AGREEMENT
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed.agreement import HEADLINE
from label_pipeline.stages.seed.causes import by_cause

AGREEMENT, REJECTED, GRADES, RUBRIC = "human agreement", "rejected human rows", "grades", "rubric of the grades"
"""What is known of human grades, as criteria of a verdict name it."""

_OF_RUBRIC = ("unstated", "waiting", "other_rubric")
"""Counts of the books that say what is known of the rubric of the grades."""

CAUSES = 3
"""Reasons shown of rejected rows, the commonest first."""


class GradeFact(NamedTuple):
    """One thing known of the grades.

    Attributes:
        name: of the criterion on the verdict.
        stops: nothing is asked of a judge while it holds.
        sentence: what was found, what was expected, what to do.
    """

    name: str
    stops: bool
    sentence: str


def agreement(figures: pl.DataFrame, floor: float, waiver: str | None) -> dict[str, GradeFact]:
    """By collection: a known alpha below ``floor`` stops, unless somebody says in writing why it should not.

    Args:
        figures: AGREEMENT rows.
        floor: settings `agreement_floor`.
        waiver: settings `agreement_waiver`.
    """
    found: dict[str, GradeFact] = {}
    for row in figures.filter(pl.col("metric") == HEADLINE).sort("collection").iter_rows(named=True):
        low = row["status"] in KNOWN_AGREEMENT and not (row["estimate"] or 0.0) >= floor
        told = row["reason"]
        if low:
            told = f"annotators agree at alpha {row['estimate']:.3f}, the floor is {floor:g}"
            told += (
                f"; calibrated all the same, agreement_waiver: {waiver}" if waiver else
                ": sharpen the rubric where they differ and grade again, or state agreement_waiver with your reason, "
                "which is printed on the verdict"
            )  # fmt: skip
        found[row["collection"]] = GradeFact(AGREEMENT, low and not waiver, told)
    return found


def rejected(books: Mapping[str, int] | None, quarantine: pl.DataFrame, most: float) -> GradeFact:
    """Whether few enough human rows about this project's queries and documents were rejected.

    The rows that several people grade are the ones that contradict each other: without them every judge looks better.

    Args:
        books: INPUT_BOOKS row of the human labels; None in a project that was not loaded since there are any.
        quarantine: QUARANTINE rows of the human labels.
        most: settings `inputs.max_rejected_share`.
    """
    if books is None:
        return GradeFact(
            REJECTED, False, "how many human rows were rejected is not known: load the seed again (load_seed)"
        )
    lost = books["quarantined"] - books["foreign"] - books["repeated"] - (books["other_rubric"] or 0)
    about = books["kept"] + books["not_sampled"] + lost
    share = lost / about if about else 0.0
    told = f"{lost} of {about} human rows about this project's queries and documents were rejected, {share:.1%}"
    if share <= most:
        return GradeFact(REJECTED, False, f"{told}, at most {most:.0%} may be")
    return GradeFact(
        REJECTED, True,
        f"{told}, at most {most:.0%} may be (inputs.max_rejected_share): what is missing may be what people differ on. "
        f"{_causes(quarantine)}; see table quarantine, mend the files and load them again",
    )  # fmt: skip


def rubric_fact(
    label: str,
    *,
    graded_by: pl.Series,
    books: Mapping[str, int] | None,
    crosswalks: Collection[str],
    agreed: bool,
    agreed_by: Sequence[str],
) -> GradeFact:
    """Whether the loaded grades are of the rubric in force.

    Args:
        label: the author's `version` of the rubric in force.
        graded_by: (n,) the label each loaded grade carries; null in tables of older versions.
        books: INPUT_BOOKS row of the human labels; None in a project that was not loaded since there are any.
        crosswalks: labels of older rubrics whose grades settings say the meaning of.
        agreed: the rubric's text is one that grades of this label may rest on.
        agreed_by: who said of a changed text that it means the same.
    """
    counts = dict(graded_by.drop_nulls().value_counts().iter_rows())
    others = sorted(set(counts) - {label} - set(crosswalks))
    unknown, found = graded_by.null_count(), {name: (books or {}).get(name) or 0 for name in _OF_RUBRIC}
    stop = None
    if others or unknown:
        told = f"of rubric {', '.join(others)}" if others else f"of no rubric that is known ({unknown} rows)"
        stop = (
            f"the loaded grades are {told}, the rubric is now {label}: load the seed again (load_seed), which keeps "
            f"those of rubric {label} and sets the others aside"
        )
    elif found["waiting"] and found["unstated"]:
        stop = (
            f"{found['unstated']} human rows were first loaded under rubric {label} and {found['waiting']} under an "
            "earlier one, and their files name none: a grade that came out the same again cannot be told from the old "
            "one, so these would be the changed grades alone. Add column rubric_version to the files"
        )
    elif not agreed:
        stop = (
            f"the text of rubric {label} is another one than people graded by, under the same version: does every "
            "grade mean the same? `label-pipeline rubric` shows what changed; answer once with `label-pipeline rubric "
            "--same-meaning --by NAME`, or raise `version` in the rubric, whose grades are then given anew"
        )
    if stop is not None:
        return GradeFact(RUBRIC, True, stop)
    mapped = [f"{counts[older]} of rubric {older}" for older in sorted(set(counts) - {label})]
    told = f"{graded_by.len()} human rows are of rubric {label}" if graded_by.len() else "no human grade is loaded yet"
    told += f" ({', '.join(mapped)} by inputs.rubric_crosswalk)" if mapped else ""
    if found["unstated"]:
        told += f", {found['unstated']} of them because their file names none and it was in force at their first load"
    if found["other_rubric"]:
        told += f"; {found['other_rubric']} rows of another rubric wait for new grades or inputs.rubric_crosswalk"
    if agreed_by:
        told += f"; its text changed and means the same, says {', '.join(dict.fromkeys(agreed_by))}"
    return GradeFact(RUBRIC, False, told)


def variation(gold: pl.DataFrame, scale: Scale, what: str) -> list[GradeFact]:
    """Whether grades vary, and whether an end of the scale is missing, which only warns.

    A collection whose grades are all alike (``alike``) stops only where there is no other: it is left out.

    Args:
        gold: rows with ``collection`` and ``gold_mean``, of any number of collections.
        scale: the project's scale.
        what: which pairs these are, for people.
    """
    found, alone = [], len(alike(gold)) == gold["collection"].n_unique()
    for (collection,), rows in gold.group_by(["collection"], maintain_order=True):
        whole = (rows["gold_mean"] + 0.5).floor().cast(pl.Int64)
        counts = dict(whole.value_counts().sort("gold_mean").iter_rows())
        told = ", ".join(f"{count} of grade {grade}" for grade, count in counts.items())
        if rows["gold_mean"].n_unique() < 2:
            told = (
                f"all graded {what} pairs are alike ({told}): nothing can be learnt or measured; grade pairs of other "
                "grades too, also what is not relevant"
            )
            found.append(GradeFact(GRADES, alone, f"[{collection}] {'' if alone else 'is left out: '}{told}"))
        elif missing := [str(grade) for grade in (scale.lo, scale.hi) if grade not in counts]:
            told = (
                f"no graded {what} pair has grade {' and '.join(missing)} ({told}): how a judge reads that end of the "
                "scale will not be known"
            )
            found.append(GradeFact(GRADES, False, f"[{collection}] {told}"))
    return found


def alike(gold: pl.DataFrame) -> list[str]:
    """The collections in which every pair has one grade: nothing of them can be learnt or measured."""
    counts = gold.group_by("collection").agg(pl.col("gold_mean").n_unique().alias("grades"))
    return sorted(counts.filter(pl.col("grades") < 2)["collection"])


def _causes(quarantine: pl.DataFrame) -> str:
    """The commonest causes of rejected rows."""
    if quarantine.is_empty():
        return "Reasons are in the table"
    counts = by_cause(quarantine).head(CAUSES)
    return "Mostly: " + "; ".join(
        f"{count} times: {kind}" for kind, count in counts.select("cause", "rows").iter_rows()
    )
