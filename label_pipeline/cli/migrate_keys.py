"""`migrate-keys`: an older project, or one with a new prefix, moves to keys of its own in Dagster. Spends nothing."""

from pathlib import Path

from rich.console import Console

from label_pipeline.cli.instance import instance_of, refuse_taken
from label_pipeline.cli.terminal import say
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.defs.alerts.blind import TICKING
from label_pipeline.defs.build import build
from label_pipeline.defs.dagster_private import InstigatorStatus
from label_pipeline.defs.migrate import Moved, move, unknown
from label_pipeline.defs.names import names_of
from label_pipeline.operations.project import Project
from label_pipeline.operations.spending import spending
from label_pipeline.settings import load
from label_pipeline.settings.identity import remember

RUNS_IN = ("epochs", "judgements", "label_runs", "anchor_runs")
"""Tables that name the runs that wrote them."""


def migrate_keys(console: Console, config: Path, *, everything: bool, known: bool = False) -> None:
    """Tells the newest materialisations and checks again under the prefix of the settings, and says what stays behind.

    Args:
        console: where it is told.
        config: settings file.
        everything: take events also where nothing says whose run they are of.
        known: leave those behind.

    Raises:
        NotApplicableError: the keys have this prefix already; or there are events of unknown runs, and nobody said what
            becomes of them. Nothing was changed.
        SettingsError: another project has written under it.
        BusyError: a run is asking a judge.
    """
    settings = load(config)
    old, new = names_of(settings), names_of(settings, settings.stated_keys.prefix)
    if old.prefix == new.prefix:
        raise NotApplicableError(
            f"the assets of {settings.name} are called {new('gate_verdict').to_user_string()} and so on already; state "
            "another `dagster: {prefix: [...]}` to move them"
        )
    project = Project(settings)
    store = project.store("rank")
    runs = {str(name) for table in RUNS_IN for name in store.read(table, ["run_id"])["run_id"].drop_nulls().unique()}
    definitions = build(settings, new.prefix)
    with spending(project), instance_of(settings) as instance:  # no run may write under the old keys meanwhile
        refuse_taken(instance, new)
        unsaid = [] if everything or known else sorted(set(unknown(instance, old, new, definitions, runs)))
        if unsaid:
            raise NotApplicableError(
                f"the newest results of {', '.join(unsaid)} are of runs that do not say whose they are: `--all` takes "
                "them, where no other project used this instance; `--known` leaves them behind. Nothing was changed"
            )
        moved = move(instance, old, new, definitions, runs, everything=everything)
        switched = {state.name for state in instance.all_instigator_state() if state.status == InstigatorStatus.RUNNING}
        remember(settings.home_path, settings.keys._replace(prefix=new.prefix), anew=True)
    say(console, _told(old("gate_verdict").to_user_string(), new("gate_verdict").to_user_string(), moved))
    for asset, why in moved.behind.items():
        say(console, f"stays behind: {asset}: {why}")
    for name in TICKING:
        if old.of(name) in switched:
            say(console, f"{old.of(name)} was turned on by hand: turn {new.of(name)} on in the page")


def _told(old: str, new: str, moved: Moved) -> str:
    return (
        f"told again under {new} instead of {old}, and so on: {moved.materialisations} materialisations (the newest of "
        f"every asset and day) and {moved.checks} check results. Nothing was run and nothing was spent. Runs, older "
        "events and ticks stay under the old names. Start the page again: it loads the new ones."
    )
