"""Sentences of docs/results.md that depend on what was found, and the wrapping of text.

Pure functions. Keep out: tables (tables.py), the order of the page (page.py).
"""

from collections.abc import Mapping, Sequence
from textwrap import fill

import polars as pl

from label_pipeline_tests.results import tables
from label_pipeline_tests.results.graph import JudgeRun
from label_pipeline_tests.results.recorded import POLICY

MAIN = "nDCG@10 exponential gain"


def opening(judges: Sequence[str], truth: pl.DataFrame, looks: pl.DataFrame) -> list[str]:
    """Which judges deserve to open and which do open, from the figures."""
    able = {judge: deserves(truth, judge) for judge in judges}
    n = looks["split"].n_unique()
    good = [f"`{judge}` {tables.share_open(looks, judge):.1%}" for judge, ok in able.items() if ok]
    bad = [f"`{judge}` {tables.share_open(looks, judge):.1%}" for judge, ok in able.items() if not ok]
    return [
        text(
            f"Over all pairs {len(good)} of {len(able)} judges are on the right side of every threshold. They open in "
            f"this share of {n} re-splits: {', '.join(good) or 'none'}. A judge near a threshold opens seldom, because "
            "the bound and not the figure must pass it."
        ),
        text(
            "Judges on the wrong side of a threshold, for which every opening is a wrong one: "
            f"{', '.join(bad) or 'none'}."
        ),
    ]


def deserves(truth: pl.DataFrame, judge: str) -> bool:
    """Whether the judge's figures over all pairs satisfy the policy."""
    values = {key: tables.true_value(truth, judge, key) for key in tables.THRESHOLDS}
    return (
        values[tables.R2] > POLICY.r2_low
        and values[tables.ACCURACY] > POLICY.pairwise_accuracy_low
        and values[tables.GROSS] < POLICY.gross_error_high
        and abs(values[tables.BIAS]) < POLICY.bias_high
    )


def proof(run: JudgeRun) -> list[str]:
    """In plain words whether these labels beat the human seed, BM25 and chance."""
    rows = {(row["arm"], row["metric"].split()[1]): row for row in run.metrics.iter_rows(named=True)}
    main, other = (rows["amplified - seed_only", gain] for gain in tables.GAINS)
    machine = run.labels.height
    return [
        text(f"{beats(main, 'the human seed alone', 'exponential')} {beats(other, 'it', 'linear')} "
             f"{beats(rows['amplified - bm25', 'exponential'], 'BM25', 'exponential')} "
             f"{control(rows['permuted', 'exponential'], rows['bm25', 'exponential'])}"),
        text(f"{main['n_queries']} of the test queries have a positive grade; the interval of the difference to the "
             f"seed is {main['high'] - main['low']:.3f} wide. Of the {machine:,} labels only those of train and dev "
             "queries are trained on."),
    ]  # fmt: skip


def beats(row: Mapping[str, float], what: str, gain: str) -> str:
    """A difference as a plain sentence."""
    figure = f"{row['estimate']:+.3f} [{row['low']:+.3f}, {row['high']:+.3f}]"
    if row["low"] > 0:
        return f"With {gain} gain the amplified ranker **beats {what}**: {figure}."
    worse = "it is worse" if row["high"] < 0 else "the interval includes 0"
    return f"With {gain} gain the amplified ranker **does not beat {what}**: {figure}, {worse}."


def control(permuted: Mapping[str, float], bm25: Mapping[str, float]) -> str:
    """Whether the negative control behaves."""
    figures = f"{permuted['estimate']:.3f} against {bm25['estimate']:.3f}"
    if permuted["high"] < bm25["low"]:
        return f"Permuted labels lose to BM25, as they must: {figures}."
    return f"**Permuted labels do not clearly lose to BM25 ({figures}): distrust this test.**"


def picture_rows(runs: Sequence[JudgeRun]) -> list[tuple[str, float, float, float]]:
    """Rows of the picture: BM25 and seed once, then every judge's rankers."""
    rows: list[tuple[str, float, float, float]] = []
    shared: tuple[str, ...] = ("bm25", "seed_only")
    for run in (run for run in runs if not run.metrics.is_empty()):
        main = run.metrics.filter(pl.col("metric") == MAIN)
        for arm in (*shared, "amplified", "permuted"):
            row = main.filter(pl.col("arm") == arm).row(0, named=True)
            words = arm if arm in shared else f"{arm} {run.judge}"
            rows.append((words, row["estimate"], row["low"], row["high"]))
        shared = ()
    return rows


def text(words: str) -> str:
    """A paragraph, filled to 120 characters."""
    return fill(words, 120, break_long_words=False, break_on_hyphens=False)


def item(words: str) -> str:
    """One item of a list, filled."""
    return fill(words, 120, initial_indent="- ", subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
