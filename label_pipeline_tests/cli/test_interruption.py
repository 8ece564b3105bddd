"""Runs that are stopped half-way through paying lose nothing and pay for nothing twice."""

import fcntl
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.faults import ScriptedFaults, SlowReply
from label_pipeline.rehearsal.protocol import Model
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.settings import load
from label_pipeline.stages.amplify.label import ORPHAN
from label_pipeline_tests.cli.commands import Shell, ended, stats, wait_for_requests
from label_pipeline_tests.cli.conftest import Serve
from label_pipeline_tests.cli.own_data import CANDIDATES, CONCURRENCY, DAYS, KEY, KEY_VARIABLE, point_at

AMPLIFY = ("--from", "amplify", "--until", "amplify")
HALF = 14
"""Requests after which a run is stopped: half of the first day's."""


def slow() -> ScriptedFaults:
    """Replies that take so long that a run is surely stopped in the middle."""
    return ScriptedFaults([], then=SlowReply(0.25))


def labels(config: Path) -> pl.DataFrame:
    """Every label, without what names the run."""
    found = Project(load(config)).store("rank").read("labels")
    return found.select(*PAIR_KEY, "raw_grade", "calibrated_grade", "judge_version", "status", "day").sort(PAIR_KEY)


def runs(config: Path) -> pl.DataFrame:
    return Project(load(config)).store("rank").read("label_runs").sort("day")


def amplify_usd(config: Path) -> float:
    """What amplification cost by the books of its judgements."""
    spent = Project(load(config)).store("rank").query("amplify/spend").filter(pl.col("purpose") == "amplify")
    return float(spent["cost_usd"].sum())


@pytest.fixture(scope="module")
def uninterrupted(
    certified_folder: Path, models: dict[str, Model], tmp_path_factory: pytest.TempPathFactory
) -> tuple[pl.DataFrame, float]:
    """Labels and cost of the same project when nobody stops it."""
    folder = shutil.copytree(certified_folder, tmp_path_factory.mktemp("uninterrupted") / "company")
    with running_provider(make_app(list(models.values()), api_key=KEY)) as url:
        point_at(folder / "settings.yaml", url)
        end = Shell(folder, {KEY_VARIABLE: KEY}).here("run", "--config", folder / "settings.yaml", *AMPLIFY)
    assert end.code == 0, end.said
    found = labels(folder / "settings.yaml"), amplify_usd(folder / "settings.yaml")
    assert found[0].height == CANDIDATES
    return found


def stopped(shell: Shell, config: Path, url: str, signum: int, after: int) -> subprocess.Popen[str]:
    """Starts an amplification and sends it ``signum`` once the provider was asked ``after`` times."""
    process = shell.start("run", "--config", config, *AMPLIFY)
    wait_for_requests(url, after)
    process.send_signal(signum)
    return process


@pytest.mark.slow
def test_a_killed_run_is_taken_up_again_and_sends_at_most_what_was_under_way(
    certified: Callable[..., Path], serve: Serve, shell: Shell, uninterrupted: tuple[pl.DataFrame, float]
) -> None:
    url = serve(faults=slow())
    config = certified(url)
    killed = stopped(shell, config, url, signal.SIGKILL, HALF)
    assert killed.wait() == -signal.SIGKILL
    killed.communicate()
    asked = stats(url)["requests"]
    assert HALF <= asked < CANDIDATES / 2
    assert labels(config).is_empty(), "it was not stopped half-way"

    again = shell.here("run", "--config", config, *AMPLIFY)

    assert again.code == 0, again.said
    expected, cost_usd = uninterrupted
    assert labels(config).equals(expected)
    twice = stats(url)["requests"] - stats(url)["distinct_bodies"]
    assert stats(url)["distinct_bodies"] == CANDIDATES
    assert twice <= CONCURRENCY
    booked = runs(config)
    fates = pl.sum_horizontal("labelled", "abstained", "failed", "refused", "skipped")
    left, own = booked.filter(pl.col("chunk") == ORPHAN), booked.filter(pl.col("chunk") != ORPHAN)
    assert own["day"].cast(pl.String).to_list() == list(DAYS)
    assert booked.filter(pl.col("pairs_in") != fates).is_empty()
    assert booked["pairs_in"].sum() == CANDIDATES
    # the first day rests on replies of the killed run, which its own books have; the rest was sent now
    assert own["reused"].to_list() == [asked - twice, 0]
    assert own["requests"].sum() == CANDIDATES - (asked - twice)
    assert left["labelled"].to_list() == [0]
    # a kill between a receipt and its request leaves one that never went out: it counts as possibly paid
    assert asked <= left["requests"].item() <= asked + CONCURRENCY
    killed_run = (
        Project(load(config)).store("rank").read("payments").filter(purpose="amplify", run_id=left["run_id"][0])
    )
    assert killed_run.select("replies", "lost").rows() == [(asked - twice, twice)]
    assert amplify_usd(config) == pytest.approx(cost_usd)
    assert booked["cost_usd"].sum() == pytest.approx(cost_usd)


@pytest.mark.slow
def test_ctrl_c_and_sigterm_end_in_one_line_and_nothing_is_sent_twice(
    certified: Callable[..., Path], serve: Serve, shell: Shell, uninterrupted: tuple[pl.DataFrame, float]
) -> None:
    url = serve(faults=slow())
    config = certified(url)
    for signum, after, code, word in (
        (signal.SIGINT, HALF // 2, 130, "interrupted"),
        (signal.SIGTERM, HALF, 143, "terminated"),
    ):
        end = ended(stopped(shell, config, url, signum, after))
        assert end.code == code, end.said
        assert end.err == f"{word}: everything paid for is kept; run the same command again to go on\n"
        assert labels(config).is_empty()

    again = shell.here("run", "--config", config, *AMPLIFY)

    assert again.code == 0, again.said
    assert labels(config).equals(uninterrupted[0])
    assert stats(url)["requests"] == stats(url)["distinct_bodies"] == CANDIDATES
    assert amplify_usd(config) == pytest.approx(uninterrupted[1])


def test_a_run_beside_another_that_spends_sends_nothing_and_says_so(
    certified: Callable[..., Path], serve: Serve, shell: Shell
) -> None:
    url = serve()
    config = certified(url)
    with (load(config).home_path / "spending.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        end = shell.here("run", "--config", config, *AMPLIFY)
    assert end.code == 6
    assert "amplify stopped: another run of project company is asking a judge" in end.said
    assert stats(url)["requests"] == 0
