"""What is said while judging goes on: counts, the speed of now, what is left, and what gave no grade."""

import io

import pytest
from rich.console import Console

from label_pipeline.cli.view import LINE_EVERY_S, View
from label_pipeline.core.judging.advance import RECENT_S, Advance, Speed, lasting, sentence


def test_the_sentence_says_all_of_it_most_frequent_trouble_first() -> None:
    now = Advance(4_500, 10_000, 0.0432, {"malformed": 3, "failed": 1_012, "graded": 0})
    assert sentence(now, 120.0) == (
        "4,500 of 10,000 pairs, 120 a second, 46 s left, $0.0432; no grade: 1,012 failed, 3 malformed"
    )
    assert sentence(Advance(10, 10, 0.0), 2.5) == "10 of 10 pairs, 2.5 a second, $0.0000"
    assert sentence(Advance(99, 100, 0.0), 2.5) == "99 of 100 pairs, 2.5 a second, $0.0000"
    assert sentence(Advance(0, 10, 0.0), None) == "0 of 10 pairs, $0.0000"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (99.4, "99 s"), (99.6, "2 min"), (5_940, "99 min"), (6_000, "1 h 40 min"), (90_300, "25 h 05 min")],
)
def test_times_are_told_as_people_do(seconds: float, said: str) -> None:
    assert lasting(seconds) == said


def test_the_speed_is_of_the_last_minute_and_not_of_what_the_journal_answered() -> None:
    speed = Speed()
    assert speed.of(0, 0.0) is None
    assert speed.of(900_000, 10.0) == 90_000  # all of them known
    for second in range(11, 11 + int(RECENT_S) + 2):
        found = speed.of(900_000 + 5 * (second - 10), float(second))
    assert found == pytest.approx(5.0)


def test_the_speed_of_other_work_begins_anew() -> None:
    speed = Speed()
    speed.of(0, 0.0)
    speed.of(100, 10.0)
    assert speed.of(1, 11.0) is None
    assert speed.of(3, 12.0) == pytest.approx(2.0)


def test_other_work_that_begins_where_the_last_point_stood_has_no_speed_of_before() -> None:
    """A day of 600 pairs in two seconds, then the next one: "13 of 574 pairs, 3.2 a second, 3 min left"."""
    speed = Speed()
    for done in range(1, 601):
        speed.of(done, done / 1_000)  # one point, at the beginning
    assert speed.of(13, 1.5) is None
    assert speed.of(313, 2.5) == pytest.approx(300.0)


def test_looked_at_thousands_of_times_it_keeps_a_minute_of_points() -> None:
    speed = Speed()
    found = [speed.of(n, n / 100) for n in range(30_000)]
    assert found[-1] == pytest.approx(100.0)
    assert len(speed._seen) <= 62


def test_without_a_terminal_a_line_comes_every_few_seconds_with_trouble_in_it() -> None:
    said, at = io.StringIO(), [0.0]
    view = View(Console(file=said, width=200), lambda: at[0])
    with view.stage("amplify"):
        for pair in range(1, 21):
            at[0] += 1.0
            view.progress(Advance(pair, 20, pair / 100, {"failed": pair // 4}))
    lines = [line for line in said.getvalue().splitlines() if "pairs" in line]
    assert len(lines) == 20 // LINE_EVERY_S
    assert lines[1] == "  amplify: 10 of 20 pairs, 1.0 a second, 10 s left, $0.1000; no grade: 2 failed"
