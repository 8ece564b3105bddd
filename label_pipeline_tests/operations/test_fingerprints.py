"""A server that makes a new fingerprint for each reply: learnt from one anchor run, and no news from then on."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from label_pipeline.operations.watch.judges import recorded
from label_pipeline.operations.watch.judges import watched as watched_judges
from label_pipeline.rehearsal.faults import ChangedFingerprint, Fault, ScriptedFaults
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.small_project import ANCHOR, DAYS, Small, serving, watched


class OneEach(ScriptedFaults):
    """Nothing is wrong but the fingerprint, which no two replies share."""

    def __init__(self) -> None:
        super().__init__([])
        self._number = 0

    def next(self) -> Fault:
        """The next reply's fingerprint."""
        self._number += 1
        return ChangedFingerprint(f"fp_{self._number}")


@pytest.fixture
def unseen(
    certified_small: Callable[[], Small], world: SampleWorld, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Callable[[], int]]:
    certified_small()
    with serving(world, monkeypatch, OneEach()):
        yield lambda: sum(
            len(recorded(watched(tmp_path / "home").project, judge).fingerprints)
            for judge in watched_judges(watched(tmp_path / "home").project)
        )


def test_it_is_news_once_and_never_again(unseen: Callable[[], int], tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert watched(home, days=1).run("amplified_labels", day=DAYS[0]).success
    assert unseen() > 10, "nothing is known of this server yet: an anchor run is asked for"
    assert watched(home, days=2).run(*ANCHOR).success
    assert unseen() == 0
    assert watched(home, days=3).run("amplified_labels", day=DAYS[1]).success
    assert unseen() == 0, "a night of new fingerprints buys no anchor run"
