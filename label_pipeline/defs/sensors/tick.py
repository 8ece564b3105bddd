"""Turn what a sensor wants into run requests for Dagster: once per occasion, within the allowance, with a reason."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import dagster as dg
from dagster import DagsterInstance

from label_pipeline.defs.migrate import HAPPENED
from label_pipeline.defs.names import Names
from label_pipeline.defs.sensors.asking import Asking, Note, asking
from label_pipeline.operations import recalibrate, watch
from label_pipeline.operations.gate import suspend
from label_pipeline.operations.project import Project, utc_now
from label_pipeline.stages import watch as rules
from label_pipeline.stages.watch import ANCHOR, LOAD_SEED, RECALIBRATE, Attempt, Finding, WantedRun

OCCASION, ABOUT, REASON = "label_pipeline/occasion", "label_pipeline/judge", "label_pipeline/reason"
COLLECTIONS = "label_pipeline/collections"
"""Tags of a requested run: what it answers, the judge and the collections it concerns, and the sentence a reader of the
page wants."""


@dataclass(frozen=True)
class Tick:
    """One evaluation: from what was found to what is asked for."""

    project: Project
    instance: DagsterInstance
    key: Names

    def settle(self, found: Finding, *, by_judge: bool = False) -> tuple[list[dg.RunRequest], list[str]]:
        """Suspends, then asks for what is due and may be spent on; everything else becomes a sentence.

        Args:
            found: what one look found.
            by_judge: a recalibration any sensor asked for about the same judge and collection counts as asked for. A
                judge that was suspended stays so until it is certified anew, under another name: whatever was asked
                about it there was asked after the suspension.
        """
        notes = list(found.notes)
        for suspension in found.suspend:
            suspend(self.project, suspension.verdict_id, suspension.reason, suspension.epoch)
            notes.append(f"verdict {suspension.verdict_id} is suspended: {suspension.reason}")
        requests: list[dg.RunRequest] = []
        for wanted in found.wanted:
            if self.key.of(wanted.job) in {request.job_name for request in requests}:
                continue  # one at a time: what the next one would ask, this one may answer
            with asking(self.project.settings.home_path) as asked:
                request, sentence = self._ask(wanted, asked, by_judge=by_judge)
            requests += [request] if request is not None else []
            notes.append(f"{wanted.reason}: {sentence}")
        return requests, notes

    def _ask(self, wanted: WantedRun, asked: Asking, *, by_judge: bool) -> tuple[dg.RunRequest | None, str]:
        """The request for ``wanted``, noted; or None; and why."""
        if busy := self.under_way(wanted.job):
            return None, f"run {busy} of job {wanted.job} is under way"
        now, last = utc_now(), asked.last(wanted.job)  # the clock of the runs
        before = self._attempts(wanted, by_judge=by_judge and wanted.job == RECALIBRATE)
        due = rules.due(
            wanted, before, answered=watch.answered(self.project, wanted),
            now=now,
            retry_after=timedelta(seconds=self.project.settings.watch.retry_after_s),
        )  # fmt: skip
        if due.run_key is None:
            return None, due.sentence
        if last is not None and last.run_key != due.run_key and last.waits(now) and not self._was_made(last.run_key):
            ago = (now - last.at).total_seconds()
            return None, f"job {wanted.job} was asked for {ago:.0f} s ago, its run comes first"
        config, sentence = self._allowed(wanted, again=bool(before))
        if config is None:
            return None, sentence
        told = f"{wanted.reason}: {sentence}" if sentence else wanted.reason
        ops = {self.key(name).to_python_identifier(): {"config": given} for name, given in config.items()}
        request = dg.RunRequest(
            run_key=due.run_key, job_name=self.key.of(wanted.job), run_config={"ops": ops} if ops else {},
            tags={
                **self.key.tags, OCCASION: wanted.run_key, ABOUT: wanted.about, REASON: told,
                COLLECTIONS: json.dumps(list(wanted.collections)),
            },
        )  # fmt: skip
        asked.note(wanted.job, Note(due.run_key, now))
        return request, sentence

    def _was_made(self, run_key: str) -> bool:
        """Whether Dagster has made the run of a request."""
        return bool(self.instance.get_runs(dg.RunsFilter(tags={"dagster/run_key": run_key}), limit=1))

    def _allowed(self, wanted: WantedRun, *, again: bool) -> tuple[dict[str, dict[str, object]] | None, str]:
        """The configuration, asset by asset, of a run that may be spent on, or None; and why."""
        if wanted.job == LOAD_SEED:
            return {}, ""
        knobs = self.project.settings.watch
        if wanted.job == ANCHOR:
            anchor_cap = self.project.settings.anchor.cap_usd
            fine, told = rules.may_watch(recalibrate.anchor_cost(self.project), knobs.recalibration_cap_usd, anchor_cap)
            return ({"anchor_run": {"cap_usd": min(anchor_cap, knobs.recalibration_cap_usd)}} if fine else None), told
        resolved, which = recalibrate.resolved(self.project, wanted, again=again)
        cost = recalibrate.recalibration_cost(self.project, resolved)
        config, told = rules.may_recalibrate(resolved, cost, recalibrate.allowance(self.project, resolved))
        return config or None, f"{told}; {which}" if which else told

    def under_way(self, job: str) -> str | None:
        """A run of ``job`` that has not ended, whoever started it."""
        waiting = [status for status in dg.DagsterRunStatus if status not in _OUTCOME]
        found = self._records(dg.RunsFilter(job_name=self.key.of(job), statuses=waiting))
        return found[0].dagster_run.run_id if found else None

    def load_failed(self) -> bool:
        """Whether the newest load that was asked for came to nothing, and the seed was not loaded since."""
        records = self._records(dg.RunsFilter(job_name=self.key.of(LOAD_SEED)))
        if not records or _OUTCOME.get(records[0].dagster_run.status) not in {"failed", "cancelled"}:
            return False
        loaded, ended = self.loaded_at(), records[0].end_time
        return loaded is None or ended is None or loaded < datetime.fromtimestamp(ended, UTC)

    def _attempts(self, wanted: WantedRun, *, by_judge: bool) -> list[Attempt]:
        tags = {ABOUT: wanted.about} if by_judge else {OCCASION: wanted.run_key}
        records = self._records(dg.RunsFilter(job_name=self.key.of(wanted.job), tags=tags))
        return [
            Attempt(
                record.dagster_run.run_id,
                record.dagster_run.tags[OCCASION],
                _OUTCOME.get(record.dagster_run.status, "under way"),
                datetime.fromtimestamp(record.end_time, UTC) if record.end_time else None,
            )
            for record in sorted(records, key=lambda record: record.create_timestamp)
            if not by_judge or _overlap(wanted, record.dagster_run)
        ]

    def _records(self, wanted: dg.RunsFilter) -> list[dg.RunRecord]:
        """This project's runs, newest first: another one on the instance may have jobs of the same name."""
        jobs = {wanted.job_name} if wanted.job_name else set()
        return [found for found in self.instance.get_run_records(wanted) if self.key.ours(found.dagster_run, jobs)]

    def loaded_at(self) -> datetime | None:
        """When this instance saw the seed loaded last."""
        event = self.instance.get_latest_materialization_event(self.key("seed_inputs"))
        if event is None:
            return None
        told = event.asset_materialization.metadata.get(HAPPENED) if event.asset_materialization else None
        moved = told.value if told is not None else None  # told again under new keys: it happened earlier
        return datetime.fromtimestamp(moved if isinstance(moved, float) else event.timestamp, UTC)


def _overlap(wanted: WantedRun, run: dg.DagsterRun) -> bool:
    """Whether ``run`` was about a collection that ``wanted`` is about; a run that does not say was about all."""
    told = run.tags.get(COLLECTIONS)
    return told is None or bool(set(wanted.collections) & set(json.loads(told)))


_OUTCOME: dict[dg.DagsterRunStatus, rules.Outcome] = {
    dg.DagsterRunStatus.SUCCESS: "succeeded",
    dg.DagsterRunStatus.FAILURE: "failed",
    dg.DagsterRunStatus.CANCELED: "cancelled",
}
