"""The one unit of loss."""

import math

import numpy as np

from label_pipeline.core.scale import Scale, nmse


def test_losses_are_shares_of_the_worst_and_an_unreadable_reply_is_the_worst() -> None:
    gold = np.array([1.0, 3.0, 5.0, 2.0])
    found = Scale(1, 5).loss([[1.0, 5.0, 1.0, math.nan]], gold)
    assert found.tolist() == [[0.0, 4 / 16, 1.0, 1.0]]
    halved = Scale(0, 2).loss([[0.0, 2.0, 0.0, math.nan]], (gold - 1) / 2)
    assert halved.tolist() == found.tolist()  # the same errors on another scale
    assert nmse(float(found.mean())) == 56.25  # (0 + 1/4 + 1 + 1) / 4
