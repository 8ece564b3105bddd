"""A figure with its interval, and without what is not known."""

import math

import pytest

from label_pipeline.core.figures import told


@pytest.mark.parametrize(
    ("figure", "form", "text"),
    [
        ((0.81234, 0.7, 0.9), ".3f", "0.812 [0.700, 0.900]"),
        ((0.05, -0.01, 0.11), "+.3f", "+0.050 [-0.010, 0.110]"),
        ((6.294, 4.8, 8.91), ".2f", "6.29 [4.80, 8.91]"),
        ((0.0, 0.0, 0.0), ".3f", "0.000 [0.000, 0.000]"),
        ((0.5, None, 0.9), ".3f", "0.500, interval not known"),
        ((0.5, 0.1, math.nan), ".3f", "0.500, interval not known"),
        ((0.5, None, None), ".3f", "0.500, interval not known"),
        ((None, 0.1, 0.9), ".3f", "not known"),
        ((math.nan, None, None), ".3f", "not known"),
    ],
)
def test_told(figure: tuple[float | None, ...], form: str, text: str) -> None:
    assert told(*figure, form=form) == text
