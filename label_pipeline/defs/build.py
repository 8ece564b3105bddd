"""Put one project's graph together: the only place where assets, checks, jobs, schedules, sensors and resources meet.

When to add here: a new module of assets.
"""

import warnings
from collections.abc import Sequence

import dagster as dg

from label_pipeline.core.ports import Clock, Progress
from label_pipeline.defs.alerts import alerts_sensor
from label_pipeline.defs.assets.amplify import amplify_assets
from label_pipeline.defs.assets.anchor import anchor_assets
from label_pipeline.defs.assets.calibrate import calibrate_assets
from label_pipeline.defs.assets.gate import gate_assets
from label_pipeline.defs.assets.rank import rank_assets
from label_pipeline.defs.assets.seed import seed_assets
from label_pipeline.defs.checks import sql_checks
from label_pipeline.defs.jobs import jobs
from label_pipeline.defs.names import names_of
from label_pipeline.defs.partitions import daily
from label_pipeline.defs.resources import resources
from label_pipeline.defs.schedules import schedules
from label_pipeline.defs.sensors import batch_sensor, watch_sensors
from label_pipeline.defs.upkeep import maintain_job
from label_pipeline.operations.project import no_progress, utc_now
from label_pipeline.settings import Settings


def build(
    settings: Settings,
    key_prefix: str | Sequence[str] | None = None,
    *,
    clock: Clock = utc_now,
    progress: Progress = no_progress,
) -> dg.Definitions:
    """The definitions of one project.

    Args:
        settings: its settings.
        key_prefix: every name in Dagster begins with it, so that several projects share an instance; None takes that of
            the settings, or of the home's history.
        clock: current time; tests pass their own.
        progress: told about long work besides the run's log.
    """
    prefix = (key_prefix,) if isinstance(key_prefix, str) else key_prefix
    key = names_of(settings, None if prefix is None else tuple(prefix))
    # single-run backfills are beta in Dagster 1.13; measured to work, and nobody running this can act on the warning
    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    days = daily(settings)
    pool = key.of("spending")
    assets = [
        *seed_assets(key),
        *calibrate_assets(key, pool),
        *gate_assets(key, pool),
        *amplify_assets(key, days, pool),
        *rank_assets(key),
        *anchor_assets(key, pool),
    ]
    names = {asset.key.path[-1] for asset in assets}
    checks = sql_checks(key, names)
    made_jobs, upkeep = jobs(key), maintain_job(key)
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[*made_jobs.values(), upkeep],
        schedules=schedules(settings, key, made_jobs, upkeep),
        sensors=[
            alerts_sensor(settings, key, [*assets, *checks], [*(job.name for job in made_jobs.values()), upkeep.name]),
            *watch_sensors(settings, key, made_jobs),
            batch_sensor(settings, key, made_jobs["nightly_amplification"]),
        ],
        resources=resources(settings, clock, progress),
        executor=dg.in_process_executor,
    )
