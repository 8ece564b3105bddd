"""What a sensor decides at one tick: pure functions from what is seen to what is wanted.

* requests.py        the records: what is wanted, what is suspended, what the tick says
* attempts.py        whether something wanted was asked for before, and what became of it
* allowance.py       whether it may be spent on: the cap, the price, the looks left
* served_model.py    another model, a vanished one, a new fingerprint
* drift_verdicts.py  the newest drift verdicts, a canary that stopped a night
* new_grades.py      input files that changed, pairs no judge has seen

Order at a tick: a finding (what is wanted), minus what was asked for before (attempts), minus what may not be spent on
(allowance). Keep out: reading tables and endpoints, Dagster (defs/sensors), the statistics of drift (stages/anchor).
"""

from label_pipeline.stages.watch.allowance import Allowance, Cost, may_recalibrate, may_watch
from label_pipeline.stages.watch.attempts import Attempt, Due, Outcome, due
from label_pipeline.stages.watch.drift_verdicts import CanaryStopped, DriftSeen, drifted
from label_pipeline.stages.watch.new_grades import FileSeen, Growth, files_changed, seed_grew
from label_pipeline.stages.watch.requests import ANCHOR, LOAD_SEED, RECALIBRATE, Finding, Suspend, WantedRun
from label_pipeline.stages.watch.served_model import (
    Recorded,
    WatchedJudge,
    model_changed,
    one_a_reply,
    remember_asked,
)

__all__ = [
    "ANCHOR", "LOAD_SEED", "RECALIBRATE", "Allowance", "Attempt", "CanaryStopped", "Cost", "DriftSeen", "Due",
    "FileSeen", "Finding", "Growth", "Outcome", "Recorded", "Suspend", "WantedRun", "WatchedJudge", "drifted", "due",
    "files_changed", "may_recalibrate", "may_watch", "model_changed", "one_a_reply", "remember_asked",
    "seed_grew",
]  # fmt: skip
