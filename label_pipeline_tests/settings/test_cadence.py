"""How often schedules fire, against the calendar, and what the settings make of it."""

from pathlib import Path

import pytest

from label_pipeline.settings import load
from label_pipeline.settings.cadence import MOST, longest_pause_days, times_a_year
from label_pipeline_tests.settings.test_loading import WHOLE


@pytest.mark.parametrize(
    ("cron", "times", "pause"),
    [
        ("0 2 * * *", 366, 1),
        ("0 4 * * 1", 52, 7),  # 2028 begins on a Saturday
        ("0 4 * * 1-5", 260, 3),
        ("0 0 1 * *", 12, 31),
        ("*/5 * * * *", MOST, 5 / 1440),
        ("30 6 1 1 *", 1, 366),
        ("0 4 * * mon,thu", 104, 4),
    ],
)
def test_a_schedule_is_counted_over_a_leap_year(cron: str, times: int, pause: float) -> None:
    assert times_a_year(cron) == times
    assert longest_pause_days(cron) == pytest.approx(pause)


@pytest.mark.parametrize("cron", ["0 4 * * sat-mon", "0 22-2 * * *", "0 25 * * *", "0 0 31 2 *"])
def test_what_cannot_be_counted_is_taken_for_daily_and_left_to_dagster(cron: str, tmp_path: Path) -> None:
    assert times_a_year(cron) == 366
    assert longest_pause_days(cron) is None
    path = tmp_path / "settings.yaml"
    path.write_text(f"{WHOLE}anchor: {{cron: '{cron}'}}\n")
    assert load(path).anchor_runs_per_year == 366


def test_a_pause_is_found_behind_many_ticks() -> None:
    assert times_a_year("* * 1-7 1 *") == MOST
    assert longest_pause_days("* * 1-7 1 *") > 350  # type: ignore[operator]  # counted


@pytest.mark.parametrize(
    ("lines", "anchor_runs", "canaries"),
    [
        ("", 366, 366),  # a run of the command line every night asks the anchor every night: its labels await it
        ("anchor: {cron: '0 * * * *'}", 8784, 366),
        ("amplify: {cron: '0 */6 * * *'}", 1464, 1464),
        ("amplify: {cron: '0 2 1 * *'}", 366, 366),  # days can be labelled by hand
    ],
)
def test_the_yearly_share_of_false_warnings_is_divided_by_what_the_settings_can_ask(
    lines: str, anchor_runs: int, canaries: int, tmp_path: Path
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(WHOLE + lines)
    found = load(path)
    assert (found.anchor_runs_per_year, found.amplifications_per_year) == (anchor_runs, canaries)
