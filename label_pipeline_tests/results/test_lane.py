"""The lane's table on decisions made up here."""

import numpy as np
import polars as pl

from label_pipeline_tests.results import lane


def test_the_table_counts_openings_and_shows_the_mean_loss_at_the_largest_size() -> None:
    rows = [
        (size, number, judge, size != "44 x 10" and judge == lane.HARMLESS, -0.04 - 0.01 * number, -0.02)
        for size in lane.SIZES
        for number in range(2)
        for judge in lane.IN_ITS_PLACE
    ]
    found = pl.DataFrame(rows, schema=lane.LANE, orient="row")
    lines = lane.shares(found).splitlines()
    assert lines[2] == f"| {lane.HARMLESS} | 0.0% | 100.0% | 100.0% | -0.045 | -0.020 |"
    assert lines[3] == "| `llama3-70b-4prompts` | 0.0% | 0.0% | 0.0% | -0.045 | -0.020 |"
    assert len(lines) == 2 + len(lane.IN_ITS_PLACE)
    assert "2 deals" in " ".join(lane.section(found)[1].split())


def test_a_harmless_change_moves_a_share_of_the_grades_by_one_within_the_scale() -> None:
    grades = np.tile([0.0, 1.0, 2.0, 3.0], 2500)
    moved = lane.moved(grades, np.random.default_rng(0))
    changed = moved != grades
    assert set(np.unique(moved)) == {0.0, 1.0, 2.0, 3.0}
    assert np.abs(moved - grades).max() == 1
    assert abs(changed.mean() - 0.15 * 0.75) < 0.02  # half of the moves at either end of the scale are clipped
