"""The gate over judges whose truth is known: false opens at the limits, power, what lies in wait, others' rules."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from label_pipeline.core.agreement import cohen_kappa
from label_pipeline.core.intervals import ClusterTotals, clopper_pearson_upper
from label_pipeline.stages import gate
from label_pipeline.stages.gate import measures
from label_pipeline.stages.gate.together import as_one
from label_pipeline_tests.stages.gate.world import biased, decide, healthy, off_by_two, simulated
from label_pipeline_tests.study.cells import Cell, share

Draw = Callable[[np.random.Generator], gate.Evidence]
RESAMPLES, LOOKS = 600, 5
POLICY = gate.POLICIES["single-standard"]

BOUNDARY, POWER, WAIT, OTHERS = (
    "Judges exactly at a limit",
    "Power",
    "What lies in wait",
    "Rules that other tools use",
)


def little_skill(rng: np.random.Generator, n_queries: int = 44) -> gate.Evidence:
    """Skill R2 exactly at the policy's limit, all else perfect: error variance (1 - R2) of 1.25, a fifth by query."""
    index = np.repeat(np.arange(n_queries), 10)
    human = rng.integers(0, 4, len(index)).astype(float)
    variance = 1.25 * (1 - POLICY.r2_low)
    error = np.sqrt(0.2 * variance) * rng.normal(size=n_queries)[index]
    error = error + np.sqrt(0.8 * variance) * rng.normal(size=len(index))
    return replace(healthy(n_queries), gold=human, trained=human, calibrated=human + error, query_index=index)


LIMITS: dict[str, Draw] = {
    "skill R² at its limit, all else perfect": little_skill,
    "gross errors at their limit, by query": lambda rng: off_by_two(rng, POLICY.gross_error_high),
    "bias at its limit, by query": lambda rng: biased(rng, POLICY.bias_high),
    "every figure near its limit (noise 1.1)": lambda rng: simulated(rng, 1.1, 44),
}


def opens(draw: Draw, looks: int) -> Callable[[np.random.Generator], bool]:
    """Whether any of ``looks`` looks at judges of this truth opens; the humans' grades are drawn anew each time."""

    def ask(rng: np.random.Generator) -> bool:
        return any(
            decide(draw(rng), look=look, alpha=gate.alpha_of_look(look), rng=rng, resamples=RESAMPLES).open
            for look in range(1, looks + 1)
        )

    return ask


def boundary(trials: int, seed: int) -> Iterator[Cell]:
    """False opens over one look and over all five."""
    for world, draw in LIMITS.items():
        for looks in (1, LOOKS):
            found = share(opens(draw, looks), trials, seed)
            promise = gate.alpha_of_look(1) if looks == 1 else 0.05
            yield Cell(BOUNDARY, world, f"opens within {looks} look{'s' * (looks > 1)}", found, trials, promise)


STRENGTHS = {"strong": 0.4, "good": 0.6, "borderline": 0.9, "weak": 1.6}
"""Noise of the judge; the human's is .4. R² .62, .51, .38, .17; gross errors .02, .05, .12, .23 (limit .15)."""


def power(trials: int, seed: int) -> Iterator[Cell]:
    """First looks at judges who should, and should not, pass."""
    promises = {"strong": (0.9, False), "good": (None, False), "borderline": (None, False), "weak": (0.01, True)}
    for name, noise in STRENGTHS.items():
        for queries in (44, 88):
            promise, at_most = promises[name]
            found = share(opens(lambda rng: simulated(rng, noise, queries), 1), trials, seed)  # noqa: B023
            world = f"{name} (noise {noise:g}), {queries} x 10"
            yield Cell(POWER, world, "opens at the first look", found, trials, promise, at_most)


def upside_down(rng: np.random.Generator) -> gate.Evidence:
    """A good judge that reads the scale the wrong way round; its calibrator turns it back."""
    found = simulated(rng, 0.4, 60)
    return replace(found, trained=3 - found.trained)


def unread(kind: str) -> Callable[[np.random.Generator], bool]:
    """Whether "2 % at most" is met where exactly 2 % are without a grade: by query, or all votes of a text at once."""

    def totals(rng: np.random.Generator) -> ClusterTotals:
        if kind == "query":
            lost = (rng.random((90, 1)) < 0.04) & (rng.random((90, 10)) < 0.5)
        else:
            lost = rng.random((90, 10)) < 0.02
        return ClusterTotals(lost.sum(axis=1).astype(float), np.full(90, 10.0))

    def ask(rng: np.random.Generator) -> bool:
        verdict = decide(replace(healthy(44), ungraded=totals(rng)), rng=rng, resamples=RESAMPLES)
        return next(one for one in verdict.criteria if one.name == "unreadable replies").status == "met"

    return ask


def by_reply(rng: np.random.Generator) -> bool:
    """The same by the rule for independent replies, five votes of a text failing together."""
    lost = int((rng.random(900) < 0.02).sum()) * 5
    return float(clopper_pearson_upper(lost, 4500, 0.05)) < POLICY.unreadable_high


def means(rng: np.random.Generator, keep: str, queries: int = 60, pairs: int = 25) -> gate.Evidence:
    """A judge against three people: as their mean, or with the pairs they differ on lost as "no whole number"."""
    index = np.repeat(np.arange(queries), pairs)
    relevance = np.sqrt(0.2) * rng.normal(size=queries)[index] + np.sqrt(0.8) * rng.normal(size=len(index))
    cuts = [-0.6, 0.3, 1.1]
    people = np.stack([np.digitize(relevance + 0.4 * rng.normal(size=len(index)), cuts) for _ in range(3)])
    judge = np.digitize(relevance + 1.4 * rng.normal(size=len(index)), cuts).astype(float)
    gold = people.mean(axis=0)
    kept = np.ones(len(index), dtype=bool) if keep == "all" else gold == np.round(gold)
    fitted = np.polyval(np.polyfit(judge, gold, 1), judge)
    codes = np.unique(index[kept], return_inverse=True)[1]
    n = int(codes.max()) + 1
    return replace(healthy(n), gold=gold[kept], trained=judge[kept], calibrated=fitted[kept], query_index=codes)


def flattered(keep: str) -> Callable[[np.random.Generator], bool]:
    """Whether skill R2 comes out more than .03 above its truth."""
    truth = measures.skill(means(np.random.default_rng(0), "all", queries=2000))
    return lambda rng: measures.skill(means(rng, keep)) > truth + 0.03


def of_queries(evidence: gate.Evidence, kept: slice) -> gate.Evidence:
    """The pairs of some queries, of one pairs-per-query throughout."""
    queries = np.arange(evidence.n_queries)[kept]
    inside = np.isin(evidence.query_index, queries)
    return replace(
        healthy(len(queries)), gold=evidence.gold[inside], trained=evidence.trained[inside],
        calibrated=evidence.calibrated[inside], query_index=evidence.query_index[inside] - queries[0],
    )  # fmt: skip


def learnt(rng: np.random.Generator) -> gate.Evidence:
    """A weak judge that knows the human grades of half of 88 holdout queries: it was taught their twins."""
    found = simulated(rng, STRENGTHS["weak"], 88)
    known = found.query_index < 44
    return replace(found, trained=np.where(known, found.gold, found.trained),
                   calibrated=np.where(known, found.gold, found.calibrated))  # fmt: skip


def two_collections(rng: np.random.Generator) -> tuple[gate.Evidence, gate.Evidence]:
    """A strong judge on 132 queries of one collection, a weak one on 44 of another."""
    strong = replace(simulated(rng, STRENGTHS["strong"], 132), collection="main")
    return strong, replace(simulated(rng, STRENGTHS["weak"], 44), collection="second")


def reworded(rng: np.random.Generator, known: bool) -> gate.Evidence:
    """Twelve needs of four rewordings with the same documents, skill at its limit; ``known`` to say nearly the same."""
    twelve = little_skill(rng, 12)
    index = np.concatenate([twelve.query_index * 4 + copy for copy in range(4)])
    again = [np.tile(values, 4) for values in (twelve.gold, twelve.trained, twelve.calibrated)]
    clusters = np.repeat(np.arange(12), 4) if known else None
    return replace(healthy(48), gold=again[0], trained=again[1], calibrated=again[2], query_index=index,
                   cluster_of=clusters)  # fmt: skip


def unlike(trials: int, seed: int) -> Iterator[Cell]:
    """Queries that are not what they are counted as: taught, of another collection, or said again."""
    yield Cell(WAIT, "a weak judge that was taught the twins of half the holdout, which are left out", "opens",
               share(opens(lambda rng: of_queries(learnt(rng), slice(44, None)), 1), trials, seed), trials,
               0.01)  # fmt: skip
    yield Cell(WAIT, "the same, twins counted (the old rule)", "opens", share(opens(learnt, 1), trials, seed), trials)
    yield Cell(WAIT, "strong in one collection, weak in a second of a quarter of the queries", "the second opens",
               share(opens(lambda rng: two_collections(rng)[1], 1), trials, seed), trials, 0.01)  # fmt: skip
    yield Cell(WAIT, "the same, taken as one collection", "opens for both",
               share(opens(lambda rng: as_one(two_collections(rng)), 1), trials, seed), trials,
               note="never done unasked")  # fmt: skip
    for known, rule, promise in ((True, "counted once", 0.0), (False, "counted four times (the old rule)", None)):
        found = share(opens(lambda rng: reworded(rng, known), 1), trials, seed)  # noqa: B023
        yield Cell(WAIT, f"twelve needs reworded four times, skill at its limit, {rule}", "opens", found, trials,
                   promise)  # fmt: skip


def waiting(trials: int, seed: int) -> Iterator[Cell]:
    """Cells that an earlier version of these rules failed."""
    yield Cell(WAIT, "an upside-down judge, repaired by its calibrator", "opens",
               share(opens(upside_down, 1), trials, seed), trials, 0.01)  # fmt: skip
    for kind, world in (("query", "unreadable texts come by query, 2 % in truth"),
                        ("text", "all votes of a text fail together, 2 % in truth")):  # fmt: skip
        yield Cell(WAIT, world, '"2 % at most" is met', share(unread(kind), trials, seed), trials, 0.05)
    yield Cell(WAIT, "the same votes, replies taken as independent (the old rule)", "\"2 % at most\" is met",
               share(by_reply, trials, seed), trials)  # fmt: skip
    yield Cell(WAIT, "three people a pair, read as their mean with its count", "R² is more than .03 above its truth",
               share(flattered("all"), trials, seed), trials, 0.10)  # fmt: skip
    yield Cell(WAIT, "the same, pairs people differ on rejected (the old reading)",
               "R² is more than .03 above its truth", share(flattered("agreed"), trials, seed), trials,
               note="such a file is refused now")  # fmt: skip


def kappa_rule(evidence: gate.Evidence) -> bool:
    """Point estimate of Cohen's kappa at least .6."""
    return cohen_kappa(evidence.gold, evidence.trained) >= 0.6


def agreement_rule(evidence: gate.Evidence) -> bool:
    """Relevant or not (grade 2 up) agreed on in .90 of the first 50 pairs."""
    return float(((evidence.gold[:50] >= 2) == (evidence.trained[:50] >= 2)).mean()) >= 0.90


def rates_rule(evidence: gate.Evidence) -> bool:
    """Clopper-Pearson 95 % lower bounds of true positive and true negative rate of "relevant" both above .8."""
    true, said = evidence.gold >= 2, evidence.trained >= 2
    lows = [1 - float(clopper_pearson_upper(int((side & (said != true)).sum()), int(side.sum()), 0.05))
            for side in (true, ~true)]  # fmt: skip
    return min(lows) > 0.8


RULES = {"point kappa ≥ .6": kappa_rule, "agreement ≥ .90 over 50 pairs": agreement_rule,
         "lower bounds of TPR and TNR > .8": rates_rule}  # fmt: skip


def rules(trials: int, seed: int) -> Iterator[Cell]:
    """What rules of other tools make of the same judges."""
    judges: dict[str, Draw] = {name: _simulated(noise) for name, noise in STRENGTHS.items()}
    judges["upside down, repaired by its calibrator"] = upside_down
    for judge, draw in judges.items():
        for name, rule in RULES.items():
            yield Cell(OTHERS, judge, name, share(lambda rng: rule(draw(rng)), trials, seed), trials)  # noqa: B023
        yield Cell(OTHERS, judge, "this gate, first look", share(opens(draw, 1), trials, seed), trials)


def _simulated(noise: float) -> Draw:
    return lambda rng: simulated(rng, noise, 44)
