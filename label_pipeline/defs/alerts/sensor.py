"""Sensor `alerts`: tell every failed check and run once to a webhook, and leave a sign of life. Spends nothing.

A post comes before the position in the event log moves past it, so a failing webhook loses nothing: the next tick tries
again. The position is kept twice, in Dagster's cursor and in the heartbeat file after every single post, so that a
daemon killed in a tick repeats at most the one post under way.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from os import environ
from pathlib import Path
from typing import Protocol

import dagster as dg
from dagster import DagsterInstance

from label_pipeline.adapters import webhook
from label_pipeline.adapters.webhook import Alert
from label_pipeline.core.errors import WebhookError
from label_pipeline.defs.alerts import heartbeat
from label_pipeline.defs.alerts.blind import blind
from label_pipeline.defs.alerts.expiring import ENDS, expiring
from label_pipeline.defs.alerts.notices import Graph, Notice, Notices, instance_id, notices, summed_up
from label_pipeline.defs.names import Names
from label_pipeline.operations.project import Project
from label_pipeline.settings import Settings

EVERY_S = 30
"""Seconds between two ticks of the sensor."""

FIRST_LOOKS_BACK = timedelta(days=1)
"""What the first tick of an instance still tells: nobody wants the failures of last year on the day of the set-up."""


class Lasting(Protocol):
    """Something wrong for as long as nobody does anything: told once, not at every tick."""

    def alert(self, graph: Graph) -> Alert:
        """What people are told about it."""
        ...


Built = dg.AssetsDefinition | dg.AssetChecksDefinition


@dataclass(frozen=True)
class Position:
    """How far alerts were told.

    Attributes:
        after: id of the last event in Dagster's log that was handled; -1 for none.
        since: older events are not told.
        lasting: what was told already and still holds: sensors and schedules that cannot look, verdicts that end soon.
    """

    after: int
    since: datetime
    lasting: tuple[str, ...] = ()

    @property
    def cursor(self) -> str:
        """The position as the string Dagster keeps between ticks."""
        return json.dumps({"after": self.after, "since": self.since.isoformat(), "blind": self.lasting})

    @staticmethod
    def read(cursor: str) -> "Position":
        """The position ``cursor`` holds."""
        kept = json.loads(cursor)
        return Position(int(kept["after"]), datetime.fromisoformat(kept["since"]), tuple(kept.get("blind", ())))


def alerts_sensor(settings: Settings, key: Names, built: Sequence[Built], jobs: Sequence[str]) -> dg.SensorDefinition:
    """``alerts``; ``built`` is every asset and check of the graph, ``jobs`` the names of its jobs in Dagster."""
    checks = {spec.key: spec.description or "it passes" for made in built for spec in made.check_specs}
    assets = frozenset(made.key for made in built if isinstance(made, dg.AssetsDefinition) and made.keys)

    @dg.sensor(
        name=key.of("alerts"),
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells every failed check and run once to the webhook of the settings, and writes the heartbeat "
        "file. Sends no request to any model.",
    )
    def alerts(context: dg.SensorEvaluationContext, project: dg.ResourceParam[Project]) -> dg.SensorResult:
        chosen, origin = settings.alerts, context.code_location_origin
        location = origin.location_name if origin is not None else None
        graph = Graph(
            key,
            checks,
            assets,
            frozenset(jobs),
            instance_id(context.instance),
            location,
            chosen.page_url,
            chosen.runbook_url,
        )
        # a project remembers its rubric file; a sensor lives for weeks and must see an edited one
        tick = AlertsTick(replace(project), context.instance, graph)
        return tick.run(context.cursor)

    return alerts


@dataclass(frozen=True)
class AlertsTick:
    """One evaluation of the sensor."""

    project: Project
    instance: DagsterInstance
    graph: Graph

    def run(self, cursor: str | None) -> dg.SensorResult:
        """Tells what is new; says in the tick history what it did."""
        now, chosen = self.project.clock(), self.project.settings.alerts
        unable = blind(self.instance, self.graph)
        beat = self._beats(now, unable)
        if chosen.webhook_env is None:
            return _done(beat(-1, "none", 0, None), "no webhook is set (alerts.webhook_env), so nobody is told", cursor)
        position = self._position(cursor, now)
        address = environ.get(chosen.webhook_env)
        if not address:
            unset = f"alerts.webhook_env names {chosen.webhook_env}, which is not set: export it; nothing is lost"
            return _done(beat(position.after, "not set", 0, unset), unset, position.cursor)
        found = notices(self.instance, self.graph, position.after, position.since)
        ends = expiring(self.project)
        lasting: Mapping[str, Lasting] = {**unable, **(ends or {})}
        # what cannot be looked up now was told all the same
        unseen = [name for name in position.lasting if name.startswith(ENDS)] if ends is None else []
        known, posts, trouble = self._tell_lasting(lasting, address, position.lasting)
        known = tuple(sorted({*known, *unseen}))
        position, after, told = replace(position, lasting=known), position.after, 0
        if trouble is None:
            most = max(1, chosen.most_posts - posts)  # of both together: a tick has its time
            after, told, trouble = self._tell(found, address, after, most, lambda at: beat(at, "works", 0, None))
        waiting = sum(notice.event_id > after for notice in found.found) + len(set(lasting) - set(known))
        state = "works" if trouble is None else "fails"
        told += posts
        said = f"told {told} of {told + waiting} alerts" if told + waiting else "nothing failed"
        unwritten = beat(after, state, waiting, trouble)
        return _done(
            unwritten, "; ".join([said, *([trouble] if trouble else [])]), replace(position, after=after).cursor
        )

    def _tell_lasting(
        self, lasting: Mapping[str, Lasting], address: str, before: Sequence[str]
    ) -> tuple[tuple[str, ...], int, str | None]:
        """Posts what lasts and was not told yet: (all that was told, posts, what went wrong)."""
        known = [name for name in before if name in lasting]
        new = [name for name in lasting if name not in known]
        for posts, name in enumerate(new):
            try:
                webhook.post(
                    address, webhook.payload(lasting[name].alert(self.graph)), self.project.settings.alerts.timeout_s
                )
            except WebhookError as error:
                return tuple(known), posts, str(error)
            known.append(name)
        return tuple(sorted(known)), len(new), None

    def _tell(
        self, found: Notices, address: str, after: int, most: int, posted: Callable[[int], object]
    ) -> tuple[int, int, str | None]:
        """Posts in order until one is not taken: (position after it, alerts told, what went wrong)."""
        chosen, told = self.project.settings.alerts, 0
        for group in _groups(found.found, most):
            alert = group[0].alert if len(group) == 1 else summed_up(group, self.graph)
            try:
                webhook.post(address, webhook.payload(alert), chosen.timeout_s)
            except WebhookError as error:
                return after, told, str(error)
            after, told = group[-1].event_id, told + len(group)
            posted(after)
        return found.through, told, None

    def _position(self, cursor: str | None, now: datetime) -> Position:
        """Where the last tick ended, also when the daemon was killed before it could keep the cursor."""
        kept = Position.read(cursor) if cursor else Position(-1, now - FIRST_LOOKS_BACK)
        before = heartbeat.last(self._path)
        through = before.get("told_through")
        # another instance numbers its events anew
        known = through if isinstance(through, int) and before.get("instance") == self.graph.instance_id else -1
        return replace(kept, after=max(kept.after, known))

    def _beats(self, now: datetime, unable: Iterable[str]) -> Callable[[int, str, int, str | None], str | None]:
        """Writes the heartbeat; gives a sentence where that is impossible."""
        about = {
            "beat_at": now.astimezone(UTC).isoformat(),
            "project": self.project.settings.name,
            "instance": self.graph.instance_id,
            "failing": [self.graph.names.of(name) for name in unable],
            **heartbeat.standing_facts(self.project),
        }
        fine = not about["failing"] and about["trouble"] is None

        def beat(through: int, state: str, waiting: int, trouble: str | None) -> str | None:
            alerts = {"webhook": state, "alerts_waiting": waiting, "webhook_trouble": trouble, "told_through": through}
            try:
                healthy = fine and state in {"works", "none"}
                heartbeat.write(self._path, {"healthy": healthy, **about, **alerts})
            except OSError as error:
                return f"the heartbeat file {self._path} cannot be written ({error.strerror}); make its folder writable"
            return None

        return beat

    @property
    def _path(self) -> Path:
        return self.project.settings.locate(self.project.settings.alerts.heartbeat)


def _groups(found: Sequence[Notice], most: int) -> list[Sequence[Notice]]:
    """One per post, at most ``most`` posts: the last one takes all that is left."""
    singles = len(found) if len(found) <= most else most - 1
    return [[notice] for notice in found[:singles]] + ([found[singles:]] if found[singles:] else [])


def _done(unwritten: str | None, said: str, cursor: str | None) -> dg.SensorResult:
    return dg.SensorResult(skip_reason="; ".join([said, *([unwritten] if unwritten else [])]), cursor=cursor)
