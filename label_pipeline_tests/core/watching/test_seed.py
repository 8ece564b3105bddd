"""Files whose content changed are loaded; pairs nobody asked about are a reason to recalibrate."""

from collections.abc import Callable

import pytest

from label_pipeline.core.watching import LOAD_SEED, RECALIBRATE, FileSeen, Finding, files_changed, seed_grew


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


def test_content_that_goes_back_is_loaded_again_under_a_key_of_its_own() -> None:
    cursor = look(file("t0", "a")).cursor
    keys: list[str] = []
    for stamp, content in (("t1", "b"), ("t2", "a"), ("t3", "b")):
        found = look(file(stamp, content), cursor=cursor)
        cursor, keys = found.cursor, keys + [wanted.run_key for wanted in found.wanted]
    assert len(set(keys)) == 3


def grew(calibrate: int, gate: int, *suspended: str) -> Finding:
    unseen = {"calibrate": calibrate, "gate": gate}
    return seed_grew(unseen, "hash", epoch=4, suspended=suspended, collections=["shop"])


def test_nothing_new_asks_for_nothing() -> None:
    assert grew(0, 0).wanted == ()


def test_new_pairs_are_asked_about_and_no_others() -> None:
    [wanted] = grew(10, 20).wanted
    assert (wanted.job, wanted.fresh, wanted.lane) == (RECALIBRATE, False, "full")
    assert wanted.reason == (
        "humans graded 10 pairs for stage calibrate and 20 pairs for stage gate since the newest calibration: only "
        "these are asked"
    )
    assert wanted.run_key == "new_human_labels:grew:4:hash"


def test_under_a_suspension_every_pair_is_asked_again() -> None:
    [wanted] = grew(0, 20, "shop").wanted
    assert wanted.fresh
    assert "shop is suspended" in wanted.reason
