"""The small project every test of an operation, an asset or the page begins with, and ways to make it different.

Its files, its settings, its provider, and ``Small``, which runs its operations as plain functions; copies of it with an
open verdict are fixtures (small_fixtures.py). Keep out: Dagster (defs/projects.py), expectations.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen
from uuid import uuid4

import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.core.errors import LabelPipelineError
from label_pipeline.operations import amplify, anchor, calibrate, drift, gate, rank, seed, seed_candidates
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.rehearsal.faults import ScriptedFaults
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import SAMPLE_MODELS, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.rehearsal.world_files import write_files
from label_pipeline.settings import SAMPLE, Settings, parse

KEY = "a key of this test run"
DAYS = ("2026-09-01", "2026-09-02", "2026-09-03")
PAIRS_A_DAY = 20
START = datetime(2026, 9, 20, tzinfo=UTC)
LATER = datetime(2026, 9, 21, tzinfo=UTC)
TO_GATE = (
    "seed_inputs", "annotator_agreement", "gold_labels", "seed_splits",
    "judge_leaderboard", "calibrated_judge", "gate_verdict",
)  # fmt: skip
ANCHOR = ("anchor_run", "drift_verdict")
ANCHOR_PAIRS = 180
"""The small project's human-graded anchor pairs: 18 queries of 10."""
RUNS = 5
WATCHED = {"required": False, "cap_usd": 1, "baseline_runs": RUNS, "canary_pairs": 0}


@dataclass(frozen=True)
class Provider:
    """A running provider and what it counted."""

    url: str

    def requests(self) -> int:
        """Chat requests received so far."""
        return int(self.stats()["requests"])

    def stats(self) -> dict[str, Any]:
        """Everything it counted so far."""
        with urlopen(self.url.removesuffix("/v1") + "/stats") as reply:
            return dict(json.load(reply))


def data(home: Path, *, model: str = "rehearsal-large", **changes: object) -> dict[str, Any]:
    """Settings data of the small project; ``changes`` replaces top-level keys."""
    return {
        "name": "small",
        "home": str(home),
        "rubric": "rubric.yaml",
        "inputs": {
            "queries": "{home}/inputs/queries.csv",
            "documents": "{home}/inputs/documents.parquet",
            "human_labels": "{home}/inputs/human_labels.csv",
            "evaluation": "{home}/inputs/evaluation.csv",
            "candidates": "{home}/inputs/candidates.jsonl",
        },
        "days": {"start": DAYS[0], "end": DAYS[-1]},
        "endpoints": {
            "rehearsal": {
                "base_url": "${LABEL_PIPELINE_PROVIDER}",
                "api_key_env": "LABEL_PIPELINE_PROVIDER_KEY",
                "timeout_s": 20,
                "transport": "lean",
                "max_retries": 1,
                "patience_s": 0,  # whose provider goes down is told so at once; adapters/pace has tests of waiting
            }
        },
        "candidates": [
            {
                "endpoint": "rehearsal",
                "models": [model],
                "prompts": ["prompts/plain.yaml"],
                "logprobs": True,
                "served_as": [f"{model}-2026-08"],
                "prices": {model: {"input_usd": 0.2, "output_usd": 0.8}},
            }
        ],
        "calibrate": {"cap_usd": 1},
        "gate": {"cap_usd": 1},
        "amplify": {"cap_usd": 1},
        "anchor": {"required": False, "cap_usd": 1, "canary_pairs": 0},
        "dagster": {"prefix": []},  # as projects were called before they had one; test_identity.py has the others
        **changes,
    }


def settings(home: Path, **changes: Any) -> Settings:
    """The small project at ``home``, beside the sample's rubric and prompt."""
    return parse(data(home, **changes), SAMPLE)


def write_small_inputs(world: SampleWorld, home: Path) -> None:
    """The world's files, with ``PAIRS_A_DAY`` candidates on each of three days."""
    files = write_files(world, home / "inputs")
    candidates = pl.read_ndjson(files["candidates"]).sort("query_id", "doc_id")
    internal = world.documents.filter(pl.col("boundary") == "internal").select("doc_id")
    few = candidates.join(internal, on="doc_id", how="semi").head(PAIRS_A_DAY * len(DAYS))
    days = [DAYS[index % len(DAYS)] for index in range(few.height)]
    few.with_columns(pl.Series("arrived_on", days)).write_ndjson(files["candidates"])


def copied(source: Path, target: Path) -> Path:
    """A project's whole home at another place: everything it knows is files."""
    shutil.copytree(source, target)
    return target


@dataclass(frozen=True)
class Ran:
    """What became of running some operations.

    Attributes:
        failure: the sentence of the error that ended it; None where it succeeded.
        found: what each operation returned, under the name of its asset.
        run: the run they were.
    """

    failure: str | None
    found: dict[str, Any]
    run: Run

    @property
    def success(self) -> bool:
        """Whether every operation ended well."""
        return self.failure is None


def failure_of(result: Ran) -> str:
    """The sentence a failed run gives."""
    assert result.failure is not None, "it did not fail"
    return result.failure


@dataclass
class Said:
    """A log that keeps what it is told."""

    infos: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def info(self, msg: str, /) -> None:
        """Kept."""
        self.infos.append(msg)

    def warning(self, msg: str, /) -> None:
        """Kept."""
        self.warnings.append(msg)


@dataclass(frozen=True)
class Small:
    """The small project by one clock; its operations are plain functions, named as the assets that call them."""

    settings: Settings
    clock_now: datetime = START

    @property
    def project(self) -> Project:
        """The project itself."""
        return Project(self.settings, lambda: self.clock_now)

    def run(self, *assets: str, day: str | None = None, run_id: str | None = None, **config: dict[str, Any]) -> Ran:
        """Runs what these assets run, one after the other, as one run; errors and planted kills returned.

        Args:
            assets: their names.
            day: of assets that have days; None = all three.
            run_id: the run's id; None = a new one.
            config: by asset, arguments of its operation.
        """
        done = Ran(None, {}, Run(run_id or str(uuid4()), Said()))
        days = [date.fromisoformat(name) for name in ([day] if day else DAYS)]
        for name in assets:
            try:
                done.found[name] = _OPERATIONS[name](done.run, self.project, days, config.get(name, {}))
            except (LabelPipelineError, SystemError) as error:  # SystemError: ``dying_before``
                return replace(done, failure=str(error))
        return done


_Operation = Callable[[Run, Project, list[date], dict[str, Any]], Any]
_OPERATIONS: dict[str, _Operation] = {
    "seed_inputs": lambda run, project, days, config: seed.load_inputs(project),
    "annotator_agreement": lambda run, project, days, config: seed.measure_agreement(project),
    "gold_labels": lambda run, project, days, config: seed.settle_gold(project),
    "seed_splits": lambda run, project, days, config: seed.assign_splits(project),
    "judge_leaderboard": lambda run, project, days, config: calibrate.compare_candidates(run, project, **config),
    "calibrated_judge": lambda run, project, days, config: calibrate.freeze_winner(run, project),
    "gate_verdict": lambda run, project, days, config: gate.look(run, project, **config),
    "candidate_pairs": lambda run, project, days, config: seed_candidates.load_candidates(project, days),
    "amplified_labels": lambda run, project, days, config: amplify.label_days(run, project, days),
    "training_set": lambda run, project, days, config: rank.make_training_set(project),
    "trained_ranker": lambda run, project, days, config: rank.train_rankers(run, project),
    "ranker_evaluation": lambda run, project, days, config: rank.prove_ranker(run, project),
    "anchor_run": lambda run, project, days, config: anchor.run_anchors(run, project, **config),
    "drift_verdict": lambda run, project, days, config: drift.decide_drift(run, project),
}  # fmt: skip


def watched(home: Path, days: float = 0, **anchor: object) -> Small:
    """The project at ``home``, so many days after its certification, its anchor's baseline of ``RUNS`` runs."""
    return Small(settings(home, anchor={**WATCHED, **anchor}), START + timedelta(days=days))


@contextmanager
def serving(
    world: SampleWorld, monkeypatch: pytest.MonkeyPatch, faults: ScriptedFaults | None = None, **changes: Any
) -> Iterator[Provider]:
    """A provider whose good model is changed like this, named by the environment while the block runs."""
    specs = [replace(spec, **changes) if spec.name == "rehearsal-large" else spec for spec in SAMPLE_MODELS]
    with running_provider(make_app(simulated_models(world, specs), api_key=KEY, faults=faults)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        yield Provider(url)


@contextmanager
def dying_before(table: str, write: int = 1) -> Iterator[None]:
    """``Store.append`` as a process sees it that is killed right before its ``write``-th append to ``table``."""
    append, count = Store.append, 0

    def dying(self: Store, name: str, frame: Any, commit_id: str) -> bool:
        nonlocal count
        count += name == table
        if name == table and count == write:
            raise SystemError("killed here")
        return append(self, name, frame, commit_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Store, "append", dying)
        yield
