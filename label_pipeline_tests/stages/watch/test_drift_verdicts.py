"""What a drift verdict asks for, by its cause."""

from dataclasses import replace

import pytest

from label_pipeline.stages.watch import ANCHOR, RECALIBRATE, CanaryStopped, DriftSeen, WatchedJudge, drifted

JUDGE = WatchedJudge("j1", 3, "main", "model-x", "hash", "model-x-08", {"shop": "verdict-1"})
SEEN = DriftSeen("d1", JUDGE, "shop", 7, "healthy", "none", "nothing to do", False, False)


def test_a_healthy_judge_wants_nothing_and_is_told_once() -> None:
    first = drifted([SEEN], None)
    assert (first.wanted, first.suspend) == ((), ())
    assert first.notes == ("[shop] healthy, cause none: nothing to do",)
    assert drifted([SEEN], first.cursor).notes == ("no drift verdict since the last look",)


def test_a_warning_asks_for_one_more_anchor_run_named_by_the_verdict() -> None:
    seen = replace(SEEN, state="warning", cause="unconfirmed", run_again=True)
    [wanted] = drifted([seen], None).wanted
    assert (wanted.job, wanted.run_key) == (ANCHOR, "anchor_drifted:d1")
    assert drifted([replace(seen, drift_id="d2")], None).wanted[0].run_key == "anchor_drifted:d2"


@pytest.mark.parametrize(
    ("cause", "lane"), [("judge changed", "recertify"), ("leniency", "full"), ("capability", "full")]
)
def test_drift_of_the_judge_asks_for_a_recalibration(cause: str, lane: str) -> None:
    seen = replace(SEEN, state="drifted", cause=cause, action="calibrate again", suspends=True)
    found = drifted([seen], None)
    [wanted], [suspend] = found.wanted, found.suspend
    assert (wanted.job, wanted.fresh, wanted.lane, wanted.collections) == (RECALIBRATE, True, lane, ("shop",))
    assert (suspend.verdict_id, suspend.epoch, wanted.since) == ("verdict-1", 7, 7)
    gone = replace(JUDGE, open_verdicts={}, suspended=("shop",))
    already = drifted([replace(seen, judge=gone)], None)
    assert already.suspend == (), "the asset suspended it"
    assert already.wanted, "and still nobody asked"


@pytest.mark.parametrize("cause", ["population", "humans", "rubric", "repeatability", "silent change"])
def test_other_causes_are_for_people(cause: str) -> None:
    found = drifted([replace(SEEN, cause=cause, suspends=True, action="grade 60 queries")], None)
    assert found.wanted == ()
    assert "grade 60 queries" in found.notes[0]


def test_a_model_that_reports_another_name_is_the_other_sensor_s() -> None:
    seen = replace(SEEN, cause="judge changed", suspends=True, other_model=True)
    assert drifted([seen], None).wanted == ()


def test_a_canary_that_stopped_a_night_asks_for_one_anchor_run_named_by_its_epoch() -> None:
    stopped = CanaryStopped(JUDGE, "shop", 9, "canary: the loss rose")
    [wanted] = drifted([SEEN], None, [stopped]).wanted
    assert (wanted.job, wanted.run_key, wanted.collections) == (ANCHOR, "anchor_drifted:canary:9", ("shop",))
    assert wanted.reason == "[shop] canary: the loss rose"
    gone = replace(JUDGE, open_verdicts={}, suspended=("shop",))
    assert drifted([], None, [replace(stopped, judge=gone)]).wanted == (), "nobody labels there: nothing to find out"
