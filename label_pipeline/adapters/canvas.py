"""What every chart shares: colours, type, a figure with margins in inches, text made safe, and the way to SVG or PNG.

No pyplot, so no global figures. Every text that comes from a user is cleaned, cut and never read as markup or
mathematics.
"""

import base64
import html
import io
import math
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, GREY, PALE, BLUE, ORANGE = "#1f2933", "#6b7280", "#e5e7eb", "#1d5fa6", "#e0913a"
GREEN, RED, PASSING = "#1b7f3b", "#c0312b", "#b9dcc4"
WIDTH = 6.4
"""Inches: 614 CSS pixels."""

MOST_LABELS = 10
"""Labels along an axis; more text would not be readable, nor the file small."""

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
    words = re.sub(r"([\\\[\]*_`<>&!])", r"\\\1", clean(alt, 300))
    return f"![{words}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _saved(figure: "Figure", form: str, metadata: dict[str, str | None]) -> bytes:
    buffer = io.BytesIO()
    with style(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # the reader's fonts draw it
        figure.savefig(buffer, format=form, metadata=metadata, dpi=192)
    return buffer.getvalue()


@contextmanager
def style() -> Iterator[None]:
    """Our look; figures must be made and saved inside it."""
    import matplotlib as mpl

    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # its keys are a Literal of 300 names
        yield


def new_axes(
    title: str, *, height: float, left: float, right: float, bottom: float, top: float
) -> "tuple[Figure, Axes]":
    """A new figure and its one axes of WIDTH x ``height``, with margins, all in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height))
    figure.set_label(clean(title, 90))
    figure.text(0.15 / WIDTH, 1 - 0.28 / height, clean(title, 74), fontsize=10.5, fontweight="bold", va="center")
    inside = (WIDTH - left - right) / WIDTH, (height - bottom - top) / height
    return figure, figure.add_axes((left / WIDTH, bottom / height, *inside))


def ticks(n: int) -> list[int]:
    """The positions among ``n`` that have room for a label."""
    return list(range(0, n, max(1, math.ceil(n / MOST_LABELS))))


def clean(words: str, limit: int) -> str:
    """One line without control characters, at most ``limit`` characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def spelled(value: float) -> str:
    """Three decimals, or none for whole numbers from 1 on."""
    words = f"{value:,.0f}" if abs(value) >= 1 and float(value).is_integer() else f"{value:,.3f}"
    return words.replace("-", "−")
