"""Sensors: what watches for free, and asks for a run only within `watch.recalibration_cap_usd`.

* watch.py  `judge_model_changed`, `anchor_drifted`, `new_human_labels`
* batches.py `waiting_batches`
* asking.py one asks for a job at a time
* tick.py   from what one of them wants to what Dagster is asked for

When to add here: a new reason to run without being asked.
"""

from label_pipeline.defs.sensors.batches import batch_sensor
from label_pipeline.defs.sensors.watch import watch_sensors

__all__ = ["batch_sensor", "watch_sensors"]
