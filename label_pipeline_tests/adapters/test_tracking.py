"""Tracker against a real MLflow store on SQLite: once each, aliases, failures, two processes at once."""

import json
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from label_pipeline.adapters.tracking import Tracker
from label_pipeline.core.errors import TrackingError

pytestmark = pytest.mark.outside

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mlflow")


@pytest.fixture
def tracker(root: Path, request: pytest.FixtureRequest) -> Tracker:
    """One store for the file (its schema takes seconds), one project per test."""
    return Tracker(f"sqlite:///{root}/mlflow.db", f"{root}/artifacts", project=str(request.node.name))


@pytest.fixture
def client(tracker: Tracker) -> "MlflowClient":
    """Another pair of eyes on the same store."""
    tracker.certified()  # creates the store
    from mlflow import MlflowClient

    return MlflowClient(tracker.uri, tracker.uri)


def files_of(client: "MlflowClient", run_id: str) -> dict[str, bytes]:
    folder = Path(client.get_run(run_id).info.artifact_uri or "")
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_candidate_keeps_its_figures_and_files(tracker: Tracker, client: "MlflowClient") -> None:
    run_id = tracker.log_candidate(
        "cal1",
        "terse",
        {"model": "m-large", "votes": 3, "temperature": 0.5},
        {"loss": 21.5, "kappa": float("nan"), "nDCG@10 (exponential)": 0.42},
        {"plots/confusion.svg": "<svg>é</svg>", "confusion.png": b"\x89PNG"},
    )
    run = client.get_run(run_id)
    assert run.info.run_name == "terse"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"model": "m-large", "votes": "3", "temperature": "0.5"}
    assert run.data.metrics == {"loss": 21.5, "nDCG_at_10 exponential": 0.42}  # nan is no data, not a metric
    assert files_of(client, run_id) == {"plots/confusion.svg": "<svg>é</svg>".encode(), "confusion.png": b"\x89PNG"}
    assert client.get_experiment(run.info.experiment_id).name == f"{tracker.project}/calibrate"


def test_a_candidate_is_logged_once_a_calibration(tracker: Tracker) -> None:
    name = 'it\'s a "candidate"'  # quotes must not break MLflow's filter language
    first = tracker.log_candidate("cal1", name, {}, {"loss": 1.0}, {})
    assert tracker.log_candidate("cal1", name, {}, {"loss": 2.0}, {}) == first
    assert tracker.log_candidate("cal1", "another", {}, {}, {}) != first
    assert tracker.log_candidate("cal2", name, {}, {}, {}) != first


def test_a_run_that_broke_is_failed_and_logged_anew(tracker: Tracker, client: "MlflowClient") -> None:
    with pytest.raises(TrackingError, match=r"sqlite:///.*run again"):
        tracker.log_candidate("cal1", "terse", {"": "a parameter without a name"}, {}, {})
    run_id = tracker.log_candidate("cal1", "terse", {"named": "now"}, {}, {})
    experiment = client.get_run(run_id).info.experiment_id
    assert sorted(run.info.status for run in client.search_runs([experiment])) == ["FAILED", "FINISHED"]
    assert client.get_run(run_id).info.status == "FINISHED"


def test_a_judge_is_registered_once_and_certified_by_alias(tracker: Tracker, client: "MlflowClient") -> None:
    run_id = tracker.log_candidate("cal1", "terse", {}, {}, {})
    assert tracker.certified() is None  # no registered model yet
    assert tracker.register_judge("judge-a", run_id, {"members": ["terse"]}) == 1
    assert tracker.certified() is None  # a model, no alias
    assert tracker.register_judge("judge-b", run_id, {"members": ["terse"], "note": "ü"}) == 2
    tracker.certify("judge-b")
    assert tracker.register_judge("judge-a", run_id, {}) == 1  # stored already: the alias moves, the version stays
    assert tracker.certified() == "judge-b"
    assert len(client.search_model_versions(f"name = '{tracker.project}-judge'")) == 2
    model = client.get_registered_model(f"{tracker.project}-judge")
    assert {name: int(number) for name, number in model.aliases.items()} == {"candidate": 1, "certified": 2}
    source = Path(client.get_model_version(f"{tracker.project}-judge", "2").source or "")
    assert json.loads((source / "judge.json").read_text(encoding="utf-8")) == {"members": ["terse"], "note": "ü"}


def test_of_two_versions_that_raced_the_earlier_counts(tracker: Tracker, client: "MlflowClient") -> None:
    run_id = tracker.log_candidate("cal1", "terse", {}, {}, {})
    tracker.register_judge("judge-a", run_id, {})
    name = f"{tracker.project}-judge"
    client.create_model_version(
        name, client.get_model_version(name, "1").source or "", tags={"judge_version": "judge-a"}
    )
    tracker.certify("judge-a")
    assert int(client.get_registered_model(name).aliases["certified"]) == 1


def test_a_ranker_is_logged_once_promoted_and_demoted(tracker: Tracker, client: "MlflowClient") -> None:
    tracker.demote()  # nothing there: nothing happens
    first = tracker.log_ranker("r1", "amplified", {"leaves": 15}, {"nDCG@10": 0.5}, {"model.txt": "tree"})
    second = tracker.log_ranker("r2", "seed_only", {}, {}, {"model.txt": "ridge"})
    assert [first, second] == [f"models:/{tracker.project}-ranker/{number}" for number in (1, 2)]
    assert tracker.log_ranker("r1", "amplified", {}, {}, {}) == first
    assert tracker.champion() is None
    tracker.promote("r2")
    tracker.promote("r1")
    assert tracker.champion() == "r1"
    tracker.demote()
    assert tracker.champion() is None
    version = client.get_model_version(f"{tracker.project}-ranker", "1")
    assert (Path(version.source or "") / "model.txt").read_text() == "tree"
    assert client.get_run(str(version.run_id)).data.metrics == {"nDCG_at_10": 0.5}


@pytest.mark.parametrize("point", [Tracker.certify, Tracker.promote])
def test_what_was_never_registered_gets_no_alias(tracker: Tracker, point: Callable[[Tracker, str], None]) -> None:
    with pytest.raises(TrackingError, match=r"unheard-of is not in MLflow.*register it first"):
        point(tracker, "unheard-of")


def test_a_store_that_cannot_be_opened_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrackingError, match=r"MLflow at sqlite:///.*file/mlflow\.db failed"):
        Tracker(f"sqlite:///{tmp_path}/file/mlflow.db", str(tmp_path), "p").certified()


def test_a_password_shows_neither_in_errors_nor_in_repr() -> None:
    tracker = Tracker("nosuchstore://user:secret@127.0.0.1/db", "", "p")
    with pytest.raises(TrackingError) as caught:
        tracker.certified()
    assert "user:***@127.0.0.1" in str(caught.value)
    assert "secret" not in "".join(traceback.format_exception(caught.value)) + repr(tracker)


RACER = """
import sys, time
from pathlib import Path
from label_pipeline.adapters import tracking

folder, me = Path(sys.argv[1]), sys.argv[2]
tracking._library()
from mlflow.telemetry.utils import is_telemetry_disabled
(folder / me).touch()
while len(list(folder.glob("racer-*"))) < 2:
    time.sleep(0.005)
tracker = tracking.Tracker(f"sqlite:///{folder}/mlflow.db", f"{folder}/artifacts", "race")
run_id = tracker.log_candidate("cal1", me, {}, {"loss": 1.0}, {"prompt.txt": "p"})
number = tracker.register_judge("judge-a", run_id, {})
tracker.certify("judge-a")
print(number, tracker.certified(), is_telemetry_disabled())
"""


@pytest.mark.slow
def test_two_processes_may_start_one_empty_store_and_say_nothing(tmp_path: Path) -> None:
    # CI and pytest variables switch MLflow's telemetry off by themselves, so they are taken away
    bare = {
        k: v for k, v in os.environ.items() if k != "CI" and not k.startswith(("PYTEST", "MLFLOW", "DO_NOT", "GITHUB"))
    }
    command = [sys.executable, "-W", "error", "-c", RACER, str(tmp_path)]
    racers = [
        subprocess.Popen([*command, me], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=bare)
        for me in ("racer-1", "racer-2")
    ]
    said = [racer.communicate(timeout=300) for racer in racers]
    assert [err for _, err in said] == ["", ""]
    assert [out.split() for out, _ in said] == [["1", "judge-a", "True"]] * 2
