"""A template of the session is made once, by one of several workers, and never half."""

import multiprocessing
import time
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from label_pipeline_tests.templates import once

pytestmark = pytest.mark.outside

SPAWN = multiprocessing.get_context("spawn")


def worker(base: str, number: int, start: Barrier) -> None:
    """What a worker of pytest-xdist does, with a folder of its own below the session's."""

    def make(path: Path) -> None:
        (path / f"by-{number}").touch()
        time.sleep(0.5)  # long enough for another one to begin, if it may

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_XDIST_WORKER", f"gw{number}")
        own = Path(base, f"worker-{number}")
        factory = pytest.TempPathFactory(own, 3, "all", lambda *_: None, _ispytest=True)
        start.wait()
        folder = once(factory, "shared", make)
        (Path(base) / f"found-{number}").write_text(",".join(path.name for path in folder.iterdir()))


def test_workers_make_it_once_and_find_the_same(tmp_path: Path) -> None:
    start = SPAWN.Barrier(3, timeout=120)
    workers = [SPAWN.Process(target=worker, args=(str(tmp_path), number, start)) for number in range(3)]
    for process in workers:
        process.start()
    for process in workers:
        process.join(120)
    assert [process.exitcode for process in workers] == [0, 0, 0]
    found = {(tmp_path / f"found-{number}").read_text() for number in range(3)}
    assert len(found) == 1
    assert found <= {"by-0", "by-1", "by-2"}, "by one of them, and by no other"


def test_one_that_failed_half_way_is_made_by_the_next(tmp_path_factory: pytest.TempPathFactory) -> None:
    def fails(path: Path) -> None:
        (path / "half").touch()
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        once(tmp_path_factory, "failing", fails)
    found = once(tmp_path_factory, "failing", lambda path: (path / "whole").touch())
    assert [path.name for path in found.iterdir()] == ["whole"]
    assert once(tmp_path_factory, "failing", fails) == found
