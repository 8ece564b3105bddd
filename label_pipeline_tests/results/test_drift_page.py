"""The section on drift, on figures made up here; the real ones are held in stages/anchor/test_years.py."""

import numpy as np

from label_pipeline_tests.results import drift_page
from label_pipeline_tests.results.drift import COMBINED, DETECTORS, HEALTHY, Change, Detection

NEVER = np.full(4, np.nan)
QUIET = Detection(HEALTHY, 0.0, dict.fromkeys((*DETECTORS, *COMBINED), NEVER), float("nan"))
SEEN = Detection(
    Change("lenient", "leniency", 0.5), 0.19,
    {
        "e-process": np.array([2.0, 3.0, np.nan, 4.0]), "jump": np.array([1.0, 1.0, 1.0, 9.0]), "flips": NEVER,
        "any": np.array([1.0, 1.0, 1.0, 4.0]), "suspended": np.array([2.0, 2.0, 2.0, 2.0]),
    },
    0.75,
)  # fmt: skip


def test_a_row_shows_shares_and_the_median_run_of_years_with_an_alarm() -> None:
    rows = drift_page.drift_table([QUIET, SEEN]).splitlines()[2:]
    assert rows == [
        "| healthy | +0.000 | 0.0% | 0.0% | 0.0% | 0.0% | 0.0% | – |",
        "| lenient | +0.190 | 75.0% (3) | 100.0% (1) | 0.0% | 100.0% (1) | 100.0% (2) | 75.0% |",
    ]


def test_the_section_says_what_the_healthy_row_found() -> None:
    loud = Detection(HEALTHY, 0.0, QUIET.first | {"jump": np.array([5.0, np.nan, np.nan, np.nan])}, float("nan"))
    words = " ".join(" ".join(drift_page.section([loud, SEEN])).split())
    assert "They do so in 25.0% and 0.0% of healthy years" in words
    assert "A healthy judge is suspended in 0.0% of years" in words
