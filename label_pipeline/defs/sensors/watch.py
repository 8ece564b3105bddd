"""Sensors `judge_model_changed`, `anchor_drifted` and `new_human_labels`.

Each looks (operations/watch), decides (stages/watch) and hands Dagster what may be asked for (tick.py); what it found,
and why it did not ask, stands in the tick history.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import dagster as dg

from label_pipeline.core.errors import LabelPipelineError, StorageError, TableError
from label_pipeline.defs.dagster_private import UnresolvedAssetJobDefinition
from label_pipeline.defs.gate_check import gate_events
from label_pipeline.defs.names import COULD_NOT_LOOK, Names
from label_pipeline.defs.sensors.tick import ABOUT, REASON, Tick
from label_pipeline.operations import watch
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings
from label_pipeline.stages import watch as rules
from label_pipeline.stages.watch import ANCHOR, LOAD_SEED, RECALIBRATE

NOTHING_TO_WATCH = "no judge with an open verdict yet: nothing to watch"

Look = Callable[[Tick, str | None], dg.SensorResult]


def watch_sensors(
    settings: Settings, key: Names, jobs: Mapping[str, UnresolvedAssetJobDefinition]
) -> list[dg.SensorDefinition]:
    """The three sensors. On by default: looking is free, and nothing is asked before a cap is set."""
    return [
        _sensor(
            settings, key, "judge_model_changed", [jobs[RECALIBRATE], jobs[ANCHOR]], _judge_model_changed,
            "Compares the provider's model list and the newest replies with what was certified. A new fingerprint asks "
            "for an anchor run; another model, or none, suspends the verdict and asks for a recalibration.",
        ),
        _sensor(
            settings, key, "anchor_drifted", [jobs[RECALIBRATE], jobs[ANCHOR]], _anchor_drifted,
            "Does what the newest drift verdict asks for: one more anchor run, or a recalibration, by its cause.",
        ),
        _sensor(
            settings, key, "new_human_labels", [jobs[LOAD_SEED], jobs[RECALIBRATE]], _new_human_labels,
            "Loads the seed again when its files changed, and asks the judges about pairs they have not seen.",
        ),
    ]  # fmt: skip


def _sensor(
    settings: Settings, key: Names, name: str, jobs: Sequence[UnresolvedAssetJobDefinition], look: Look, about: str
) -> dg.SensorDefinition:
    @dg.sensor(
        name=key.of(name),
        jobs=jobs,
        minimum_interval_seconds=settings.watch.every_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"{about} Sends no chat request itself.",
    )
    def sensor(context: dg.SensorEvaluationContext, project: dg.ResourceParam[Project]) -> dg.SensorResult:
        # a project remembers its rubric and prompts; a sensor lives for weeks and must see edited ones
        tick = Tick(replace(project), context.instance, key)
        try:
            result = look(tick, context.cursor)
        except (TableError, StorageError):
            raise  # what everything stands on: a red tick, not a quiet one
        except LabelPipelineError as error:
            return dg.SensorResult(skip_reason=f"{COULD_NOT_LOOK}{error}")
        for request in result.run_requests or ():
            context.log.info(f"asks for {request.job_name}: {request.tags[REASON]}")
        return result

    return sensor


def _judge_model_changed(tick: Tick, cursor: str | None) -> dg.SensorResult:
    judges = watch.watched(tick.project)
    if not judges:
        return _result([], [NOTHING_TO_WATCH], cursor, gate_events(tick.project, tick.instance, tick.key))
    lists = watch.model_lists(tick.project, sorted({judge.endpoint for judge in judges}))
    said = {judge.key: watch.recorded(tick.project, judge) for judge in judges}
    found = rules.model_changed(judges, lists.listed, said, cursor)
    requests, notes = tick.settle(found)
    written = found.cursor
    for request in requests:
        if request.job_name == tick.key.of(ANCHOR):  # one run answers every fingerprint seen so far
            judge = request.tags[ABOUT]
            written = rules.remember_asked(written, judge, said[judge].fingerprints)
    told = [f"{COULD_NOT_LOOK}{'; '.join(lists.notes)}", *notes] if lists.blind else [*notes, *lists.notes]
    return _result(requests, told, written, gate_events(tick.project, tick.instance, tick.key))


def _anchor_drifted(tick: Tick, cursor: str | None) -> dg.SensorResult:
    judges = watch.watched(tick.project)
    if not judges:
        return dg.SensorResult(skip_reason=NOTHING_TO_WATCH)
    seen, stopped = watch.drift_seen(tick.project, judges), watch.canaries_stopped(tick.project, judges)
    if not seen and not stopped:
        return dg.SensorResult(skip_reason="no drift verdict since the judge was certified: run job anchor_watch")
    found = rules.drifted(seen, cursor, stopped)
    requests, notes = tick.settle(found, by_judge=True)
    return _result(requests, notes, found.cursor)


def _new_human_labels(tick: Tick, cursor: str | None) -> dg.SensorResult:
    if tick.project.store("seed").read("human_labels").is_empty():
        return dg.SensorResult(skip_reason="no seed was loaded yet: run job recalibrate, or label-pipeline run")
    for job in (LOAD_SEED, RECALIBRATE):  # both read the files and write the same tables
        if busy := tick.under_way(job):
            return dg.SensorResult(skip_reason=f"run {busy} of job {job} is under way: looks again when it has ended")
    files, written = watch.input_files(tick.project, tick.loaded_at())
    found = rules.files_changed(files, cursor, written_since_load=written, unloaded=tick.load_failed())
    requests, notes = tick.settle(found)
    if requests:
        return _result(requests, notes, found.cursor)
    grown = watch.growth(tick.project)
    if grown is None:
        return _result([], [*notes, "no verdict of a judge in the settings: run job recalibrate"], found.cursor)
    names = tick.project.graded_collections()
    wanted = rules.seed_grew(
        grown, share=tick.project.settings.watch.grown_share, opened=watch.opened(tick.project, names),
        waiting=watch.waiting(tick.project), about=names,
    )  # fmt: skip
    requests, more = tick.settle(wanted)
    return _result(requests, [*notes, *more], found.cursor)


def _result(
    requests: Sequence[dg.RunRequest],
    notes: Sequence[str],
    cursor: str | None,
    events: Sequence[dg.AssetCheckEvaluation] = (),
) -> dg.SensorResult:
    if requests:
        return dg.SensorResult(run_requests=list(requests), cursor=cursor, asset_events=events)
    return dg.SensorResult(skip_reason="; ".join(notes), cursor=cursor, asset_events=events)
