"""The fate of every input row: kept, or set aside for a stated reason; and the books that prove none is lost.

A working frame carries ``fate`` (null = still kept), ``reason`` and ``cause``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import polars as pl

from label_pipeline.core.catalogue import QUARANTINE

Fate = Literal["quarantined", "merged", "not judged", "not sampled", "other day"]

NOT_SAMPLED: Final = "not sampled"
"""The fate of rows of pairs beyond ``pairs_per_query``."""

UNJUDGED: Final = tuple(pl.lit(None, dtype=pl.String).alias(name) for name in ("fate", "reason", "cause"))
"""The columns of a working frame before any rule."""

ALIVE = pl.col("fate").is_null()
"""Rows nothing was said against so far."""

_SHOWN = ("task", "collection", "query_id", "doc_id", "context_id", "annotator_id", "grade", "arrived_on")
_ID_CHARS = 200


class Rule(NamedTuple):
    """Rows where ``when`` holds are rejected.

    Attributes:
        cause: a few words by which rows are counted.
        when: which rows.
        reason: what was found in the row, what was expected, what to do.
    """

    cause: str
    when: pl.Expr
    reason: pl.Expr


@dataclass(frozen=True)
class InputBooks:
    """Where the rows of one input table went; every count is rows.

    Attributes:
        input: input table.
        read: records found in its files.
        kept: rows of the resulting table.
        quarantined: rejected with a reason.
        foreign: of these, rows of no query or document of this project, or of customer text.
        repeated: of these, the same grade of the same annotator once more.
        other_rubric: of these, grades of another rubric that nobody vouches for.
        unstated: kept rows whose file does not say by which rubric they were graded.
        waiting: of ``other_rubric``, those whose file does not say it.
        merged: repeats of a kept row that say nothing new.
        not_judged: grades the mapping calls "not judged".
        not_sampled: rows of pairs beyond ``pairs_per_query``.
        other_day: candidates of another day than the one loaded.
    """

    input: str
    read: int
    kept: int
    quarantined: int = 0
    merged: int = 0
    not_judged: int = 0
    not_sampled: int = 0
    other_day: int = 0
    foreign: int = 0
    repeated: int = 0
    other_rubric: int = 0
    unstated: int = 0
    waiting: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for exactly once."""
        rest = self.quarantined + self.merged + self.not_judged + self.not_sampled + self.other_day
        return self.read == self.kept + rest

    @property
    def sentence(self) -> str:
        """The books as one line."""
        parts = {
            "kept": self.kept, "quarantined": self.quarantined, "merged repeats": self.merged,
            "not judged": self.not_judged, "not sampled": self.not_sampled, "of other days": self.other_day,
        }  # fmt: skip
        told = ", ".join(f"{count} {name}" for name, count in parts.items() if count or name == "kept")
        return f"{self.input}: {self.read} rows read = {told}{'' if self.balanced else ' (does NOT add up)'}"


def reject(rows: pl.DataFrame, rules: Iterable[Rule]) -> pl.DataFrame:
    """Quarantines the kept rows a rule holds for; the first such rule gives the reason."""
    rules = list(rules)
    caught = rows.select(ALIVE & pl.any_horizontal(rule.when.fill_null(False) for rule in rules)).to_series()
    if not caught.any():
        return rows
    # sentences are written for the caught rows only: a healthy file of 300,000 rows costs none
    told = rows.filter(caught).select(
        pl.coalesce(pl.when(rule.when).then(rule.reason.fill_null("rejected")) for rule in rules).alias("reason"),
        pl.coalesce(pl.when(rule.when).then(pl.lit(rule.cause)) for rule in rules).alias("cause"),
    )
    return rows.with_columns(
        pl.when(caught).then(pl.lit("quarantined")).otherwise("fate").alias("fate"),
        *(rows[name].scatter(caught.arg_true(), told[name]) for name in told.columns),
    )


def set_aside(rows: pl.DataFrame, when: pl.Expr, fate: Fate) -> pl.DataFrame:
    """Gives the kept rows where ``when`` holds another fate than the quarantine."""
    return rows.with_columns(pl.when(ALIVE & when).then(pl.lit(fate)).otherwise("fate").alias("fate"))


def with_repeats(rows: pl.DataFrame, key: tuple[str, ...], payload: tuple[str, ...]) -> pl.DataFrame:
    """Adds, over the kept rows that share ``key`` (null equals null): which comes first, and whether they agree.

    Returns:
        ``rows`` with ``is_repeat`` (not the first), ``contradicts`` (the rows do not all have the same ``payload``) and
        ``first_at`` ("line 3 of labels.csv"); all false for rows already set aside.
    """
    group = [*key, "fate"]
    content = pl.concat_str([pl.col(name).cast(pl.String).fill_null("\0") for name in payload], separator="\x1f")
    return (
        rows.with_columns(content.alias("_content"), pl.int_range(pl.len()).alias("_at"))
        .with_columns(
            (ALIVE & (pl.col("_at") != pl.col("_at").min().over(group))).alias("is_repeat"),
            (ALIVE & (pl.col("_content").min().over(group) != pl.col("_content").max().over(group))).alias(
                "contradicts"
            ),
            pl.format("line {} of {}", pl.col("line").first().over(group), pl.col("file").first().over(group)).alias(
                "first_at"
            ),
        )
        .drop("_content", "_at")
    )


def quarantine_of(rows: pl.DataFrame, table: str, partition: str = "all") -> pl.DataFrame:
    """The quarantined rows in the shape of the QUARANTINE table: ids and grade only, never text."""
    shown = [pl.col(name).str.slice(0, _ID_CHARS) for name in _SHOWN if name in rows.columns]
    return QUARANTINE.conform(
        rows.filter(pl.col("fate") == "quarantined").select(
            pl.lit(table).alias("input"),
            pl.lit(partition).alias("partition"),
            pl.col("file").alias("source"),
            "line",
            "reason",
            "cause",
            pl.struct(shown).struct.json_encode().alias("row"),
        )
    ).sort("source", "line", maintain_order=True)


def book(rows: pl.DataFrame, table: str, read: int, kept: int) -> InputBooks:
    """The books of one table: what was read and kept is counted at the ends, not from the fates.

    Args:
        rows: working rows; where they have ``query_named`` and ``document_named``, rows of neither are foreign: a
            grade whose document was too long is of this project.
        table: input table.
        read: records found in its files.
        kept: rows of the resulting table.
    """
    fates: dict[str, int] = dict(rows.filter(~ALIVE).group_by("fate").len().iter_rows())
    rejected = rows.filter(pl.col("fate") == "quarantined")
    named = pl.col("query_named") & pl.col("document_named")  # no columns of candidates, none of which are foreign
    foreign = _any(rejected, [~named | pl.col("customer_text")])
    void = _any(rejected.filter(~foreign), [pl.col("void")])
    repeated = _any(rejected.filter(~foreign), [pl.col("is_repeat") & ~pl.col("contradicts")])
    return InputBooks(
        table,
        read,
        kept,
        quarantined=fates.get("quarantined", 0),
        merged=fates.get("merged", 0),
        not_judged=fates.get("not judged", 0),
        not_sampled=fates.get(NOT_SAMPLED, 0),
        other_day=fates.get("other day", 0),
        foreign=int(foreign.sum()),
        repeated=int(repeated.sum()),
        other_rubric=int(void.sum()),
        unstated=int(_any(rows.filter(ALIVE), [pl.col("rubric_stated").is_null()]).sum()),
        waiting=int(_any(rejected.filter(~foreign), [pl.col("void") & pl.col("rubric_stated").is_null()]).sum()),
    )


def _any(rows: pl.DataFrame, conditions: list[pl.Expr]) -> pl.Series:
    """Which rows meet any of the conditions whose columns there are."""
    there = [when for when in conditions if set(when.meta.root_names()) <= set(rows.columns)]
    return rows.select(pl.any_horizontal(*there, pl.lit(False)).fill_null(False).alias("met"))["met"]
