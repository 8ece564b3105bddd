"""The re-certification lane: a changed judge exactly the margin worse, and one that changed harmlessly."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from label_pipeline.stages import gate
from label_pipeline_tests.stages.gate.world import recertify, worse_by_the_margin
from label_pipeline_tests.study.cells import Cell, share

LANE, RESAMPLES = "The re-certification lane", 600
SKILL = "difference of skill R2"


def _kept(pair: gate.Paired, look: int, rng: np.random.Generator) -> bool:
    verdict = recertify(pair, look=look, alpha=gate.alpha_of_look(look), rng=rng, resamples=RESAMPLES)
    return next(one for one in verdict.criteria if one.name == SKILL).status == "met"


def margin(trials: int, seed: int) -> Iterator[Cell]:
    """False opens at the margin, over one look and five, spread over all pairs or in a tenth of the queries."""
    for broken, how in ((None, "on every pair"), (0.1, "on a tenth of the queries")):
        for queries, per_query in ((44, 10), (80, 20)):
            for looks in (1, 5) if queries == 44 else (1,):

                def ask(rng: np.random.Generator) -> bool:
                    return any(
                        _kept(worse_by_the_margin(rng, broken, queries, per_query), look, rng)  # noqa: B023
                        for look in range(1, looks + 1)  # noqa: B023
                    )  # fmt: skip

                promise = gate.alpha_of_look(1) if looks == 1 else 0.05
                unseen = 0.0 if broken is None else 1 - (1 - (1 - broken) ** queries) ** looks
                note = f"{unseen:.3f} in which no misread query is drawn" if unseen else ""
                yield Cell(LANE, f"worse by the margin {how}, {queries} x {per_query}",
                           f"R² is kept within {looks} look{'s' * (looks > 1)}", share(ask, trials, seed), trials,
                           promise, note=note)  # fmt: skip


def harmless(trials: int, seed: int) -> Iterator[Cell]:
    """Power for a change that moves nothing much."""
    for queries, per_query in ((44, 10), (80, 20)):

        def ask(rng: np.random.Generator) -> bool:
            pair = worse_by_the_margin(rng, None, queries, per_query)  # noqa: B023
            moved = pair.reference.calibrated + 0.1 * rng.normal(size=pair.judge.n_pairs)
            return recertify(replace(pair, judge=replace(pair.judge, calibrated=moved)), rng=rng,
                             resamples=RESAMPLES).open  # fmt: skip

        yield Cell(LANE, f"a harmless change, {queries} x {per_query}", "opens at the first look",
                   share(ask, trials, seed), trials, 0.9, at_most=False)  # fmt: skip
