"""One id in two spellings: named, never merged and never left to look like a missing row.

Ids pass through columns of numbers (``12`` becomes ``12.0``, ``007`` becomes ``7``), through systems that compose
letters otherwise (NFC and NFD), with white space, in another case. Texts pass through git, which rewrites line ends.
Keep out: which rows are rejected for it (known.py, grades.py): the same as before, with the cause in the reason.
"""

from collections.abc import Sequence

import polars as pl

from label_pipeline.stages.seed.notes import Oddity
from label_pipeline.stages.seed.values import quoted


def plain(name: str) -> pl.Expr:
    """The id with what programs change taken away; two ids that share it may be one."""
    text = pl.col(name).str.strip_chars().str.normalize("NFC")
    text = text.str.replace(r"^(\d+)\.0+$", "${1}").str.replace(r"^0+(\d)", "${1}").str.to_lowercase()
    return text.str.replace("@.*$", "") if name == "annotator_id" else text


def difference(one: pl.Expr, other: pl.Expr) -> pl.Expr:
    """What two spellings of one id differ in, in words."""
    fraction = r"^\d+\.0+$"
    composed = one.str.normalize("NFC") == other.str.normalize("NFC")
    return (
        pl.when(composed).then(pl.lit("their letters are composed otherwise (Unicode NFC and NFD)"))
        .when(one.str.contains(fraction) | other.str.contains(fraction))
        .then(pl.lit("one went through a column of fractions"))
        .when(one.str.strip_chars() == other.str.strip_chars()).then(pl.lit("one has white space around it"))
        .when(one.str.to_lowercase() == other.str.to_lowercase()).then(pl.lit("they differ in case"))
        .when(one.str.contains("@", literal=True) | other.str.contains("@", literal=True))
        .then(pl.lit("logins of one name before the @"))
        .otherwise(pl.lit("one went through a column of numbers, which drops leading zeros"))
    )  # fmt: skip


def with_near(rows: pl.DataFrame, name: str, known: pl.Series, near: str) -> pl.DataFrame:
    """Adds ``near``: the known id that ``name`` may be another spelling of.

    Null where the id is known itself, where there is none, and where there are several.
    """
    listed = pl.DataFrame({near: known.drop_nulls().unique()})
    unknown = rows.select(name).drop_nulls().unique().join(listed, left_on=name, right_on=near, how="anti")
    if unknown.is_empty():
        return rows.with_columns(pl.lit(None, dtype=pl.String).alias(near))
    alone = listed.with_columns(plain(near).alias("_plain")).filter(pl.len().over("_plain") == 1)
    found = unknown.with_columns(plain(name).alias("_plain")).join(alone, on="_plain", how="inner").drop("_plain")
    return rows.join(found, on=name, how="left", maintain_order="left")


def with_spellings(rows: pl.DataFrame, name: str, group: Sequence[str] = ()) -> pl.DataFrame:
    """Adds ``{name}_twin``: another id of the rows (within ``group``) that may be the same, or null."""
    ids = (
        rows.select(*group, name).drop_nulls(name).unique(maintain_order=True).with_columns(plain(name).alias("_plain"))
    )
    key = [*group, "_plain"]
    twins = ids.with_columns(
        pl.when(pl.len().over(key) > 1).then(
            pl.when(pl.col(name) == pl.col(name).first().over(key)).then(pl.col(name).last().over(key))
            .otherwise(pl.col(name).first().over(key))
        ).alias(f"{name}_twin")
    )  # fmt: skip
    return rows.join(twins.drop("_plain"), on=[*group, name], how="left", nulls_equal=True, maintain_order="left")


def spelling_oddity(name: str) -> Oddity:
    """Ids of ``with_spellings`` that may be one in two spellings; both are kept apart."""
    twin = pl.col(f"{name}_twin")
    return Oddity(
        name, twin.is_not_null(),
        "is there in two spellings, which are kept as two: spell it alike everywhere if it is one",
        pl.format("{} and {}: {}", quoted(pl.col(name)), quoted(twin), difference(pl.col(name), twin)),
    )  # fmt: skip
