"""One occasion is asked for once; an outage gets one further try; a verdict none."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from label_pipeline.stages.watch import ANCHOR, RECALIBRATE, Attempt, WantedRun, due
from label_pipeline.stages.watch.attempts import Outcome

NOW = datetime(2026, 9, 20, 12, tzinfo=UTC)
PAUSE = timedelta(hours=1)
WANTED = WantedRun(RECALIBRATE, "key", "j1@3", "it changed")


def ran(outcome: Outcome, hours_ago: float = 2) -> Attempt:
    ended = None if outcome == "under way" else NOW - timedelta(hours=hours_ago)
    return Attempt("run-1", "key", outcome, ended)


@pytest.mark.parametrize(
    ("attempts", "answered", "key", "sentence"),
    [
        ([], False, "key", ""),
        ([ran("under way")], False, None, "is under way"),
        ([ran("failed")], False, "key:again", "tried once more"),
        ([ran("failed", 0.5)], False, None, "tried once more in 30 minutes"),
        ([ran("failed"), ran("failed")], False, None, "a second time"),
        ([ran("failed"), ran("under way")], False, None, "is under way"),
        ([ran("failed")], True, None, "the gate has decided since and nothing opened"),  # no second look is paid for
        ([], True, None, "the gate has decided since"),  # a person asked, before the sensor did
        ([ran("under way")], True, None, "is under way"),
        ([ran("cancelled")], False, None, "cancelled and did not settle it: run job recalibrate yourself"),
        ([ran("succeeded")], False, None, "succeeded and did not settle it"),
    ],
)
def test_when_to_ask(attempts: Sequence[Attempt], answered: bool, key: str | None, sentence: str) -> None:
    found = due(WANTED, attempts, answered=answered, now=NOW, retry_after=PAUSE)
    assert found.run_key == key
    assert sentence in found.sentence


def test_an_anchor_run_that_an_outage_ended_is_tried_once_more_too() -> None:
    wanted = WantedRun(ANCHOR, "anchor_drifted:d1", "j1@3", "a warning")
    again = due(wanted, [ran("failed", 99)], answered=False, now=NOW, retry_after=PAUSE)
    assert again.run_key == "anchor_drifted:d1:again"
    assert due(wanted, [ran("failed", 99), ran("failed")], answered=False, now=NOW, retry_after=PAUSE).run_key is None
