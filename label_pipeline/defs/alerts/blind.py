"""Sensors and schedules that cannot look: red in the page, or skipping with their reason, and told nowhere else."""

from collections.abc import Sequence

from dagster import DagsterInstance

from label_pipeline.adapters.webhook import Alert
from label_pipeline.defs.alerts.notices import Graph
from label_pipeline.defs.dagster_private import InstigatorStatus, InstigatorTick, TickStatus
from label_pipeline.defs.names import COULD_NOT_LOOK

TICKING = ("alerts", "judge_model_changed", "anchor_drifted", "new_human_labels", "nightly", "anchor")
"""Every sensor and schedule of a project."""

RUNNING = 3
"""Ticks one after the other that could not look before anybody is told: an outage of a few minutes is no news."""

_ENDED = [TickStatus.SKIPPED, TickStatus.SUCCESS, TickStatus.FAILURE]


def blind(instance: DagsterInstance, graph: Graph) -> dict[str, str]:
    """Name, without a prefix, of every sensor and schedule of ``graph`` that cannot look: why, a sentence of our own.

    Reasons and errors stay in the tick history: they may quote a provider.
    """
    if instance.schedule_storage is None:  # an instance in memory keeps no ticks
        return {}
    names, found = {graph.names.of(name): name for name in TICKING}, {}
    for state in instance.all_instigator_state():
        here = state.origin.repository_origin.code_location_origin.location_name == graph.location
        if here and state.name in names and state.status != InstigatorStatus.STOPPED:
            ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=RUNNING, statuses=_ENDED)
            if why := _why(ticks):
                found[names[state.name]] = why
    return dict(sorted(found.items()))


def alert(name: str, why: str, graph: Graph) -> Alert:
    """What people are told about one of them."""
    return Alert(
        alert_id=f"{graph.instance_id}:{graph.names.of(name)}:blind", title=f"{graph.names.of(name)} cannot look",
        sentence=why, severity="ERROR", link=graph.link("automation"), runbook=graph.runbook(name),
    )  # fmt: skip


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
