"""Sensor `alerts`: what tells people of every failed check and run, and leaves a sign of life.

* sensor.py     the tick: what is posted, how far it got
* notices.py    from Dagster's event log to alerts
* blind.py      sensors and schedules that cannot look
* heartbeat.py  the file a watchdog outside reads

When to add here: something else a person must be told.
"""

from label_pipeline.defs.alerts.sensor import alerts_sensor

__all__ = ["alerts_sensor"]
