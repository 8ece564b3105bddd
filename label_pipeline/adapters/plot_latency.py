"""How long replies took: the share of replies that were there after so many seconds, on a scale of factors of ten.

Keep out: the other charts (plots.py), their look (canvas.py).
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from label_pipeline.adapters.canvas import BLUE, GREY, INK, new_axes, spelled, style, svg

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKED = {0.5: 0.5, 0.95: 0.86, 0.99: 0.99}
"""Shares whose latency is written beside the line, and how high it is written: two that lie close are kept apart."""

MOST_STEPS = 400
"""Points of the line: more are not seen, and make the picture large."""


def latencies(seconds: NDArray[np.float64], title: str) -> str:
    """SVG of ``draw_latencies``."""
    return svg(draw_latencies(seconds, title))


def draw_latencies(seconds: NDArray[np.float64], title: str) -> "Figure":
    """Distribution of latencies, median and tail marked.

    Args:
        seconds: (n,) latency of each reply, seconds; at least one, those of 0 or less are left out.
        title: heading.

    Raises:
        ValueError: no latency is above 0.
    """
    known = np.sort(seconds[seconds > 0])
    if not len(known):
        raise ValueError("no reply has a latency above 0: there is nothing to draw")
    shares = np.linspace(0, 1, min(MOST_STEPS, len(known) + 1))
    with style():
        figure, axes = new_axes(title, height=2.6, left=0.75, right=1.35, bottom=0.55, top=0.6)
        axes.plot(np.quantile(known, shares), shares, color=BLUE, linewidth=1.8)
        axes.set_xscale("log")
        for share, height in MARKED.items():
            at = float(np.quantile(known, share))
            axes.plot([at], [share], marker="o", color=INK, markersize=5, zorder=3)
            axes.annotate(f"{share:.0%}: {spelled(at)} s", (1.02, height), xycoords=("axes fraction", "data"),
                          va="center", fontsize=8, color=GREY)  # fmt: skip
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set(xlabel="seconds until the reply was there", ylabel=f"share of {len(known):,} replies")
        return figure
