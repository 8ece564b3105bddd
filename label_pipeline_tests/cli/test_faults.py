"""A full disk, tables that cannot be written and two runs at once: each ends with its sentence, and nothing is lost."""

import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.cli.exits import BUSY, DONE, FAILED
from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.faults import ScriptedFaults, SlowReply
from label_pipeline.rehearsal.protocol import ChatRequest, Model, ModelAnswer
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.settings import load
from label_pipeline_tests.cli.commands import Shell, ended, stats, wait_for_requests
from label_pipeline_tests.cli.conftest import Serve
from label_pipeline_tests.cli.own_data import CANDIDATES, CONCURRENCY, GOOD, KEY, KEY_VARIABLE, point_at
from label_pipeline_tests.cli.test_interruption import AMPLIFY, labels, runs

pytestmark = pytest.mark.slow

# As root without these capabilities, a folder's mode bits hold: CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH.
_AS_ANYBODY = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_FULL_AT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""
AS_ANYBODY = (sys.executable, "-c", _AS_ANYBODY)
"""Runs the command behind it with the rights mode bits give."""


def full_at(size: int) -> tuple[str, ...]:
    """Runs the command behind it with files that may not grow beyond ``size`` bytes, as on a full disk."""
    return (sys.executable, "-c", _FULL_AT, str(size))


class Wordy:
    """The recorded judge with a rationale so long that its replies, and nothing else, fill a small disk."""

    def __init__(self, model: Model, characters: int) -> None:
        self._model, self._rationale = model, f"because{' ' * characters}of this"
        self.name, self.served_as, self.fingerprint = model.name, model.served_as, model.fingerprint

    def answer(self, request: ChatRequest) -> ModelAnswer:
        """Its grade, wordily."""
        grade = self._model.answer(request).grade
        assert grade is not None
        return json_reply(self._rationale, grade)


@pytest.fixture(scope="module")
def undisturbed(
    certified_folder: Path, models: dict[str, Model], tmp_path_factory: pytest.TempPathFactory
) -> pl.DataFrame:
    """Labels of the same project when nothing is wrong."""
    folder = shutil.copytree(certified_folder, tmp_path_factory.mktemp("undisturbed") / "company")
    with running_provider(make_app(list(models.values()), api_key=KEY)) as url:
        point_at(folder / "settings.yaml", url)
        end = Shell(folder, {KEY_VARIABLE: KEY}).here("run", "--config", folder / "settings.yaml", *AMPLIFY)
    assert end.code == DONE, end.said
    return labels(folder / "settings.yaml")


@pytest.fixture
def project(certified: Callable[..., Path], serve: Serve) -> tuple[Path, str]:
    """Settings of a certified project, and the address of its provider, which takes its time."""
    url = serve(faults=ScriptedFaults([], then=SlowReply(0.1)))
    return certified(url), url


def allow_writing(folder: Path, *, allowed: bool) -> None:
    """Sets the mode bits of everything under ``folder``, and of itself."""
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        path.chmod(mode | stat.S_IWUSR if allowed else mode & ~0o222)


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nothing under ``folder`` can be written while the block runs; skips where this process is above such bits."""
    allow_writing(folder, allowed=False)
    try:
        touched = subprocess.run([*AS_ANYBODY, "touch", folder / "anything"], capture_output=True, check=False)
        if touched.returncode == 0:
            pytest.skip("no folder is read-only for this user, and its capabilities cannot be given up")
        yield
    finally:
        allow_writing(folder, allowed=True)


def kept(config: Path) -> int:
    """Replies in the journal."""
    with closing(sqlite3.connect(load(config).home_path / "journal.sqlite")) as journal:
        return int(journal.execute("SELECT count(*) FROM replies").fetchone()[0])


def finish(shell: Shell, config: Path, undisturbed: pl.DataFrame) -> None:
    """The fault is repaired: the same command again ends with the labels of a run that never met it."""
    again = shell.here("run", "--config", config, *AMPLIFY)
    assert again.code == DONE, again.said
    assert labels(config).equals(undisturbed)


def test_a_journal_on_a_full_disk_ends_the_run_and_what_it_kept_is_not_paid_for_again(
    certified: Callable[..., Path], serve: Serve, models: dict[str, Model], shell: Shell, undisturbed: pl.DataFrame
) -> None:
    url = serve(Wordy(models[GOOD], 60_000))
    config = certified(url)
    before = kept(config)

    end = ended(shell.start("run", "--config", config, *AMPLIFY, through=full_at(1_500_000)))

    assert end.code == FAILED, end.said
    assert f"amplify stopped: journal {load(config).home_path / 'journal.sqlite'} cannot be written: " in end.said
    assert "with free space and write permission; replies committed before are kept" in end.said
    assert labels(config).is_empty()
    assert 0 < kept(config) - before < CANDIDATES
    finish(shell, config, undisturbed)
    assert stats(url)["requests"] - stats(url)["distinct_bodies"] <= CONCURRENCY, "what was under way, no more"
    assert kept(config) - before == stats(url)["distinct_bodies"]


def test_tables_that_cannot_be_written_end_the_run_before_it_asks_for_anything(
    project: tuple[Path, str], shell: Shell, undisturbed: pl.DataFrame
) -> None:
    config, url = project
    with read_only(load(config).home_path / "tables"):
        end = ended(shell.start("run", "--config", config, *AMPLIFY, through=AS_ANYBODY))
    assert end.code == FAILED, end.said
    assert "amplify stopped: table candidates under" in end.said
    assert "cannot be written" in end.said
    assert "denied" in end.said
    assert stats(url)["requests"] == 0
    finish(shell, config, undisturbed)


def test_tables_that_become_read_only_half_way_lose_no_reply_that_was_paid_for(
    project: tuple[Path, str], shell: Shell, undisturbed: pl.DataFrame
) -> None:
    config, url = project
    before = kept(config)
    process = shell.start("run", "--config", config, *AMPLIFY, through=AS_ANYBODY)
    wait_for_requests(url, 5)
    with read_only(load(config).home_path / "tables"):
        end = ended(process)
    assert end.code == FAILED, end.said
    assert "amplify stopped: table judgements under" in end.said
    assert "cannot be written" in end.said
    assert labels(config).is_empty()
    assert runs(config).is_empty()
    assert kept(config) - before == stats(url)["requests"] > 0
    finish(shell, config, undisturbed)
    assert stats(url)["requests"] == stats(url)["distinct_bodies"], "nothing was asked for twice"


def test_of_two_runs_of_one_day_at_once_one_labels_and_the_other_says_so_and_sends_nothing(
    certified: Callable[..., Path], serve: Serve, shell: Shell, undisturbed: pl.DataFrame
) -> None:
    url = serve(faults=ScriptedFaults([], then=SlowReply(0.6)))  # the second one starts within the first one's time
    config = certified(url)
    first = shell.start("run", "--config", config, *AMPLIFY)
    wait_for_requests(url, 1)
    second = shell.here("run", "--config", config, *AMPLIFY)
    assert first.poll() is None, "the first one was not running any more: this test tested nothing"
    assert second.code == BUSY, second.said
    assert (
        "amplify stopped: another run of project company is asking a judge; two at once would pay twice" in second.said
    )
    assert ended(first).code == DONE
    assert labels(config).equals(undisturbed)
    asked = stats(url)["requests"]
    assert asked == stats(url)["distinct_bodies"]
    finish(shell, config, undisturbed)
    assert stats(url)["requests"] == asked, "the second one, run again, finds everything labelled"
