"""Nothing is labelled before a baseline stands, and no baseline of another judge than the gate certified stands."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import polars as pl
import pytest

from label_pipeline.operations.gate import current_standings
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.stages import amplify
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import (
    ANCHOR_PAIRS,
    DAYS,
    KEY,
    LATER,
    PAIRS_A_DAY,
    RUNS,
    Provider,
    Said,
    Small,
    dying_before,
    failure_of,
    serving,
)  # fmt: skip
from label_pipeline_tests.templates import once

JUDGED = ("judge_leaderboard", "calibrated_judge", "gate_verdict")
REQUIRED = {"required": True, "cap_usd": 5, "baseline_runs": RUNS, "canary_pairs": 0}


@pytest.fixture
def home(certified_home: Path, tmp_path: Path, provider: Provider) -> Path:
    return projects.copied(certified_home, tmp_path / "home")


def small(home: Path, hours: float = 0, **anchor: object) -> Small:
    return Small(projects.settings(home, anchor=REQUIRED | anchor), LATER + timedelta(hours=hours))


@pytest.fixture(scope="module")
def anchored_home(certified_home: Path, provider_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose judge was certified with the anchor asked beside the holdout. Copy it, do not use it."""

    def make(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LABEL_PIPELINE_PROVIDER", provider_url)
            patch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
            done = small(projects.copied(certified_home, folder / "home")).run(
                *JUDGED, judge_leaderboard={"fresh": True}
            )
        assert done.success, done.failure

    return once(tmp_path_factory, "anchored", make) / "home"


@pytest.fixture
def anchored(anchored_home: Path, tmp_path: Path, provider: Provider) -> Path:
    return projects.copied(anchored_home, tmp_path / "home")


def read(found: Small, table: str) -> pl.DataFrame:
    return found.project.store("anchor").read(table)


def test_the_gate_asks_the_anchor_once_beside_the_holdout_and_a_settled_look_asks_nothing(
    anchored: Path, provider: Provider
) -> None:
    found = small(anchored)
    epoch = read(found, "verdicts")["epoch"].max()
    asked = read(found, "judgements").filter(pl.col("epoch") == epoch, pl.col("purpose") == "gate")
    assert asked.select("query_id", "doc_id").n_unique() == 600 + ANCHOR_PAIRS
    assert read(found, "verdicts").sort("epoch")["n_pairs"][-1] == 600, "the verdict rests on the holdout alone"
    before = provider.requests()
    assert found.run("gate_verdict").success
    assert provider.requests() == before


def test_an_amplification_makes_the_missing_baseline_first_and_marks_its_labels(anchored: Path) -> None:
    found = small(anchored)
    done = found.run("amplified_labels", day=DAYS[0])
    assert done.success, done.failure
    assert read(found, "anchor_runs")["kind"].to_list() == ["baseline"] * RUNS
    told = cast(Said, done.run.log).infos
    first = f"nothing is labelled before the anchor has a baseline: {RUNS} runs of {ANCHOR_PAIRS} pairs come first"
    assert any(first in line for line in told)
    assert read(found, "labels")["anchored"].to_list() == [True] * PAIRS_A_DAY
    verdict = read(found, "drift_verdicts").row(-1, named=True)
    assert (verdict["state"], verdict["suspends"]) == ("baseline", False)
    fired = {signal["code"]: signal["fired"] for signal in json.loads(verdict["signals"])}
    assert (fired["gate_pass"], fired["certificate"]) == (False, False)


def test_another_server_under_the_same_name_between_gate_and_baseline_labels_nothing(
    anchored: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten times the error, the same model id: found healthy before, and all its labels confirmed."""
    found = small(anchored)
    with serving(world, monkeypatch, noise=0.6) as another:
        done = found.run("amplified_labels", day=DAYS[0])
        assert another.requests() == RUNS * ANCHOR_PAIRS, "and not one pair of the day"
    assert "is suspended: drift (judge changed)" in failure_of(done)
    assert read(found, "labels").is_empty()
    [standing] = current_standings(found.project, "gate", ["main"]).values()
    assert standing.state == "suspended"
    assert "what answers now is not the judge that was certified" in standing.reasons[0]


def test_labels_given_before_it_was_noticed_are_recalled(
    anchored: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An existing project: it labelled without a baseline, and its first one is of another server."""
    careless = small(anchored, hours=1, required=False)
    assert careless.run("amplified_labels", day=DAYS[0]).success
    assert read(careless, "labels")["anchored"].to_list() == [False] * PAIRS_A_DAY
    with serving(world, monkeypatch, noise=0.6):
        assert small(anchored, hours=2).run("anchor_run", "drift_verdict").success
    assert set(amplify.newest(read(careless, "labels"))["status"]) == {"recalled"}


@pytest.mark.parametrize("cap", [0, 0.01])
def test_without_a_cap_for_it_nothing_is_labelled_and_the_price_is_named(
    home: Path, provider: Provider, cap: float
) -> None:
    found = small(home, cap_usd=cap)
    before = provider.requests()
    said = failure_of(found.run("amplified_labels", day=DAYS[0]))
    assert provider.requests() == before
    assert said.startswith(
        f"[main] nothing is labelled before the anchor has a baseline: {RUNS} runs of {ANCHOR_PAIRS} pairs cost about $"
    )
    assert said.endswith(
        f"anchor.cap_usd is {cap:.2f}; raise it, or state anchor.required: false, which is printed on verdicts and "
        "labels"
    )
    booked = read(found, "label_runs").row(-1, named=True)
    assert (booked["refused"], booked["refused_by"], booked["labelled"]) == (PAIRS_A_DAY, "anchor", 0)


def test_without_an_anchor_query_nothing_is_labelled(home: Path, provider: Provider) -> None:
    found = small(home)
    store = found.project.store("anchor")
    splits = store.read("splits").with_columns(split=pl.col("split").replace("anchor", "train"))
    store.overwrite("splits", splits)
    before = provider.requests()
    said = failure_of(found.run("amplified_labels", day=DAYS[0]))
    assert "no human-graded pair of an anchor query may be asked about: grade some (splits.anchor)" in said
    assert provider.requests() == before


def test_a_day_that_is_labelled_already_waits_for_nothing(home: Path, provider: Provider) -> None:
    careless = small(home, required=False)
    assert careless.run("amplified_labels", day=DAYS[0]).success
    before = provider.requests()
    assert small(home, cap_usd=0).run("amplified_labels", day=DAYS[0]).success
    assert provider.requests() == before


def test_a_project_without_an_anchor_says_so_on_its_verdict(certified_small: Callable[[], Small]) -> None:
    found = certified_small()
    criteria: list[dict[str, Any]] = json.loads(read(found, "verdicts")["criteria"][0])
    [said] = [criterion["sentence"] for criterion in criteria if criterion["name"] == "anchor"]
    assert "anchor.required: false" in said


def test_another_host_answers_the_anchor_once_before_it_labels(
    anchored: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same server under another name, as far as anybody can tell."""
    found = small(anchored)
    assert found.run("amplified_labels", day=DAYS[0]).success
    verdict = read(found, "verdicts").sort("epoch").row(-1, named=True)
    assert verdict["served_by"] == "127.0.0.1"
    assert set(read(found, "labels")["served_by"]) == {"127.0.0.1"}
    elsewhere = provider.url.replace("127.0.0.1", "localhost")
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", elsewhere)
    later = small(anchored, hours=1)
    assert later.run("amplified_labels", day=DAYS[1]).success
    assert read(later, "anchor_runs").sort("epoch")["kind"].to_list() == ["baseline"] * RUNS + ["watch"]
    newest = read(later, "labels").filter(pl.col("day").cast(pl.String) == DAYS[1])
    assert set(newest["served_by"]) == {"localhost"}
    assert set(newest["judge_version"]) == {verdict["judge_version"]}, "the same judge until its grades say otherwise"
    assert small(anchored, hours=2).run("amplified_labels", day=DAYS[2]).success
    assert read(later, "anchor_runs").height == RUNS + 1, "once"


def test_another_host_without_a_cap_labels_nothing(
    anchored: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert small(anchored).run("amplified_labels", day=DAYS[0]).success
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", provider.url.replace("127.0.0.1", "localhost"))
    before = provider.requests()
    said = failure_of(small(anchored, hours=1, cap_usd=0).run("amplified_labels", day=DAYS[1]))
    assert said.startswith(
        f"[main] nothing is labelled by localhost before it has answered the anchor: 1 run of {ANCHOR_PAIRS} pairs"
    )
    assert provider.requests() == before


def test_a_baseline_nobody_decided_on_is_decided_before_a_label_is_given(
    anchored: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between the runs and the verdict on them, or `anchor_run` alone; and the runs are of another server."""
    with serving(world, monkeypatch, noise=0.6):
        with dying_before("drift_verdicts"):
            assert not small(anchored).run("amplified_labels", day=DAYS[0]).success
        found = small(anchored, hours=1)
        assert read(found, "anchor_runs")["kind"].to_list() == ["baseline"] * RUNS
        done = found.run("amplified_labels", day=DAYS[0])
    assert "is suspended: drift (judge changed)" in failure_of(done)
    assert read(found, "labels").is_empty()


def test_an_anchor_run_nobody_decided_on_is_decided_before_a_label_is_given(
    anchored: Path, world: SampleWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert small(anchored).run("amplified_labels", day=DAYS[0]).success
    with serving(world, monkeypatch, noise=0.6):
        assert small(anchored, hours=1).run("anchor_run").success
        found = small(anchored, hours=2)
        assert found.run("amplified_labels", day=DAYS[1]).success
        newest = read(found, "drift_verdicts").sort("epoch").row(-1, named=True)
        assert (newest["epoch"], newest["state"]) == (read(found, "anchor_runs")["epoch"].max(), "warning")
        again = read(found, "drift_verdicts").height
        assert small(anchored, hours=3).run("amplified_labels", day=DAYS[2]).success
    assert read(found, "drift_verdicts").height == again, "once"


def test_a_day_over_its_cap_pays_for_no_baseline(anchored: Path, provider: Provider) -> None:
    found = Small(projects.settings(anchored, anchor=REQUIRED, amplify={"cap_usd": 0}), LATER)
    before = provider.requests()
    said = failure_of(found.run("amplified_labels", day=DAYS[0]))
    assert said.startswith("amplify: the first query of the plan does not fit amplify.cap_usd: amplify 2026-09-01")
    assert provider.requests() == before
