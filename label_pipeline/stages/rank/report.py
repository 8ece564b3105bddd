"""May the amplified ranker become champion? The decision, its sentences, and the table people read."""

import math
from dataclasses import dataclass

import polars as pl

from label_pipeline.core.intervals import Estimate


@dataclass(frozen=True)
class RankerVerdict:
    """The decision about one evaluation.

    Attributes:
        difference: paired nDCG@10, exponential gain, amplified minus seed only, with its 95 % interval.
        n_queries: queries behind it.
        failures: why the amplified ranker may not become champion, as sentences; empty = it may.
        summary: the figures as sentences, whatever the decision.
    """

    difference: Estimate
    n_queries: int
    failures: tuple[str, ...]
    summary: tuple[str, ...]

    @property
    def beats_seed_only(self) -> bool:
        """Derived: true where nothing failed."""
        return not self.failures


def decide(metrics: pl.DataFrame, metric: str, arm: str) -> RankerVerdict:
    """The rule: the lower 95 % bound of the paired difference must be above 0. Unknown is a failure.

    Args:
        metrics: RANKER_METRICS rows of one evaluation.
        metric: the metric's name, e.g. ``nDCG@10 exponential gain``.
        arm: the difference, e.g. ``amplified - seed_only``.
    """
    found = metrics.filter(pl.col("arm") == arm, pl.col("metric") == metric)
    summary = tuple(sentence(row) for row in metrics.filter(pl.col("metric") == metric).iter_rows(named=True))
    if found.height != 1:
        failure = f"{arm} {metric} is unknown: {found.height} figures found, expected one; evaluate again."
        return RankerVerdict(Estimate(math.nan, math.nan, math.nan), 0, (failure,), summary)
    row = found.row(0, named=True)
    difference = Estimate(row["estimate"], row["low"], row["high"])
    failures = []
    if not math.isfinite(difference.low):
        failures.append(
            f"{arm} {metric} is unknown: {row['n_queries']} test queries have a positive grade; "
            "grade more documents of holdout and anchor queries."
        )
    elif not difference.low > 0:
        advice = (
            "the machine labels make the ranker worse: look at the judge before labelling more"
            if difference.high < 0
            else "more test queries narrow the interval, more labelled queries raise the difference"
        )
        failures.append(f"{sentence(row)} The lower bound must be above 0; {advice}. The champion stays as it is.")
    return RankerVerdict(difference, row["n_queries"], tuple(failures), summary)


def sentence(row: dict[str, float | str | None]) -> str:
    """One metric as a sentence with its interval, and p where it is a difference."""
    p = "" if row["p_value"] is None else f", randomisation p = {row['p_value']:.4f}"
    sign = "" if row["p_value"] is None else "+"
    return (
        f"{row['arm']}: {row['metric']} {row['estimate']:{sign}.3f}, 95 % interval {row['low']:{sign}.3f} to "
        f"{row['high']:{sign}.3f} over {row['n_queries']} queries{p}."
    )


def markdown(metrics: pl.DataFrame) -> str:
    """The metrics of one evaluation as a Markdown table, one line per arm and metric, in the order of the frame."""
    lines = ["| arm | metric | estimate | 95 % interval | p | queries |", "|---|---|---|---|---|---|"]
    for row in metrics.iter_rows(named=True):
        p = "" if row["p_value"] is None else f"{row['p_value']:.4f}"
        lines.append(
            f"| {row['arm']} | {row['metric']} | {row['estimate']:.3f} | {row['low']:.3f} to {row['high']:.3f} | {p} | "
            f"{row['n_queries']} |"
        )
    return "\n".join(lines)


def by_language(by_query: pl.DataFrame) -> pl.DataFrame:
    """``language``, ``queries`` with a positive grade, and each arm's mean nDCG@10 with exponential gain, to be read.

    A language is a handful of queries of the test, so nothing is decided by it. No rows where all queries are of one
    language, or none is known.

    Args:
        by_query: of an evaluation.
    """
    known = by_query.filter(pl.col("ndcg_exponential").is_not_nan())
    if known["language"].n_unique() < 2:
        return pl.DataFrame(schema={"language": pl.String, "queries": pl.UInt32})
    means = known.with_columns(pl.col("language").fill_null("unknown")).group_by("language", "arm", maintain_order=True)
    table = means.agg(pl.len().alias("queries"), pl.col("ndcg_exponential").mean().alias("ndcg"))
    return table.pivot(on="arm", index=["language", "queries"], values="ndcg").sort(
        "queries", "language", descending=[True, False]
    )
