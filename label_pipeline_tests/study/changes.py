"""Judges that do change: how often it is seen, how soon, and what it is taken for."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from label_pipeline.core.calibrators import AffineCalibrator
from label_pipeline.core.codes.drift import HEALTHY, HUMANS, POPULATION
from label_pipeline.core.intervals import cluster_totals
from label_pipeline.stages.anchor import AnchorEvidence, Certificate, DriftVerdict, decide_drift
from label_pipeline_tests.results import drift
from label_pipeline_tests.results.drift import Change
from label_pipeline_tests.stages.anchor.drift_world import of_year, run
from label_pipeline_tests.study.cells import Cell

SEEN = "Judges that change"
RUNS = 2

CHANGES = {
    "a version bump: another model, as good, on 30 % of the pairs": (Change("", "another model", 0.3), 60, 1.0),
    "a stricter prompt: every opinion half a grade lower": (Change("", "leniency", -0.5), 120, 110 / 120),
    "misreads one pair in six, +.19 MSE": (Change("", "capability", 0.156), 120, 0.95),
    "lenient, +.19 MSE": (Change("", "leniency", 0.77), 120, 0.95),
}
"""What changes, how many judges, and the share that is to be seen within two weekly runs (arXiv 2606.15474: 60 of 60
version bumps, 110 of 120 stricter prompts, on other data)."""


def verdicts(change: Change, judges: int, seed: int, line: AffineCalibrator, runs: int = RUNS) -> list[DriftVerdict]:
    """The verdict on each changed judge after ``runs`` weekly runs."""
    years = drift.draw(np.random.default_rng(seed), change, years=judges, weeks=runs)
    return [decide_drift(of_year(years, year, line, runs)) for year in range(judges)]


def seen(seed: int) -> Iterator[Cell]:
    """Alarms within two weekly runs, and alarms taken for something else than the judge."""
    line = drift.calibrator(np.random.default_rng(1))
    for name, (change, judges, promise) in CHANGES.items():
        found = verdicts(change, judges, seed, line)
        noticed = [verdict for verdict in found if verdict.state != HEALTHY]
        causes = Counter(verdict.cause for verdict in noticed)
        wrong = sum(causes[cause] for cause in (HUMANS, POPULATION)) / judges
        told = ", ".join(f"{count} {cause}" for cause, count in causes.most_common())
        yield Cell(SEEN, name, f"seen within {RUNS} weekly runs", len(noticed) / judges, judges, promise, False, told)
        yield Cell(SEEN, name, "taken for changed humans or documents", wrong, judges, 0.0)


def another_server(trials: int, seed: int) -> Iterator[Cell]:
    """Another build under the same name between the gate and the first baseline run; and none."""
    line = drift.calibrator(np.random.default_rng(1))
    for name, change, promise, at_most in (
        ("another server before the baseline, half of its grades guesses", Change("", "capability", 0.5), 0.95, False),
        ("the same server before the baseline", Change(""), 0.02, True),
    ):
        years = drift.draw(np.random.default_rng(seed), change, years=trials, weeks=11)
        found = [decide_drift(_after_gate(of_year(years, year, line, 11))) for year in range(trials)]
        share = float(np.mean([verdict.suspends for verdict in found]))
        yield Cell(SEEN, name, "suspended before a label is given", share, trials, promise, at_most)


def _after_gate(year: AnchorEvidence) -> AnchorEvidence:
    """The year's first run as the gate's own pass; the ten after the change as the baseline; nothing watched yet."""
    gate_pass, n = year.baseline[0], len(year.gold)
    lost = year.scale.loss(gate_pass.calibrated, year.gold)
    holdout = cluster_totals(lost, year.query_index, n // 10)
    baseline = tuple(run(number, one.raw, one.calibrated) for number, one in enumerate(year.watch[:10]))
    certificate = Certificate(gate_pass.ran_at, holdout, gate_pass)
    return replace(year, baseline=baseline, watch=(), certificate=certificate)
