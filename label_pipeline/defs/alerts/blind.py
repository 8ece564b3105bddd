"""Sensors and schedules that cannot look: red in the page, or skipping with their reason, and told nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass

from dagster import DagsterInstance

from label_pipeline.adapters.webhook import Alert
from label_pipeline.defs.alerts.notices import Graph
from label_pipeline.defs.dagster_private import InstigatorStatus, InstigatorTick, TickStatus
from label_pipeline.defs.names import COULD_NOT_LOOK

TICKING = (
    "alerts", "judge_model_changed", "anchor_drifted", "new_human_labels", "waiting_batches", "nightly", "anchor",
    "upkeep",
)  # fmt: skip
"""Every sensor and schedule of a project."""

RUNNING = 3
"""Ticks one after the other that could not look before anybody is told: an outage of a few minutes is no news."""

_ENDED = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE]


@dataclass(frozen=True)
class Blind:
    """A sensor or schedule that cannot look.

    Attributes:
        name: without a prefix.
        why: a sentence of our own: reasons and errors stay in the tick history, for they may quote a provider.
        tick: id of its newest finished tick: the next time it cannot look is another alert.
    """

    name: str
    why: str
    tick: int

    def alert(self, graph: Graph) -> Alert:
        """What people are told about it."""
        named = graph.names.of(self.name)
        return Alert(
            alert_id=f"{graph.instance_id}:{named}:{self.tick}", title=f"{named} cannot look", sentence=self.why,
            severity="ERROR", link=graph.link("automation"), runbook=graph.runbook(self.name),
        )  # fmt: skip


def blind(instance: DagsterInstance, graph: Graph) -> dict[str, Blind]:
    """Every sensor and schedule of ``graph`` that cannot look, by its name without a prefix."""
    if instance.schedule_storage is None:  # an instance in memory keeps no ticks
        return {}
    names = {graph.names.of(name): name for name in TICKING}
    found: dict[str, Blind] = {}
    for state in instance.all_instigator_state():
        here = state.origin.repository_origin.code_location_origin.location_name == graph.location
        if here and state.name in names and state.status != InstigatorStatus.STOPPED:
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=RUNNING, statuses=_ENDED)
            if why := _why(ticks):
                name = names[state.name]
                found[name] = Blind(name, why, int(ticks[0].tick_id))
    return dict(sorted(found.items()))


def _why(ticks: Sequence[InstigatorTick]) -> str | None:
    """From the newest finished ticks, newest first; None where it looked."""
    if ticks and ticks[0].status == TickStatus.FAILURE:
        return "its last look failed; the error is in its tick history, and until it is mended nothing is watched there"
    skipped = [tick for tick in ticks if (tick.skip_reason or "").startswith(COULD_NOT_LOOK)]
    if len(skipped) == RUNNING:
        return (
            f"it could not look {RUNNING} times running; why is in its tick history, and nothing is watched meanwhile"
        )
    return None
