"""Charts say what they were given, in SVG that is valid, small, the same every time and safe against its own texts."""

import base64
import hashlib
import json
import os
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from label_pipeline.adapters import canvas, plot_latency, plots

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAN = float("nan")
CONFUSION = np.array([[412, 88, 20, 3], [130, 210, 95, 14], [25, 90, 180, 60], [2, 10, 55, 140]])
CRITERIA: list[plots.CriterionRow] = [
    ("looks", 1.0, 1.0, 3.0, "met"),
    ("skill R2", 0.31, 0.171, 0.10, "met"),
    ("within-query pairwise accuracy", 0.71, 0.665, 0.68, "missed"),
    ("errors of 2 grades or more", 0.08, 0.11, 0.15, "met"),
    ("bias in shares of R", -0.03, None, 0.10, "unknown"),
    ("gross errors", 0.2, float("inf"), 0.15, "missed"),
    ("no reply at all", None, None, 0.10, "unknown"),
    ("NMSE (0-100)", 12.3, 14.5, None, "reported"),
    ("slice veto", None, None, None, "not applicable"),
]
ROWS: list[plots.IntervalRow] = [
    ("amplified", 0.512, 0.478, 0.546),
    ("BM25", 0.421, NAN, NAN),
    ("incumbent", NAN, NAN, NAN),
]
CHARTS: dict[str, Callable[[], str]] = {
    "confusion": lambda: plots.confusion(CONFUSION, [0, 1, 2, 3], "Judge against humans"),
    "confusion of ten grades": lambda: plots.confusion(np.full((10, 10), 12_345), list(range(10)), "Ten"),
    "confusion of a hundred grades": lambda: plots.confusion(np.eye(101, dtype=np.int64), list(range(101)), "Many"),
    "intervals": lambda: plots.intervals(ROWS * 8, "nDCG@10", 0.4),
    "criteria": lambda: plots.criteria(CRITERIA * 2, "Gate: closed"),
    "grades": lambda: plots.grade_distribution({0: 5, 1: 3}, {0: 4, 1: 2, 2: 2}, "Grades"),
    "grades of a hundred": lambda: plots.grade_distribution(dict.fromkeys(range(101), 3), {7: 9}, "Grades"),
    "no grades": lambda: plots.grade_distribution({}, {}),
    "latencies": lambda: plot_latency.latencies(np.geomspace(0.1, 90, 5_000), "Latency of 5,000 replies"),
    "one latency": lambda: plot_latency.latencies(np.array([0.0, 1.5]), "Latency of one reply"),
    "no criteria": lambda: plots.criteria([]),
    "no intervals": lambda: plots.intervals([], "None"),
}


def words_of(svg: str) -> list[str]:
    """Every text of the picture, in drawing order."""
    root = ElementTree.fromstring(svg)
    assert root.attrib["role"] == "img"
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_latencies_show_median_and_tail_of_what_took_time() -> None:
    drawn = words_of(plot_latency.latencies(np.array([0.0, *range(1, 102)]), "Latency"))
    assert {"50%: 51 s", "95%: 96 s", "99%: 100 s", "share of 101 replies"} <= set(drawn)
    with pytest.raises(ValueError, match="nothing to draw"):
        plot_latency.latencies(np.zeros(3), "Latency")


def lines_of(figure: "Figure", colour: str) -> list[list[list[float]]]:
    """``[xs, ys]`` of every line of one colour."""
    found = [line for line in figure.axes[0].lines if line.get_color() == colour]
    return [[np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()] for line in found]


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_valid_small_and_the_same_twice(name: str) -> None:
    svg = CHARTS[name]()
    assert words_of(svg)
    assert len(svg) < 60_000
    assert svg == CHARTS[name]()
    assert not re.search(r"20\d\d-\d\d-\d\d", svg)  # a date would change every day


@pytest.mark.outside
def test_another_process_draws_the_same_bytes_without_pyplot() -> None:
    code = (
        "import hashlib, json, sys; from label_pipeline_tests.adapters.test_plots import CHARTS\n"
        "print(json.dumps({n: hashlib.sha256(c().encode()).hexdigest() for n, c in CHARTS.items()}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONHASHSEED": "7"},
    )
    assert done.stderr == ""
    assert json.loads(done.stdout) == {
        name: hashlib.sha256(chart().encode()).hexdigest() for name, chart in CHARTS.items()
    }


def test_confusion_shades_by_row_and_writes_counts() -> None:
    figure = plots.draw_confusion(np.array([[9, 1, 0], [900, 100, 0], [0, 0, 0]]), [1, 2, 4], "Rare and frequent")
    shares = np.asarray(figure.axes[0].collections[0].get_array())
    np.testing.assert_allclose(shares[:2], [[0.9, 0.1, 0.0], [0.9, 0.1, 0.0]])
    words = words_of(plots.svg(figure))
    assert {"900", "100", "90%", "10%", "1 (n = 10)", "2 (n = 1,000)", "4 (n = 0)"} <= set(words)
    assert words.count("–") == 3  # a grade no human gave has no shares, not shares of 0
    assert words.index("human grade") > words.index("judge's grade")  # the axes are named


def test_intervals_draw_what_is_known_and_say_what_is_not() -> None:
    figure = plots.draw_intervals(ROWS, "nDCG@10", reference=0.4)
    assert [[0.478, 0.546], [0.0, 0.0]] in lines_of(figure, canvas.BLUE)
    assert lines_of(figure, canvas.INK) == [[[0.4, 0.4], [0.0, 1.0]]]
    assert len(lines_of(figure, canvas.BLUE)) == 4  # line, its ends and two dots: nothing at all for nan
    words = words_of(plots.svg(figure))
    assert {"amplified", "0.512 [0.478, 0.546]", "0.421 (no interval)", "incumbent", "no data"} <= set(words)
    assert lines_of(plots.draw_intervals(ROWS, "nDCG@10"), canvas.INK) == []


def test_criteria_tell_their_status_in_words_and_numbers() -> None:
    words = words_of(plots.criteria(CRITERIA, "Gate: closed"))
    assert {"Gate: closed", "✓ met", "✗ missed", "? unknown", "reported", "not applicable"} <= set(words)
    assert {"0.310", "inf", "0.171", "0.100", "−0.030", "14.500", "3"} <= set(words)


@pytest.mark.parametrize(
    ("row", "passes_above"),
    [
        (("lower bound above", 0.31, 0.171, 0.10, "met"), True),
        (("lower bound below", 0.31, 0.171, 0.25, "missed"), True),
        (("upper bound below", 0.08, 0.11, 0.15, "met"), False),
        (("upper bound above", 0.08, 0.11, 0.10, "missed"), False),
        (("no finite upper bound", 0.08, float("inf"), 0.10, "missed"), False),
    ],
)
def test_the_passing_side_of_a_threshold_is_shaded(row: plots.CriterionRow, passes_above: bool) -> None:
    figure = plots.draw_criteria([row])
    [[shaded, _]] = lines_of(figure, canvas.PASSING)
    [threshold] = [xs[0] for xs, _ in lines_of(figure, canvas.INK)]
    assert threshold == (min if passes_above else max)(shaded)


def test_grade_distribution_compares_shares_and_writes_counts() -> None:
    figure = plots.draw_grade_distribution({0: 3, 1: 1}, {0: 100, 2: 300})
    heights = [[float(bar.get_height()) for bar in bars] for bars in figure.axes[0].containers]
    assert heights == [[0.75, 0.25, 0.0], [0.25, 0.0, 0.75]]
    assert {"300", "100", "human (n = 4)", "judge (n = 400)"} <= set(words_of(plots.svg(figure)))


def test_texts_of_users_stay_texts() -> None:
    hostile = '<script>"a" & $x^2$\x00\x1b\n</script> 日本語'
    svg = plots.intervals([(hostile, 0.5, 0.4, 0.6)], hostile)
    assert "<script>" not in svg
    title, *_ = [text for text in words_of(svg) if len(text) > 30]
    assert title == '<script>"a" & $x^2$ </script> 日本語'
    assert ElementTree.fromstring(svg).attrib["aria-label"] == title
    assert title[:29] + "…" in words_of(svg)  # the label, cut


def test_png_is_twice_the_size_and_the_same_twice() -> None:
    figure = plots.draw_intervals(ROWS, "nDCG@10")
    png = plots.png(figure)
    width, height = struct.unpack(">II", png[16:24])
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    assert (width, height) == (int(canvas.WIDTH * 192), int(figure.get_figheight() * 192))
    assert png == plots.png(plots.draw_intervals(ROWS, "nDCG@10"))


def test_markdown_carries_the_picture_and_its_alternative_text() -> None:
    svg = plots.intervals(ROWS, "nDCG@10")
    markdown = plots.data_uri_markdown(svg, "nDCG [0.4, *0.6*]\n<b>")
    found = re.fullmatch(r"!\[(.*)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert found is not None
    assert found[1] == r"nDCG \[0.4, \*0.6\*\] \<b\>"
    assert base64.b64decode(found[2]).decode() == svg
