"""From what a sensor wants to what Dagster is asked for: once an occasion, within the allowance, with its reason.

Keep out: what is wanted (core/watching), what it costs (allowing.py), the sensors themselves (sensors.py).
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterInstance
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

from label_pipeline.core import watching as rules
from label_pipeline.core.watching import ANCHOR, LOAD_SEED, RECALIBRATE, Attempt, Finding, Wanted
from label_pipeline.defs import allowing, watching
from label_pipeline.defs.project import Project, utc_now
from label_pipeline.defs.report import Keys

OCCASION, ABOUT, REASON = "label_pipeline/occasion", "label_pipeline/judge", "label_pipeline/reason"
"""Tags of a requested run: what it answers, the judge it concerns, and the sentence a reader of the page wants."""


@dataclass(frozen=True)
class Tick:
    """One evaluation: from what was found to what is asked for."""

    project: Project
    instance: DagsterInstance
    key: Keys

    def settle(self, found: Finding, *, by_judge: bool = False) -> tuple[list[dg.RunRequest], list[str]]:
        """Suspends, then asks for what is due and may be spent on; everything else becomes a sentence.

        Args:
            found: what one look found.
            by_judge: a recalibration any sensor asked for about the same judge counts as asked for.
        """
        notes = list(found.notes)
        for suspension in found.suspend:
            watching.suspend(self.project, suspension)
            notes.append(f"verdict {suspension.verdict_id} is suspended: {suspension.reason}")
        requests: list[dg.RunRequest] = []
        for wanted in found.wanted:
            if wanted.job in {request.job_name for request in requests}:
                continue  # one at a time: what the next one would ask, this one may answer
            request, sentence = self._ask(wanted, by_judge=by_judge)
            requests += [request] if request is not None else []
            notes.append(f"{wanted.reason}: {sentence}")
        return requests, notes

    def _ask(self, wanted: Wanted, *, by_judge: bool) -> tuple[dg.RunRequest | None, str]:
        """The request for ``wanted``, or None; and why."""
        if busy := self.under_way(wanted.job):
            return None, f"run {busy} of job {wanted.job} is under way"
        recalibrates = wanted.job == RECALIBRATE
        tag, value = (ABOUT, wanted.about) if by_judge and recalibrates else (OCCASION, wanted.run_key)
        before = self._attempts(wanted.job, tag, value)
        pause = timedelta(seconds=self.project.settings.watch.retry_after_s)
        due = rules.due(
            wanted, before, answered=recalibrates and watching.answered(self.project, wanted.collections),
            now=utc_now(),  # the clock of the runs
            retry_after=pause if wanted.fresh else None,
        )  # fmt: skip
        if due.run_key is None:
            return None, due.sentence
        config, sentence = self._allowed(wanted, again=bool(before))
        if config is None:
            return None, sentence
        told = f"{wanted.reason}: {sentence}" if sentence else wanted.reason
        ops = {self.key(name).to_python_identifier(): {"config": given} for name, given in config.items()}
        request = dg.RunRequest(
            run_key=due.run_key, job_name=wanted.job, run_config={"ops": ops} if ops else {},
            tags={OCCASION: wanted.run_key, ABOUT: wanted.about, REASON: told},
        )  # fmt: skip
        return request, sentence

    def _allowed(self, wanted: Wanted, *, again: bool) -> tuple[dict[str, dict[str, object]] | None, str]:
        """The configuration, asset by asset, of a run that may be spent on, or None; and why."""
        if wanted.job == LOAD_SEED:
            return {}, ""
        watch = self.project.settings.watch
        if wanted.job == ANCHOR:
            anchor_cap = self.project.settings.anchor.cap_usd
            fine, told = rules.may_watch(allowing.anchor_cost(self.project), watch.recalibration_cap_usd, anchor_cap)
            return ({"anchor_run": {"cap_usd": min(anchor_cap, watch.recalibration_cap_usd)}} if fine else None), told
        resolved = allowing.resolved(self.project, wanted, again=again)
        cost = allowing.recalibration_cost(self.project, resolved)
        config, told = rules.may_recalibrate(resolved, cost, allowing.allowance(self.project, resolved))
        return config or None, told

    def under_way(self, job: str) -> str | None:
        """A run of ``job`` that has not ended, whoever started it."""
        waiting = [status for status in dg.DagsterRunStatus if status not in _OUTCOME]
        found = self.instance.get_runs(dg.RunsFilter(job_name=job, statuses=waiting), limit=1)
        return found[0].run_id if found else None

    def _attempts(self, job: str, tag: str, value: str) -> list[Attempt]:
        records = self.instance.get_run_records(dg.RunsFilter(job_name=job, tags={tag: value}))
        return [
            Attempt(
                record.dagster_run.run_id,
                record.dagster_run.tags[OCCASION],
                _OUTCOME.get(record.dagster_run.status, "under way"),
                datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None,
            )
            for record in sorted(records, key=lambda record: record.create_timestamp)
        ]

    def gate_check(self) -> list[dg.AssetCheckEvaluation]:
        """A failed `judge_gate`, where the last one passed and nobody may label any more: it alerts, and it blocks.

        A suspension, or a verdict that expired, is no run: without this the page would show an open gate.
        """
        key = self.key("gate_verdict")
        said = self.instance.event_log_storage.get_latest_asset_check_execution_by_key(
            [dg.AssetCheckKey(key, "judge_gate")]
        )
        passed = any(record.status is AssetCheckExecutionRecordStatus.SUCCEEDED for record in said.values())
        reasons = watching.objections(self.project) if passed else {}
        looked_at = self.instance.fetch_materializations(key, limit=1).records if reasons else ()
        return [
            dg.AssetCheckEvaluation(
                asset_key=key, check_name="judge_gate", passed=False, severity=dg.AssetCheckSeverity.ERROR,
                description=f"open: no collection; {'; '.join(f'[{name}] {why}' for name, why in reasons.items())}",
                metadata={"open": [], "closed": dg.MetadataValue.json({name: [why] for name, why in reasons.items()})},
                target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                    storage_id=newest.storage_id, run_id=newest.run_id, timestamp=newest.timestamp
                ),
                blocking=True,
            )
            for newest in looked_at
        ]  # fmt: skip

    def loaded_at(self) -> datetime | None:
        """When this instance saw the seed loaded last."""
        event = self.instance.get_latest_materialization_event(self.key("seed_inputs"))
        return None if event is None else datetime.fromtimestamp(event.timestamp, UTC)


_OUTCOME: dict[dg.DagsterRunStatus, rules.Outcome] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "cancelled",
}
