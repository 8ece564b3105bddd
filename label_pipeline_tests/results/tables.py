"""Markdown tables of the results: pure functions from frames and records to text, the same bytes for the same figures.

Keep out: running anything (graph.py, recorded.py), prose (page.py).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from label_pipeline.core.agreement import cohen_kappa, quadratic_kappa
from label_pipeline_tests.results.graph import JudgeRun
from label_pipeline_tests.results.recorded import POLICY, SCALE

R2, ACCURACY, GROSS, BIAS = (
    "skill R2", "within-query pairwise accuracy", "errors of 2 grades or more", "bias in shares of R",
)  # fmt: skip
THRESHOLDS = {
    R2: f"> {POLICY.r2_low:g}",
    ACCURACY: f"> {POLICY.pairwise_accuracy_low:g}",
    GROSS: f"< {POLICY.gross_error_high:g}",
    BIAS: f"within ± {POLICY.bias_high:g}",
}
"""The criteria on the judge's grades and what their bounds must satisfy."""

HEADINGS = {R2: "R²", ACCURACY: "pairwise accuracy", GROSS: "off by 2 or more", BIAS: "bias in R"}
OTHERS = ("looks", "queries", "unreadable replies")
REPORTED = ("NMSE (0-100)", "Cohen's kappa", "quadratic kappa", "the judge's own nDCG@10")
ARMS = ("bm25", "seed_only", "amplified", "amplified_l2", "permuted", "amplified - seed_only", "amplified - bm25")
GAINS = ("exponential", "linear")
WORDS = 40  # a column with a longer cell holds words


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table: figures to the right, words to the left; three decimals, a dash for nothing."""
    cells = [[_shown(cell) for cell in row] for row in rows]
    wordy = [max((len(row[place]) for row in cells), default=0) > WORDS for place in range(len(header))]
    rule = [":--" if place == 0 or words else "--:" for place, words in enumerate(wordy)]
    return "\n".join(_line(line) for line in (header, rule, *cells))


def leaderboard(board: pl.DataFrame) -> str:
    """Every candidate of one calibration, best loss first."""
    rows = [
        (
            name(row["candidate"]),
            f"{row['loss']:.2f} {_interval(row['loss_low'], row['loss_high'])}",
            f"{row['difference']:+.2f} ± {row['difference_se']:.2f}",
            row["pairwise_accuracy"],
            row["quadratic_kappa"],
            f"**{row['reason']}**" if row["chosen"] else row["reason"],
        )
        for row in board.iter_rows(named=True)
    ]
    header = ("judge", "loss, NMSE [95 %]", "paired difference ± SE", "pairwise accuracy", "quadratic kappa", "why")
    return table(header, rows)


def _interval(low: float | None, high: float | None) -> str:
    """Two decimals; a dash where there are too few queries for one."""
    return "[–]" if low is None or high is None else f"[{low:.2f}, {high:.2f}]"


def verdicts(runs: Sequence[JudgeRun], truth: pl.DataFrame, looks: pl.DataFrame) -> str:
    """Every verdict, criterion by criterion: figure, bound, the truth over all pairs, and how often it opens."""
    header = [
        "judge",
        "verdict",
        *(f"{HEADINGS[key]}: {words}" for key, words in THRESHOLDS.items()),
        "re-splits that open",
    ]
    rows = []
    for run in runs:
        criteria = by_name(run)
        cells = [verdict_cell(criteria[key], true_value(truth, run.judge, key)) for key in THRESHOLDS]
        rows.append((name(run.judge), f"**{run.state}**", *cells, f"**{share_open(looks, run.judge):.1%}**"))
    return table(header, rows)


def verdict_cell(criterion: Mapping[str, object], true: float) -> str:
    """Figure, bound, and the truth in brackets; a missed criterion is marked."""
    figure, bound = criterion["figure"], criterion["bound"]
    mark = "" if criterion["status"] == "met" else " **✗**"
    return f"{_shown(figure)}, bound {_shown(bound)}{mark} (truth {_shown(true)})"


def certificate(runs: Sequence[JudgeRun]) -> str:
    """What else the verdicts rest on or report: looks, queries, unreadable replies, and figures that decide nothing."""
    rows = []
    for run in runs:
        criteria = by_name(run)
        met = [f"{_plain(criteria[key]['figure'])} ({criteria[key]['status']})" for key in OTHERS]
        rows.append((name(run.judge), *met, *(criteria[key]["figure"] for key in REPORTED)))
    return table(("judge", *OTHERS, *REPORTED), rows)


def truths(truth: pl.DataFrame) -> str:
    """Agreement of every judge with the assessors over every pair."""
    shown = {
        "Cohen's kappa dl19": "Cohen's kappa DL19", "Cohen's kappa dl20": "DL20", "Cohen's kappa": "both",
        "quadratic kappa": "quadratic kappa", R2: HEADINGS[R2], ACCURACY: HEADINGS[ACCURACY], GROSS: HEADINGS[GROSS],
        BIAS: HEADINGS[BIAS], "NMSE (0-100)": "NMSE", "bias of the raw grade": "raw grade, mean error",
        "the judge's own nDCG@10": "the judge's own nDCG@10",
    }  # fmt: skip
    judges = truth["judge"].unique(maintain_order=True)
    rows = [(name(judge), *(true_value(truth, judge, key) for key in shown)) for judge in judges]
    return table(("judge", *shown.values()), rows)


def resplits(looks: pl.DataFrame, judges: Sequence[str]) -> str:
    """What became of every judge over the re-splits."""
    rows = []
    for judge in judges:
        mine = looks.filter(pl.col("judge") == judge)
        splits = mine.unique("split")
        states = [(splits["state"] == state).mean() for state in ("open", "closed", "insufficient")]
        missed = [
            mine.filter(pl.col("criterion") == key).select(pl.col("status").is_in(["missed", "unknown"]).mean()).item()
            for key in THRESHOLDS
        ]
        spread = [_spread(mine.filter(pl.col("criterion") == key)["figure"]) for key in (R2, ACCURACY)]
        rows.append((name(judge), *(f"{share:.1%}" for share in (*states, *missed, splits["chosen"].mean())), *spread))
    header = (
        "judge", "open", "closed", "insufficient", *(f"missed {HEADINGS[key]}" for key in THRESHOLDS),
        "chosen by its leaderboard", f"{HEADINGS[R2]}, middle 90 %", f"{HEADINGS[ACCURACY]}, middle 90 %",
    )  # fmt: skip
    return table(header, rows)


def books(runs: Sequence[JudgeRun], grades: pl.DataFrame) -> str:
    """What amplify did with the candidates, and how its labels agree with human grades the judge never saw."""
    rows = []
    for run in runs:
        if run.book is None:
            continue
        counts = [run.book[key] for key in ("pairs_in", "labelled", "abstained", "failed", "refused", "requests")]
        joined = run.labels.join(grades, on=["query_id", "doc_id"])
        raw, human = joined["raw_grade"].to_numpy(), joined["human_grade"].to_numpy()
        error = joined["calibrated_grade"].to_numpy() - human
        agreement: list[float | None] = [None, None, None]
        if len(raw):
            explained = 1 - float((error**2).mean() / human.var())
            agreement = [cohen_kappa(raw, human), quadratic_kappa(raw, human, SCALE.grades), explained]
        rows.append((name(run.judge), *(f"{count:,}" for count in counts), *agreement))
    header = (
        "judge", "candidates", "labelled", "abstained", "failed", "refused", "requests", "Cohen's kappa of the labels",
        "quadratic kappa", f"{HEADINGS[R2]} of calibrated labels",
    )  # fmt: skip
    return table(header, rows)


def ranking(metrics: pl.DataFrame) -> str:
    """nDCG@10 of every arm and difference under both gains."""
    rows = []
    for arm in ARMS:
        found = {row["metric"].split()[1]: row for row in metrics.filter(pl.col("arm") == arm).iter_rows(named=True)}
        rows.append((f"`{arm}`", *(cell for gain in GAINS for cell in _metric_cells(found[gain]))))
    header = ("arm", *(words for gain in GAINS for words in (f"nDCG@10, {gain} gain [95 %]", "p")))
    return table(header, rows)


def _metric_cells(row: Mapping[str, float | None]) -> tuple[str, str]:
    sign = "" if row["p_value"] is None else "+"
    words = f"{row['estimate']:{sign}.3f} [{row['low']:{sign}.3f}, {row['high']:{sign}.3f}]"
    return words, "" if row["p_value"] is None else f"{row['p_value']:.4f}"


def by_name(run: JudgeRun) -> dict[str, Mapping[str, object]]:
    """Criterion name to criterion."""
    return {str(criterion["name"]): criterion for criterion in run.criteria}


def true_value(truth: pl.DataFrame, judge: str, key: str) -> float:
    """One figure of one judge over every pair."""
    return float(truth.filter(pl.col("judge") == judge, pl.col("name") == key)["value"].item())


def share_open(looks: pl.DataFrame, judge: str) -> float:
    """Share of the deals in which the judge's verdict is open."""
    mine = looks.filter(pl.col("judge") == judge).unique("split")
    return float((mine["state"] == "open").sum() / mine.height)


def name(judge: str) -> str:
    """A judge's name in a table."""
    return f"`{judge}`"


def _spread(figures: pl.Series) -> str:
    low, middle, high = np.quantile(figures.drop_nulls().to_numpy(), [0.05, 0.5, 0.95])
    return f"{low:.3f} – **{middle:.3f}** – {high:.3f}"


def _plain(figure: object) -> str:
    return f"{figure:g}" if isinstance(figure, float) else _shown(figure)


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return "–" if np.isnan(cell) else f"{cell + 0.0:.3f}".replace("-0.000", "0.000")
    return "–" if cell is None else str(cell)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
