"""Rejected rows by cause: how many, the first of them as the example, the commonest first.

Keep out: which rows are rejected (quarantine.py and the rules).
"""

import polars as pl

_OWN = r"'[^']*'|\"[^\"]*\"|\d+"
"""What a reason says of its own row: quoted values and numbers."""


def by_cause(rejected: pl.DataFrame) -> pl.DataFrame:
    """One row a cause: ``cause``, ``rows``, and of the first row its ``source``, ``line`` and ``reason``.

    Args:
        rejected: QUARANTINE rows of one input; of older rows, without a cause, the reason without names and numbers is
            it.
    """
    told = pl.col("reason").str.replace_all(_OWN, "..").str.splitn(";", 2).struct.field("field_0")
    named = pl.coalesce("cause", told) if "cause" in rejected.columns else told
    return (
        rejected.with_columns(named.alias("cause"))
        .group_by("cause", maintain_order=True)
        .agg(pl.len().alias("rows"), pl.col("source", "line", "reason").first())
        .sort("rows", descending=True, maintain_order=True)
    )


def cause_lines(rejected: pl.DataFrame) -> list[str]:
    """A line a cause of every input, most rows first: how many, the first one's reason, where it is."""
    lines = []
    for (table,), rows in rejected.group_by(["input"], maintain_order=True):
        for row in by_cause(rows).iter_rows(named=True):
            many, first = ("row", "") if row["rows"] == 1 else ("rows", "the first, ")
            told = f"{row['rows']:,} {many} of {table}: {row['cause']} ({first}{row['source']}:{row['line']}: "
            lines.append((row["rows"], f"{told}{row['reason']})"))
    return [line for _, line in sorted(lines, key=lambda line: -line[0])]
