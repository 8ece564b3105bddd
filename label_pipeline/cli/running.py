"""Materialise the graph stage by stage in this process, with progress, on the user's Dagster instance."""

from dataclasses import dataclass

import dagster as dg

from label_pipeline.cli.days import days_to_amplify, refuse_unknown_days
from label_pipeline.cli.exits import FAILED, GATE_CLOSED, OVER_BUDGET, WAITING, code_of_name
from label_pipeline.cli.facts import facts
from label_pipeline.cli.instance import instance_of, refuse_taken
from label_pipeline.cli.stopping import Stop
from label_pipeline.cli.view import View
from label_pipeline.core.codes.verdicts import FULL
from label_pipeline.core.errors import SettingsError
from label_pipeline.defs.build import build
from label_pipeline.defs.names import WAITING as WAIT
from label_pipeline.defs.names import Names, names_of
from label_pipeline.operations.gate import LANES
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings
from label_pipeline.stages import STAGES

PARTITION_RANGE = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


@dataclass(frozen=True)
class StageFailure:
    """Why a stage ended without success, and the exit code that says so."""

    stage: str
    sentence: str
    code: int


@dataclass(frozen=True)
class RunChoice:
    """Which stages and days one run covers, and how the judge is asked.

    Attributes:
        since: first stage.
        until: last stage.
        first_day: first day to amplify; None is the first with candidates.
        last_day: last day to amplify; None is the last with candidates.
        fresh: start a new epoch: ask the judges again instead of re-using replies.
        lane: of the gate: `full` or `recertify`.

    Raises:
        SettingsError: no such stage or lane, or none is left.
    """

    since: str = STAGES[0]
    until: str = STAGES[-1]
    first_day: str | None = None
    last_day: str | None = None
    fresh: bool = False
    lane: str = FULL

    def __post_init__(self) -> None:
        for name, stage in (("--from", self.since), ("--until", self.until)):
            if stage not in STAGES:
                raise SettingsError(f"{name} {stage!r} is no stage; stages are {', '.join(STAGES)}")
        if not self.stages:
            raise SettingsError(f"--from {self.since} comes after --until {self.until}; stages are {', '.join(STAGES)}")
        if self.fresh and "calibrate" not in self.stages:
            raise SettingsError("--fresh asks the judges again, which begins with stage calibrate: leave --from out")
        if self.lane not in LANES:
            raise SettingsError(f"--lane {self.lane!r} is no lane of the gate; lanes are {', '.join(LANES)}")

    @property
    def stages(self) -> tuple[str, ...]:
        """The stages the run covers, in their order."""
        return STAGES[STAGES.index(self.since) : STAGES.index(self.until) + 1]

    @property
    def steps(self) -> tuple[str, ...]:
        """The stages as they are run: the anchor also right after the gate.

        There its baseline meets the judge as it was certified; at the end a run confirms the labels made meanwhile.
        """
        if "anchor" not in self.stages or "gate" not in self.stages:
            return self.stages
        after = self.stages.index("gate") + 1
        return (*self.stages[:after], "anchor", *self.stages[after:])


def run_stages(settings: Settings, wanted: RunChoice, view: View, stop: Stop) -> StageFailure | None:
    """Materialises the wanted stages; stops at the first that fails and says why.

    Args:
        settings: the project.
        wanted: which stages, which days.
        view: shows progress and what each stage found.
        stop: knows whether a signal asked to stop.

    Raises:
        SettingsError: a wanted day is none of the project's.
        KeyboardInterrupt: it did. Everything paid for is kept.
    """
    definitions, key = build(settings, progress=view.progress), names_of(settings)
    job = definitions.resolve_implicit_global_asset_job_def()
    graph = definitions.resolve_asset_graph()
    project = Project(settings)
    if "amplify" in wanted.stages:
        refuse_unknown_days(project, wanted.first_day, wanted.last_day)
    with instance_of(settings) as instance:
        refuse_taken(instance, key)
        for stage in wanted.steps:
            keys = [key for key in graph.get_all_asset_keys() if graph.get(key).group_name == stage]
            days = days_to_amplify(project, wanted.first_day, wanted.last_day) if stage == "amplify" else ()
            if days is None:
                view.skipped(stage, "no day has ended yet (settings: days)")
                continue
            with view.stage(stage):
                result = job.execute_in_process(
                    run_config=_run_config(stage, wanted, key), instance=instance, asset_selection=keys,
                    tags={**key.tags, **dict(zip(PARTITION_RANGE, days, strict=False))}, raise_on_error=False,
                )  # fmt: skip
            stop.check()
            failure = failure_of(stage, result) or waiting_of(stage, result)
            if failure is not None and _unasked(failure, settings):
                view.skipped(stage, f"{failure.sentence}; until then labels stay provisional")
                continue
            if failure is None or (stage, failure.code) == ("gate", GATE_CLOSED):
                view.found(facts(project.store(STAGES[-1]), stage))
            view.warnings(_failed_checks(result))
            if failure is not None:
                return failure
    return None


def _run_config(stage: str, wanted: RunChoice, key: Names) -> dict[str, object]:
    """Quiet; calibration and gate as wanted, and no anchor run that is not due: `run` again must spend nothing."""
    quiet: dict[str, object] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if stage == "calibrate" and wanted.fresh:
        return quiet | _configured(key("judge_leaderboard"), fresh=True)
    if stage == "gate":
        return quiet | _configured(key("gate_verdict"), lane=wanted.lane)
    if stage == "anchor":
        return quiet | _configured(key("anchor_run"), only_when_due=True)
    return quiet


def _configured(asset: dg.AssetKey, **config: object) -> dict[str, object]:
    return {"ops": {asset.to_python_identifier(): {"config": config}}}


def _unasked(failure: StageFailure, settings: Settings) -> bool:
    """Whether the anchor was refused because nobody has allowed it to spend: that fails no run."""
    return failure.stage == "anchor" and failure.code == OVER_BUDGET and settings.anchor.cap_usd == 0


def failure_of(stage: str, result: dg.ExecuteInProcessResult) -> StageFailure | None:
    """Why a stage's run did not succeed; None where it did."""
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
                return StageFailure(stage, _closed(result), GATE_CLOSED)
            return StageFailure(stage, _unexpected(event, result.run_id), FAILED)
    return StageFailure(stage, f"the run failed before its first step; see run {result.run_id} in Dagster", FAILED)


def waiting_of(stage: str, result: dg.ExecuteInProcessResult) -> StageFailure | None:
    """What a run that ended well waits for, so that the stages after it have nothing to go on from; None: nothing."""
    for event in result.all_events:
        if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION:
            told = event.asset_observation_data.asset_observation.metadata.get(WAIT)
            if told is not None:
                return StageFailure(stage, str(told.value), WAITING)
    return None


def _unexpected(event: dg.DagsterEvent, run_id: str) -> str:
    """The error below Dagster's own wrapping, which says no more than that there was one."""
    error = event.step_failure_data.error
    while error is not None and error.cls_name is not None and error.cls_name.startswith("Dagster") and error.cause:
        error = error.cause
    message = error.message.strip() if error is not None else "unknown error"
    return f"{event.step_key} failed unexpectedly: {message} (run {run_id} in Dagster has the traceback)"


def _closed(result: dg.ExecuteInProcessResult) -> str:
    """The reasons a failed blocking check gives, collection by collection."""
    sentences = []
    for evaluation in result.get_asset_check_evaluations():
        if not evaluation.passed and evaluation.blocking:
            closed = evaluation.metadata.get("closed")
            reasons = closed.value if closed is not None and isinstance(closed.value, dict) else {}
            sentences += [f"[{name}] {' '.join(map(str, found))}" for name, found in reasons.items()]
    return "the gate is closed: " + ("; ".join(sentences) or "see check judge_gate")


def _failed_checks(result: dg.ExecuteInProcessResult) -> list[str]:
    """The checks that did not pass and stopped nothing, each as a sentence."""
    return [
        f"check {found.check_name} of {found.asset_key.path[-1]} did not pass: {found.description}"
        for found in result.get_asset_check_evaluations()
        if not found.passed and not found.blocking
    ]
