"""The product's charts, drawn by matplotlib as small, deterministic SVG (or PNG) for Dagster, MLflow and docs.

A ``draw_*`` function gives the figure, the function of the same name without ``draw_`` its SVG text. No pyplot, so no
global figures. Keep out: statistics (they arrive as numbers). Nothing is told by colour alone, and every text that
comes from a user is cleaned, cut and never read as markup or mathematics.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from label_pipeline.adapters.canvas import (
    BLUE,
    GREEN,
    GREY,
    INK,
    MOST_LABELS,
    ORANGE,
    PALE,
    PASSING,
    RED,
    WIDTH,
    clean,
    data_uri_markdown,
    new_axes,
    png,
    spelled,
    style,
    svg,
    ticks,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_STATUS = {
    "met": (GREEN, "o", "✓ met"),
    "missed": (RED, "X", "✗ missed"),
    "unknown": (RED, "D", "? unknown"),
    "reported": (GREY, "o", "reported"),
    "not applicable": (GREY, "o", "not applicable"),
}
"""Colour, marker and words of a criterion's status."""

_MOST_GRADES_WITH_SHARES, _MOST_GRADES_WITH_COUNTS = 6, MOST_LABELS  # more text would not be readable

__all__ = [
    "confusion", "criteria", "data_uri_markdown", "draw_confusion", "draw_criteria", "draw_grade_distribution",
    "draw_history", "draw_intervals", "grade_distribution", "history", "intervals", "png", "svg",
]  # fmt: skip

HistoryPoint = tuple[datetime, float, bool]
"""When, the figure, and whether it belongs to the baseline."""

IntervalRow = tuple[str, float, float, float]
CriterionRow = tuple[str, float | None, float | None, float | None, str]


def confusion(matrix: NDArray[np.int64], grades: Sequence[int], title: str) -> str:
    """SVG of ``draw_confusion``."""
    return svg(draw_confusion(matrix, grades, title))


def intervals(rows: Sequence[IntervalRow], title: str, reference: float | None = None) -> str:
    """SVG of ``draw_intervals``."""
    return svg(draw_intervals(rows, title, reference))


def criteria(rows: Sequence[CriterionRow], title: str = "Gate criteria") -> str:
    """SVG of ``draw_criteria``."""
    return svg(draw_criteria(rows, title))


def grade_distribution(human: Mapping[int, int], judge: Mapping[int, int], title: str = "Grades given") -> str:
    """SVG of ``draw_grade_distribution``."""
    return svg(draw_grade_distribution(human, judge, title))


def history(points: Sequence[HistoryPoint], low: float, high: float, title: str, unit: str) -> str:
    """SVG of ``draw_history``."""
    return svg(draw_history(points, low, high, title, unit))


def draw_confusion(matrix: NDArray[np.int64], grades: Sequence[int], title: str) -> "Figure":
    """Confusion table: shade = share of the row, so a rare human grade shows as clearly as a frequent one.

    Args:
        matrix: (K, K) counts of pairs, rows the human grade, columns the judge's, both in the order of ``grades``.
        grades: the K grades.
        title: heading.
    """
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.full(matrix.shape, np.nan), where=totals > 0)
    size, written = len(grades), len(grades) <= _MOST_GRADES_WITH_COUNTS
    cell = min(0.8, 4.4 / size)
    with style():
        right = WIDTH - 1.4 - cell * size
        figure, axes = new_axes(title, height=cell * size + 1.15, left=1.4, right=right, bottom=0.55, top=0.6)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="judge's grade", ylabel="human grade")
        if written:
            edges = np.arange(size + 1) - 0.5
            axes.set_facecolor(PALE)  # shows where a row has no pairs
            axes.pcolormesh(edges, edges, shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
        else:
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        shown = ticks(size)
        axes.set_xticks(shown, [str(grades[i]) for i in shown])
        axes.set_yticks(shown, [f"{grades[i]} (n = {totals[i, 0]:,})" for i in shown])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        for row, column in np.ndindex(size, size) if written else ():
            share = float(shares[row, column])
            words = f"{matrix[row, column]:,}"
            if size <= _MOST_GRADES_WITH_SHARES:
                words += "\n–" if math.isnan(share) else f"\n{share:.0%}"
            axes.text(column, row, words, ha="center", va="center", color="white" if share > 0.55 else INK)
        return figure


def draw_intervals(rows: Sequence[IntervalRow], title: str, reference: float | None = None) -> "Figure":
    """Forest plot: one line per row, the figures written beside it.

    Args:
        rows: (label, value, low, high), drawn from the top; nan value = "no data", nan bounds = no line.
        title: heading.
        reference: dashed vertical line, e.g. 0 for differences.
    """
    with style():
        figure, axes = new_axes(title, height=0.3 * len(rows) + 1.05, left=2.25, right=1.7, bottom=0.45, top=0.6)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [clean(label, 30) for label, *_ in rows])
        axes.tick_params(axis="y", length=0, labelsize=8.5)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=PALE, linewidth=0.8)
        axes.set_axisbelow(True)
        if reference is not None:
            axes.axvline(reference, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        for y, (_, value, low, high) in enumerate(rows):
            words = "no data" if math.isnan(value) else f"{spelled(value)} (no interval)"
            if math.isfinite(low) and math.isfinite(high):
                words = f"{spelled(value)} [{spelled(low)}, {spelled(high)}]"
                axes.plot([low, high], [y, y], color=BLUE, linewidth=2, solid_capstyle="butt")
                axes.plot([low, high], [y, y], color=BLUE, marker="|", markersize=7, linestyle="none")
            if not math.isnan(value):
                axes.plot(value, y, color=BLUE, marker="o", markersize=6.5, markeredgecolor="white")
            axes.annotate(words, (1.04, y), xycoords=("axes fraction", "data"), va="center", fontsize=8.5)
        axes.margins(x=0.08)
        return figure


def draw_criteria(rows: Sequence[CriterionRow], title: str = "Gate criteria") -> "Figure":
    """Gate chart: a track a criterion, each on its own scale, with its figure, bound and threshold.

    Args:
        rows: (name, figure, bound, threshold, status) as in a verdict's criteria; None or nan = there is none.
        title: heading.
    """
    with style():
        figure, axes = new_axes(title, height=0.3 * len(rows) + 1.05, left=0.15, right=0.15, bottom=0.4, top=0.55)
        axes.set(xlim=(0, 100), ylim=(len(rows) - 0.4, -1.1))
        axes.set_axis_off()
        for x, words in ((62, "figure"), (71.5, "bound"), (83, "threshold")):
            axes.text(x, -0.8, words, ha="right", va="center", color=GREY, fontsize=8)
        for y, row in enumerate(rows):
            axes.axhline(y + 0.5, color=PALE, linewidth=0.6)
            _criterion(axes, y, row)
        axes.text(
            0, len(rows) - 0.05, "Each track has its own scale: ● figure — bound, ┃ threshold; green: bound passes",
            color=GREY, fontsize=7.5, va="center",
        )  # fmt: skip
        return figure


def _criterion(axes: "Axes", y: int, row: CriterionRow) -> None:
    name, *numbers, status = row
    figure, bound, threshold = (math.nan if number is None else number for number in numbers)
    colour, marker, words = _STATUS.get(status, (GREY, "o", clean(status, 14)))
    axes.text(0, y, clean(name, 34), va="center")
    axes.text(100, y, words, ha="right", va="center", color=colour, fontsize=8.5, fontweight="bold")
    for x, number in ((62, figure), (71.5, bound), (83, threshold)):
        if not math.isnan(number):
            axes.text(x, y, spelled(number), ha="right", va="center", fontsize=8.5)
    known = [number for number in (figure, bound, threshold) if math.isfinite(number)]
    if not math.isfinite(threshold):
        return
    middle, half = (min(known) + max(known)) / 2, (max(known) - min(known)) / 2 or 1.0
    left, right = 33.5, 53.0

    def place(number: float) -> float:
        """The track shows the range of the row's own numbers, with some room at both ends."""
        return (left + right) / 2 + 0.38 * (right - left) * (number - middle) / half

    axes.plot([left, right], [y, y], color=PALE, linewidth=5, solid_capstyle="butt", zorder=1)
    if status in {"met", "missed"} and bound != threshold:
        passes_above = (bound > threshold) == (status == "met")
        side = [place(threshold), right] if passes_above else [left, place(threshold)]
        axes.plot(side, [y, y], color=PASSING, linewidth=5, solid_capstyle="butt", zorder=2)
    axes.plot([place(threshold)] * 2, [y - 0.32, y + 0.32], color=INK, linewidth=1.8, zorder=3)
    axes.plot([place(figure), place(bound)], [y, y], color=colour, linewidth=1.6, zorder=4)
    axes.plot(place(bound), y, color=colour, marker="|", markersize=7, markeredgewidth=1.6, zorder=4)
    axes.plot(place(figure), y, color=colour, marker=marker, markersize=7.5, markeredgecolor="white", zorder=5)


def draw_grade_distribution(
    human: Mapping[int, int], judge: Mapping[int, int], title: str = "Grades given"
) -> "Figure":
    """Share of each grade, humans beside judge, counts written above the bars.

    Args:
        human: number of pairs by grade.
        judge: number of pairs by grade; the totals may differ.
        title: heading.
    """
    grades = sorted(human.keys() | judge.keys())
    with style():
        figure, axes = new_axes(title, height=2.7, left=0.7, right=0.2, bottom=0.5, top=0.65)
        for name, counts, colour, hatch, shift in (
            ("human", human, BLUE, None, -0.2), ("judge", judge, ORANGE, "///", 0.2),
        ):  # fmt: skip
            total = sum(counts.values())
            heights = [counts.get(grade, 0) / total if total else 0.0 for grade in grades]
            places = np.arange(len(grades)) + shift
            bars = axes.bar(places, heights, 0.38, color=colour, hatch=hatch, label=f"{name} (n = {total:,})")
            if len(grades) <= _MOST_GRADES_WITH_COUNTS:
                axes.bar_label(bars, [f"{counts.get(grade, 0):,}" for grade in grades], fontsize=8, padding=2)
        shown = ticks(len(grades))
        axes.set_xticks(shown, [str(grades[i]) for i in shown])
        axes.set(xlabel="grade", ylabel="share of pairs")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.margins(y=0.12)
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
        return figure


def draw_history(points: Sequence[HistoryPoint], low: float, high: float, title: str, unit: str) -> "Figure":
    """A figure over time: runs of the baseline, the runs since, and the band they are expected in.

    Args:
        points: (when, figure, of the baseline), oldest first; runs are drawn evenly spaced, their dates below.
        low: lower end of the band; nan draws none.
        high: upper end.
        title: heading.
        unit: what the figure is in.
    """
    with style():
        figure, axes = new_axes(title, height=2.6, left=0.75, right=1.35, bottom=0.5, top=0.6)
        if math.isfinite(low) and math.isfinite(high):
            axes.axhspan(low, high, color=PALE, linewidth=0)
            axes.annotate("expected of the\nsame judge", (1.02, (low + high) / 2), xycoords=("axes fraction", "data"),
                          va="center", fontsize=8, color=GREY)  # fmt: skip
        xs = range(len(points))
        axes.plot(xs, [value for _, value, _ in points], color=GREY, linewidth=0.8, zorder=2)
        for marker, colour, label, of_baseline in (("o", GREY, "baseline", True), ("D", BLUE, "since", False)):
            mine = [(x, value) for x, (_, value, baseline) in zip(xs, points, strict=True) if baseline is of_baseline]
            if mine:
                axes.plot(*zip(*mine, strict=True), marker=marker, color=colour, linestyle="none", markersize=6,
                          markeredgecolor="white", label=label, zorder=3)  # fmt: skip
        shown = ticks(len(points))
        axes.set_xticks(shown, [f"{points[i][0]:%d %b}" for i in shown], fontsize=8)
        axes.set_ylabel(clean(unit, 30))
        axes.margins(x=0.05, y=0.25)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False, fontsize=8.5)
        return figure
