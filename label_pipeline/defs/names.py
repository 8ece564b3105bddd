"""What one project is called in Dagster, so that several share an instance and a workspace: keys, jobs, sensors, tags.

When to add here: another kind of thing that Dagster tells apart by name. Keep out: where the prefix comes from
(settings/identity.py).
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import dagster as dg

from label_pipeline.settings import Settings

PROJECT = "label_pipeline/project"
"""Tag of a run: whose it is. Prefixes may be alike by mistake, and runs of the command line have no code location."""

COULD_NOT_LOOK = "could not look: "
"""Begins the reason of a tick that an error made skip, an outage as a rule; sensor `alerts` knows it by that."""

WAITING = "waiting"
"""Metadata of the observation of a day that waits for a batch: how far it is. The command line knows it by that."""


@dataclass(frozen=True)
class Names:
    """One project's names.

    Attributes:
        prefix: its asset keys begin with it; empty = keys of an older project.
        owners: of every asset.
        project: tells projects apart, whatever they are called.
    """

    prefix: tuple[str, ...]
    owners: tuple[str, ...]
    project: str

    def __call__(self, asset: str) -> dg.AssetKey:
        """The key of an asset."""
        return dg.AssetKey([*self.prefix, asset])

    def of(self, name: str) -> str:
        """The name of a job, sensor, schedule or pool: Dagster has one of each for a whole instance or location."""
        return re.sub(r"[^A-Za-z0-9_]", "_", "_".join([*self.prefix, name]))

    @property
    def tags(self) -> Mapping[str, str]:
        """The tags of every run that this project launches."""
        return {PROJECT: self.project}

    def ours(self, run: dg.DagsterRun, jobs: Collection[str], assets: Collection[dg.AssetKey] = ()) -> bool:
        """Whether ``run`` is this project's: it says so, or, where it says nothing, its job or an asset of it is.

        Args:
            run: any run of the instance.
            jobs: this project's jobs, as they are called in Dagster.
            assets: this project's assets.
        """
        if (told := run.tags.get(PROJECT)) is not None:
            return told == self.project
        if (
            run.job_name.startswith("__") and not run.asset_selection
        ):  # Dagster's own job of everything: whose is unknown
            return bool(assets)
        return run.job_name in jobs or any(key in assets for key in run.asset_selection or ())


def names_of(settings: Settings, prefix: tuple[str, ...] | None = None) -> Names:
    """The names of the project of ``settings``; ``prefix`` replaces the one in force."""
    keys = settings.keys
    return Names(keys.prefix if prefix is None else prefix, tuple(settings.dagster.owners), keys.project)
