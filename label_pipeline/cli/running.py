"""Materialise the graph stage by stage in this process, with progress, on the user's Dagster instance.

Keep out: the graph (defs/).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterInstance

from label_pipeline.cli.exits import FAILED, code_of_name
from label_pipeline.cli.view import View
from label_pipeline.core.errors import SettingsError
from label_pipeline.defs.build import build
from label_pipeline.defs.partitions import daily
from label_pipeline.settings import Settings
from label_pipeline.stages import STAGES

PARTITION_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass(frozen=True)
class StageFailure:
    """Why a stage ended without success, and the exit code that says so."""

    stage: str
    sentence: str
    code: int


@contextmanager
def instance_of(settings: Settings) -> Iterator[DagsterInstance]:
    """The instance of DAGSTER_HOME; without one, an instance of the project's own under its home."""
    home = os.environ.get("DAGSTER_HOME")
    if home:
        os.chdir(home)  # dagster.yaml's relative folders count from where Dagster starts
        with DagsterInstance.get() as instance:
            yield instance
        return
    folder = settings.home_path / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists():
        config.write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    with DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def run_stages(
    settings: Settings,
    view: View,
    *,
    until: str = STAGES[-1],
    days: tuple[str, str] | None = None,
    fresh: bool = False,
) -> StageFailure | None:
    """Materialises every stage up to ``until``; stops at the first that fails and says why.

    Args:
        settings: the project.
        view: shows progress.
        until: last stage.
        days: first and last day to amplify; None is every day of the project up to now.
        fresh: start a new epoch: ask the judges again instead of re-using replies.
    """
    definitions = build(settings, progress=view.progress)
    job = definitions.resolve_implicit_global_asset_job_def()
    graph = definitions.resolve_asset_graph()
    with instance_of(settings) as instance:
        for stage in STAGES[: STAGES.index(until) + 1]:
            keys = [key for key in graph.get_all_asset_keys() if graph.get(key).group_name == stage]
            tags = _range_tags(settings, days) if stage == "amplify" else {}
            if tags is None:
                view.skipped(stage, "no day has ended yet")
                continue
            with view.stage(stage):
                result = job.execute_in_process(
                    run_config=_run_config(fresh=fresh and stage == "calibrate"), instance=instance,
                    asset_selection=keys, tags=tags, raise_on_error=False,
                )  # fmt: skip
            failure = _failure(stage, result)
            if failure is not None:
                return failure
    return None


def _run_config(*, fresh: bool) -> dict[str, object]:
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return quiet | ({"ops": {"judge_leaderboard": {"config": {"fresh": True}}}} if fresh else {})


def _range_tags(settings: Settings, days: tuple[str, str] | None) -> dict[str, str] | None:
    known = daily(settings).get_partition_keys()
    if not known:
        return None
    first, last = days or (known[0], known[-1])
    for name in (first, last):
        if name not in known:
            raise SettingsError(
                f"day {name} is not among the project's days {known[0]} .. {known[-1]} (settings: days)"
            )
    return dict(zip(PARTITION_RANGE, (first, last), strict=True))


def _failure(stage: str, result: dg.ExecuteInProcessResult) -> StageFailure | None:
    if result.success:
        return None
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                label = data.user_failure_data.metadata.get("error")
                name = str(label.value) if label is not None else ""
                return StageFailure(stage, str(data.user_failure_data.description), code_of_name(name))
            if data.error is not None and data.error.cls_name == "DagsterAssetCheckFailedError":
                return StageFailure(stage, _closed(result), code_of_name("GateClosedError"))
            message = data.error.message.strip() if data.error is not None else "unknown error"
            return StageFailure(stage, message, FAILED)
    return StageFailure(stage, "the run failed before its first step; see the Dagster page", FAILED)


def _closed(result: dg.ExecuteInProcessResult) -> str:
    """The reasons a failed blocking check gives, collection by collection."""
    sentences = []
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.blocking:
            closed = evaluation.metadata.get("closed")
            reasons = closed.value if closed is not None and isinstance(closed.value, dict) else {}
            sentences += [f"[{name}] {' '.join(map(str, found))}" for name, found in reasons.items()]
    return "the gate is closed: " + ("; ".join(sentences) or "see check judge_gate")
