"""The Dagster instance of a project, one rule for page, daemon and command line; and whether its keys are free.

DAGSTER_HOME, where it is set; else a folder of the project's own. Relative folders in its dagster.yaml count from it
(defs/instance_storage.py), or, with Dagster's own classes, from where a process starts: ours start there.
"""

import os
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path

from dagster import DagsterInstance

from label_pipeline.core.errors import SettingsError
from label_pipeline.defs.jobs import SELECTIONS
from label_pipeline.defs.names import PROJECT, Names
from label_pipeline.settings import Settings

EARLIER = "telemetry: {enabled: false}\nnux: {enabled: false}\n"
"""What a version without `ui` wrote; replaced, for it lets two runs spend at once."""

OWN = """\
# The Dagster instance of this project alone. For the page and the daemon: export DAGSTER_HOME=<this folder>, or use
# `label-pipeline ui`.
concurrency: {pools: {granularity: run, default_limit: 1}}
run_monitoring: {enabled: true, start_timeout_seconds: 600, cancel_timeout_seconds: 300, max_runtime_seconds: 86400}
telemetry: {enabled: false}
nux: {enabled: false}
"""


def dagster_home(settings: Settings) -> Path:
    """The folder of the instance, made where it is the project's own.

    Raises:
        SettingsError: DAGSTER_HOME is no folder.
    """
    home = os.environ.get("DAGSTER_HOME")
    if home:
        if not Path(home).is_absolute() or not Path(home).is_dir():
            raise SettingsError(
                f"DAGSTER_HOME is {home!r}, expected the absolute path of a folder; correct or unset it"
            )
        return Path(home)
    folder = settings.home_path / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "dagster.yaml"
    if not config.exists() or config.read_text(encoding="utf-8") == EARLIER:
        config.write_text(OWN, encoding="utf-8")
    return folder


@contextmanager
def instance_of(settings: Settings) -> Iterator[DagsterInstance]:
    """The instance that page, daemon and command line share.

    Raises:
        SettingsError: DAGSTER_HOME is no folder.
    """
    folder = dagster_home(settings)
    with chdir(folder), DagsterInstance.from_config(str(folder)) as instance:
        yield instance


def refuse_taken(instance: DagsterInstance, key: Names) -> None:
    """Refuses keys under which another project has written: the page would show its results as this one's.

    Raises:
        SettingsError: that is so.
    """
    for name in sorted({name for names in SELECTIONS.values() for name in names}):
        event = instance.get_latest_materialization_event(key(name))
        run = instance.get_run_by_id(event.run_id) if event is not None else None
        owner = run.tags.get(PROJECT, key.project) if run is not None else key.project
        if event is not None and event.asset_materialization and run is None:  # told again by migrate-keys
            told = event.asset_materialization.metadata.get(PROJECT)
            owner = str(told.value) if told is not None else key.project
        if owner != key.project:
            raise SettingsError(
                f"asset {key(name).to_user_string()} of this Dagster instance belongs to another project ({owner}); "
                "give this one a name or `dagster: {prefix: [...]}` of its own, then `label-pipeline migrate-keys` "
                "where it has run before"
            )
