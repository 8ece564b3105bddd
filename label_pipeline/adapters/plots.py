"""The product's four charts, drawn by matplotlib as small, deterministic SVG (or PNG) for Dagster, MLflow and docs.

A ``draw_*`` function gives the figure, the function of the same name without ``draw_`` its SVG text. No pyplot, so no
global figures. Keep out: statistics (they arrive as numbers). Nothing is told by colour alone, and every text that
comes from a user is cleaned, cut and never read as markup or mathematics.
"""

import base64
import html
import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY, PALE, BLUE, ORANGE = "#1f2933", "#6b7280", "#e5e7eb", "#1d5fa6", "#e0913a"
GREEN, RED, PASSING = "#1b7f3b", "#c0312b", "#b9dcc4"
WIDTH = 6.4
"""Inches: 614 CSS pixels."""

_STATUS = {
    "met": (GREEN, "o", "✓ met"),
    "missed": (RED, "X", "✗ missed"),
    "unknown": (RED, "D", "? unknown"),
    "reported": (GREY, "o", "reported"),
    "not applicable": (GREY, "o", "not applicable"),
}
"""Colour, marker and words of a criterion's status."""

_MOST_GRADES_WITH_SHARES, _MOST_GRADES_WITH_COUNTS = 6, 10  # more text would not be readable, nor the file small
_STYLE = {
    "font.family": "DejaVu Sans",  # ships with matplotlib
    "font.size": 9.0,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a name is a dollar
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": INK,
    "ytick.color": INK,
    "figure.facecolor": "white",
    "hatch.color": "white",
    "svg.fonttype": "none",  # text stays text: small, searchable, read aloud
    "svg.hashsalt": "label-pipeline",
}

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
    with _style():
        right = WIDTH - 1.4 - cell * size
        figure, axes = _axes(title, height=cell * size + 1.15, left=1.4, right=right, bottom=0.55, top=0.6)
        axes.set(xlim=(-0.5, size - 0.5), ylim=(size - 0.5, -0.5), xlabel="judge's grade", ylabel="human grade")
        if written:
            edges = np.arange(size + 1) - 0.5
            axes.set_facecolor(PALE)  # shows where a row has no pairs
            axes.pcolormesh(edges, edges, shares, cmap="Blues", vmin=0, vmax=1, edgecolors="white", linewidth=1.5)
        else:
            axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        shown = _ticks(size)
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
    """Forest plot: one line a row, the figures written beside it.

    Args:
        rows: (label, value, low, high), drawn from the top; nan value = "no data", nan bounds = no line.
        title: heading.
        reference: dashed vertical line, e.g. 0 for differences.
    """
    with _style():
        figure, axes = _axes(title, height=0.3 * len(rows) + 1.05, left=2.25, right=1.7, bottom=0.45, top=0.6)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_yticks(range(len(rows)), [_clean(label, 30) for label, *_ in rows])
        axes.tick_params(axis="y", length=0, labelsize=8.5)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x", color=PALE, linewidth=0.8)
        axes.set_axisbelow(True)
        if reference is not None:
            axes.axvline(reference, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        for y, (_, value, low, high) in enumerate(rows):
            words = "no data" if math.isnan(value) else f"{_number(value)} (no interval)"
            if math.isfinite(low) and math.isfinite(high):
                words = f"{_number(value)} [{_number(low)}, {_number(high)}]"
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
    with _style():
        figure, axes = _axes(title, height=0.3 * len(rows) + 1.05, left=0.15, right=0.15, bottom=0.4, top=0.55)
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
    colour, marker, words = _STATUS.get(status, (GREY, "o", _clean(status, 14)))
    axes.text(0, y, _clean(name, 34), va="center")
    axes.text(100, y, words, ha="right", va="center", color=colour, fontsize=8.5, fontweight="bold")
    for x, number in ((62, figure), (71.5, bound), (83, threshold)):
        if not math.isnan(number):
            axes.text(x, y, _number(number), ha="right", va="center", fontsize=8.5)
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
    with _style():
        figure, axes = _axes(title, height=2.7, left=0.7, right=0.2, bottom=0.5, top=0.65)
        for name, counts, colour, hatch, shift in (
            ("human", human, BLUE, None, -0.2), ("judge", judge, ORANGE, "///", 0.2),
        ):  # fmt: skip
            total = sum(counts.values())
            heights = [counts.get(grade, 0) / total if total else 0.0 for grade in grades]
            places = np.arange(len(grades)) + shift
            bars = axes.bar(places, heights, 0.38, color=colour, hatch=hatch, label=f"{name} (n = {total:,})")
            if len(grades) <= _MOST_GRADES_WITH_COUNTS:
                axes.bar_label(bars, [f"{counts.get(grade, 0):,}" for grade in grades], fontsize=8, padding=2)
        shown = _ticks(len(grades))
        axes.set_xticks(shown, [str(grades[i]) for i in shown])
        axes.set(xlabel="grade", ylabel="share of pairs")
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.margins(y=0.12)
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
        return figure


def svg(figure: "Figure") -> str:
    """The figure as SVG text: the same bytes for the same figure; its heading is the accessible name."""
    heading = str(figure.get_label())
    text = _saved(figure, "svg", {"Date": None, "Creator": None, "Title": heading}).decode()
    text = text.replace("'DejaVu Sans'", "'DejaVu Sans', Verdana, sans-serif")  # Verdana is as wide
    return text.replace("<svg ", f'<svg role="img" aria-label="{html.escape(heading)}" ', 1)


def png(figure: "Figure") -> bytes:
    """The figure as PNG at twice the size of its SVG."""
    return _saved(figure, "png", {"Software": None})


def data_uri_markdown(svg: str, alt: str) -> str:
    """Markdown of an image that carries its own data, as Dagster's page shows it."""
    words = re.sub(r"([\\\[\]*_`<>&!])", r"\\\1", _clean(alt, 300))
    return f"![{words}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _saved(figure: "Figure", form: str, metadata: dict[str, str | None]) -> bytes:
    buffer = io.BytesIO()
    with _style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the reader's fonts draw it
        figure.savefig(buffer, format=form, metadata=metadata, dpi=192)
    return buffer.getvalue()


@contextmanager
def _style() -> Iterator[None]:
    """Our look; figures must be made and saved inside it."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # its keys are a Literal of 300 names
        yield


def _axes(title: str, *, height: float, left: float, right: float, bottom: float, top: float) -> "tuple[Figure, Axes]":
    """A new figure and its one axes of WIDTH x ``height``, with margins, all in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    figure.set_label(_clean(title, 90))
    figure.text(0.15 / WIDTH, 1 - 0.28 / height, _clean(title, 74), fontsize=10.5, fontweight="bold", va="center")
    inside = (WIDTH - left - right) / WIDTH, (height - bottom - top) / height
    return figure, figure.add_axes((left / WIDTH, bottom / height, *inside))


def _ticks(n: int) -> list[int]:
    """The positions among ``n`` that have room for a label."""
    return list(range(0, n, max(1, math.ceil(n / _MOST_GRADES_WITH_COUNTS))))


def _clean(words: str, limit: int) -> str:
    """One line without control characters, at most ``limit`` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _number(value: float) -> str:
    """Three decimals, or none for whole numbers from 1 on."""
    words = f"{value:,.0f}" if abs(value) >= 1 and float(value).is_integer() else f"{value:,.3f}"
    return words.replace("-", "−")
