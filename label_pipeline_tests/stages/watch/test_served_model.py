"""Another model, a vanished one, a new fingerprint: look after look, the cursor carried."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from label_pipeline.stages.watch import ANCHOR, RECALIBRATE, Finding, Recorded, WatchedJudge, model_changed
from label_pipeline.stages.watch.served_model import GONE_TICKS, MISSING_TICKS, VANISHED, one_a_reply, remember_asked

JUDGE = WatchedJudge("j1", 3, "main", "model-x", "hash", "model-x-08", {"shop": "verdict-1"})
SUSPENDED = replace(JUDGE, open_verdicts={}, suspended=("shop",))
LISTED = {"main": frozenset({"model-x", "other"})}
WITHOUT = {"main": frozenset({"other"})}
SILENT: Mapping[str, frozenset[str] | None] = {"main": None}


def said(*models: str, epoch: int = 5, fingerprints: Sequence[str] = ()) -> Mapping[str, Recorded]:
    return {JUDGE.key: Recorded(dict.fromkeys(models, epoch), tuple(fingerprints))}


def keys(found: Finding) -> list[str]:
    return [wanted.run_key for wanted in found.wanted]


def test_the_certified_model_wants_nothing_and_says_so() -> None:
    found = model_changed([JUDGE], LISTED, said("model-x-08"), None)
    assert (found.wanted, found.suspend) == ((), ())
    assert found.notes == ("judge j1 is served by model-x-08, as certified",)


def test_another_model_suspends_and_wants_a_fresh_recalibration_as_a_change_from_outside() -> None:
    found = model_changed([JUDGE], LISTED, said("model-x-09"), None)
    [wanted], [suspend] = found.wanted, found.suspend
    assert (wanted.job, wanted.run_key) == (RECALIBRATE, "judge_model_changed:j1@3:1")
    assert (wanted.fresh, wanted.lane, wanted.collections) == (True, "recertify", ("shop",))
    assert suspend.verdict_id == "verdict-1"
    assert suspend.reason == "endpoint main answers as model model-x-09, model-x-08 was certified"


def test_what_the_new_model_said_in_a_calibration_is_evidence_of_it() -> None:
    """Its replies of epoch 5 may certify it, those of epoch 4 may not."""
    assert model_changed([JUDGE], LISTED, said("model-x-09", epoch=5), None).suspend[0].epoch == 4
    assert model_changed([JUDGE], LISTED, said("model-x-09", epoch=3), None).suspend[0].epoch == 3


def test_of_a_vanished_model_only_this_judge_is_suspended() -> None:
    """A judge certified on later replies, perhaps while the list was looked at, is not touched by it."""
    cursor = model_changed([JUDGE], LISTED, said("model-x-08"), None).cursor
    for _ in range(GONE_TICKS):
        found = model_changed([JUDGE], WITHOUT, said("model-x-08"), cursor)
        cursor = found.cursor
    assert [suspend.epoch for suspend in found.suspend] == [JUDGE.epoch]


@pytest.mark.parametrize(
    ("decided", "asked", "since"),
    [
        (3, 3, 3),  # a night in the judge's own epoch: any later verdict
        (5, 3, 5),  # a verdict of another judge came before the change, and is no answer to it
        (3, 7, 6),  # a calibration of epoch 7 met the other model: its verdict is the answer
        (7, 7, 6),
    ],
)
def test_which_verdict_answers_a_change(decided: int, asked: int, since: int) -> None:
    judge = replace(JUDGE, decided=decided)
    other = {JUDGE.key: Recorded({"model-x-09": asked}, (), asked)}
    first = model_changed([judge], LISTED, other, None)
    assert first.wanted[0].since == since
    later = replace(judge, open_verdicts={}, suspended=("shop",), decided=9)
    assert model_changed([later], LISTED, other, first.cursor).wanted[0].since == since, "it stays that of the change"


def test_a_model_that_comes_back_is_not_answered_by_the_verdict_on_the_one_between() -> None:
    first = model_changed([JUDGE], LISTED, said("model-x-09"), None)
    between = replace(SUSPENDED, decided=6)
    [wanted] = model_changed([between], LISTED, {JUDGE.key: Recorded({"model-x-08": 3}, (), 8)}, first.cursor).wanted
    assert (wanted.run_key, wanted.since) == (f"{CHANGED}2", 7)


def test_one_run_answered_by_both_models_is_a_change() -> None:
    assert keys(model_changed([JUDGE], LISTED, said("model-x-08", "model-x-09"), None)) == [f"{CHANGED}1"]


CHANGED = "judge_model_changed:j1@3:"


def test_a_b_a_while_suspended_is_three_changes() -> None:
    cursor: str | None = None
    seen: list[str] = []
    for model in ("model-x-09", "model-x-09", "model-x-08", "model-x-09", "model-x-09"):
        judge = JUDGE if cursor is None else SUSPENDED
        found = model_changed([judge], LISTED, said(model), cursor)
        cursor, seen = found.cursor, seen + keys(found)
    assert seen == [f"{CHANGED}{n}" for n in (1, 1, 2, 3, 3)], "each change its key, a repetition the same one"


def test_certified_again_it_is_a_new_judge_with_a_count_of_its_own() -> None:
    first = model_changed([JUDGE], LISTED, said("model-x-09"), None)
    again = replace(JUDGE, judge_version="j2", epoch=6, model_served="model-x-09")
    calm = model_changed([again], LISTED, {again.key: Recorded({"model-x-09": 6})}, first.cursor)
    assert calm.wanted == ()
    back = model_changed([again], LISTED, {again.key: Recorded({"model-x-08": 6})}, calm.cursor)
    assert keys(back) == ["judge_model_changed:j2@6:1"]
    assert "j1@3" not in str(back.cursor)


def test_a_model_that_leaves_the_list_and_does_not_answer_is_gone_and_its_return_is_a_change() -> None:
    cursor: str | None = None
    seen: list[list[str]] = []
    for listed in (LISTED, WITHOUT, LISTED, *[WITHOUT] * GONE_TICKS, SILENT, LISTED):
        judge = SUSPENDED if [f"{CHANGED}1"] in seen else JUDGE
        found = model_changed([judge], listed, said("model-x-08"), cursor)
        cursor, seen = found.cursor, [*seen, keys(found)]
    # one answer without it is a glitch; silence changes nothing; listed again is the second change
    unlisted = f"{CHANGED}unlisted:"
    asking = GONE_TICKS - MISSING_TICKS
    assert seen == [[], [], [], [], *[[unlisted]] * asking, [f"{CHANGED}1"], [f"{CHANGED}1"], [f"{CHANGED}2"]]


def test_a_model_that_is_missed_for_ten_minutes_is_asked_and_not_suspended() -> None:
    """It was suspended, and stayed so when the list had it back."""
    cursor = model_changed([JUDGE], LISTED, said("model-x-08"), None).cursor
    for listed in (WITHOUT, WITHOUT, LISTED, LISTED):
        found = model_changed([JUDGE], listed, said("model-x-08"), cursor)
        assert found.suspend == ()
        cursor = found.cursor
    assert found.wanted == ()
    assert found.notes == ("judge j1 is served by model-x-08, as certified",)


def test_a_model_that_answers_without_being_listed_goes_on() -> None:
    """A night asks it in the epoch it was certified in: what counts is when it was heard, not in which epoch."""
    cursor = model_changed([JUDGE], LISTED, heard("2026-01-01"), None).cursor
    jobs = []
    for look in range(3 * GONE_TICKS):
        found = model_changed([JUDGE], WITHOUT, heard("2026-01-01" if look < 4 else "2026-01-02"), cursor)
        cursor = found.cursor
        jobs += [wanted.job for wanted in found.wanted]
        assert found.suspend == ()
    assert jobs == [ANCHOR] * 3, "until it was heard; a tick asks once for an occasion"
    assert found.notes == ("endpoint main does not list model model-x any more, but it answers, as model-x-08",)


@pytest.mark.parametrize("missing", [2, 40])
def test_a_cursor_of_an_older_version_says_nothing_of_an_answer(missing: int) -> None:
    """Unknown is no answer: the model is asked; and one suspended as gone is not taken for one that came back."""
    stored = {
        "identity": "model-x-08", "since": 3, "changes": 0, "listed": True, "missing": missing - 1, "asked": [],
    }  # fmt: skip
    found = model_changed([JUDGE], WITHOUT, heard("2026-01-01"), json.dumps({JUDGE.key: stored}))
    assert "answers" not in " ".join(found.notes)
    assert keys(found) == [f"{CHANGED}unlisted:2026-01-01" if missing == 2 else f"{CHANGED}1"]
    gone = stored | {"identity": VANISHED, "changes": 1}
    again = model_changed([SUSPENDED], WITHOUT, heard("2026-01-01"), json.dumps({JUDGE.key: gone}))
    assert keys(again) == [f"{CHANGED}1"], "the same change, not its return"


def heard(at: str) -> Mapping[str, Recorded]:
    return {JUDGE.key: Recorded({"model-x-08": 5}, (), 5, at)}


@pytest.mark.parametrize("listed", [SILENT, {"main": frozenset()}, {}], ids=["silent", "empty", "not in settings"])
def test_no_answer_is_no_change(listed: Mapping[str, frozenset[str] | None]) -> None:
    cursor = model_changed([JUDGE], LISTED, said("model-x-08"), None).cursor
    for _ in range(3):
        found = model_changed([JUDGE], listed, said("model-x-08"), cursor)
        cursor = found.cursor
        assert (found.wanted, found.suspend) == ((), ())


def test_an_alias_that_was_never_listed_cannot_vanish() -> None:
    cursor = None
    for _ in range(4):
        found = model_changed([JUDGE], WITHOUT, said("model-x-08"), cursor)
        cursor = found.cursor
        assert found.wanted == ()


def test_a_recorded_change_needs_no_provider() -> None:
    assert keys(model_changed([JUDGE], SILENT, said("model-x-09"), None)) == [f"{CHANGED}1"]


def test_rotating_fingerprints_ask_once_each_in_thirty_nights() -> None:
    cursor, asked = None, []
    known: set[str] = set()
    for night in range(30):
        fingerprint = f"fp{night % 3}"
        known.add(fingerprint)
        found = model_changed([JUDGE], LISTED, said("model-x-08", fingerprints=sorted(known)), cursor)
        cursor = found.cursor
        assert not found.suspend
        for wanted in found.wanted:
            assert wanted.job == ANCHOR
            asked.append(wanted.run_key)
            cursor = remember_asked(cursor, wanted.about, sorted(known))
    assert asked == [f"judge_model_changed:j1@3:fingerprint:fp{n}" for n in range(3)]


def test_a_suspended_judge_is_not_watched_on_the_anchor() -> None:
    found = model_changed([SUSPENDED], LISTED, said("model-x-08", fingerprints=["fp9"]), None)
    assert found.wanted == ()


def test_what_an_interrupted_look_left_standing_is_suspended_by_the_next() -> None:
    cursor = model_changed([JUDGE], LISTED, said("model-x-09"), None).cursor
    assert [s.verdict_id for s in model_changed([JUDGE], LISTED, said("model-x-09"), cursor).suspend] == ["verdict-1"]


@pytest.mark.parametrize(
    ("distinct", "replies", "nothing"),
    [(1, 300, False), (3, 300, False), (10, 300, False), (149, 300, False), (150, 300, True), (300, 300, True),
     (9, 10, False), (10, 10, True), (0, 0, False)],
)  # fmt: skip
def test_a_fingerprint_for_each_reply_says_nothing(distinct: int, replies: int, nothing: bool) -> None:
    assert one_a_reply(distinct, replies) is nothing
