"""Files whose content changed are loaded; enough new pairs are a reason to recalibrate."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from label_pipeline.stages.watch import LOAD_SEED, RECALIBRATE, FileSeen, Finding, Growth, files_changed, seed_grew


def file(stamp: str, content: str, path: str = "labels.csv") -> FileSeen:
    return FileSeen(path, stamp, lambda: content)


def unread() -> str:
    raise AssertionError("the content was read though the stamp is the same")


def look(*files: FileSeen, cursor: str | None = None, written: frozenset[str] = frozenset()) -> Finding:
    return files_changed(files, cursor, written_since_load=written)


def test_the_first_look_only_remembers_and_the_second_reads_nothing() -> None:
    first = look(file("t1", "a"))
    assert first.wanted == ()
    assert look(FileSeen("labels.csv", "t1", unread), cursor=first.cursor).wanted == ()


def test_a_file_written_after_the_seed_was_loaded_is_loaded_at_the_first_look() -> None:
    [wanted] = look(file("t1", "a"), written=frozenset({"labels.csv"})).wanted
    assert wanted.job == LOAD_SEED
    assert "labels.csv" in wanted.reason


def test_a_mere_touch_loads_nothing() -> None:
    touched = look(file("t2", "a"), cursor=look(file("t1", "a")).cursor)
    assert touched.wanted == ()
    assert look(FileSeen("labels.csv", "t2", unread), cursor=touched.cursor).wanted == ()


@pytest.mark.parametrize(
    "after",
    [
        lambda: [file("t2", "b")],
        lambda: [file("t1", "a"), file("t1", "c", "more.csv")],
        lambda: [],
    ],
    ids=["rewritten", "one more", "gone"],
)
def test_changed_content_is_loaded_once(after: Callable[[], list[FileSeen]]) -> None:
    changed = look(*after(), cursor=look(file("t1", "a")).cursor)
    assert [wanted.job for wanted in changed.wanted] == [LOAD_SEED]
    assert look(*after(), cursor=changed.cursor).wanted == ()


def test_a_load_that_failed_is_still_wanted_under_its_key() -> None:
    changed = look(file("t2", "b"), cursor=look(file("t1", "a")).cursor)
    again = files_changed([file("t2", "b")], changed.cursor, written_since_load=frozenset(), unloaded=True)
    assert [wanted.run_key for wanted in again.wanted] == [wanted.run_key for wanted in changed.wanted]
    assert again.cursor == changed.cursor
    untouched = look(file("t1", "a")).cursor
    assert files_changed([file("t1", "a")], untouched, written_since_load=frozenset(), unloaded=True).wanted == ()


def test_content_that_goes_back_is_loaded_again_under_a_key_of_its_own() -> None:
    cursor = look(file("t0", "a")).cursor
    keys: list[str] = []
    for stamp, content in (("t1", "b"), ("t2", "a"), ("t3", "b")):
        found = look(file(stamp, content), cursor=cursor)
        cursor, keys = found.cursor, keys + [wanted.run_key for wanted in found.wanted]
    assert len(set(keys)) == 3


GROWN = Growth(epoch=4, asked=200, learnable=10, held_out={"shop": 20}, graded="hash")


def grew(grown: Growth, *, opened: Sequence[str] = ("shop",), waiting: str = "", share: float = 0.1) -> Finding:
    return seed_grew(grown, share=share, opened=opened, waiting=waiting, about=["shop"])


def test_nothing_new_asks_for_nothing() -> None:
    found = grew(replace(GROWN, learnable=0, held_out={}))
    assert (found.wanted, found.notes) == ((), ("the newest verdict rests on every graded pair",))


def test_new_pairs_are_asked_about_and_no_others() -> None:
    [wanted] = grew(GROWN).wanted
    assert (wanted.job, wanted.fresh, wanted.lane, wanted.since) == (RECALIBRATE, False, "full", None)
    assert wanted.reason == (
        "humans graded 10 pairs for stage calibrate and 20 pairs for stage gate since the newest verdict: only these "
        "are asked"
    )
    assert wanted.run_key == "new_human_labels:grew:4:hash"


@pytest.mark.parametrize(("learnable", "missing"), [(1, 19), (19, 1), (20, 0), (21, 0)])
def test_a_few_pairs_spend_no_look_and_what_is_missing_is_said(learnable: int, missing: int) -> None:
    found = grew(replace(GROWN, learnable=learnable, held_out={}))
    assert bool(found.wanted) == (missing == 0)
    told = f"{missing} more are missing to watch.grown_share 0.1 of the 200 pairs asked about"
    assert (told in found.notes[0]) == bool(missing)


def test_a_share_of_nothing_asks_for_every_pair() -> None:
    assert grew(replace(GROWN, learnable=1, held_out={}), share=0).wanted


def test_a_grown_holdout_alone_spends_no_look_while_the_verdict_stands() -> None:
    holdout = replace(GROWN, learnable=0, held_out={"shop": 90})
    found = grew(holdout)
    assert found.wanted == ()
    assert "pairs of train or dev are missing" in found.notes[0]
    assert grew(holdout, opened=()).wanted, "where nobody may label, they may be what the gate was missing"


def test_a_recalibration_that_is_about_to_come_asks_about_them_too() -> None:
    found = grew(GROWN, waiting="shop is suspended")
    assert found.wanted == ()
    assert found.notes[0].endswith("since the newest verdict: shop is suspended")
