"""The judges on recorded grades, without a request: 200 other deals of the same queries, and the truth over all pairs.

The stages' own functions (sample, deal, compare, freeze, decide) on the wide file. Keep out: the graph (graph.py) and
how any of it is shown (tables.py).
"""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import polars as pl

from label_pipeline.core.agreement import cohen_kappa
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.scale import Scale
from label_pipeline.core.splits import Shares, assign_splits
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages import calibrate, gate
from label_pipeline.stages.seed.quarantine import ALIVE
from label_pipeline.stages.seed.sample import SALT as PAIR_SALT
from label_pipeline.stages.seed.sample import beyond_sample
from label_pipeline_tests.trecdl.project import JUDGES, PAIRS_PER_QUERY, WIDE

RESPLITS = 200
SCALE = Scale(0, 3)
POLICY = gate.POLICIES["single-standard"]

LOOK = {
    "split": pl.String, "judge": pl.String, "chosen": pl.Boolean, "state": pl.String, "criterion": pl.String,
    "status": pl.String, "figure": pl.Float64, "bound": pl.Float64,
}  # fmt: skip
"""One criterion of one judge in one deal; ``chosen`` says whether the leaderboard of that deal took the judge."""


def judged_pairs() -> pl.DataFrame:
    """Every pair of the wide file in the form the stages know: pair key, gold and one column of grades per judge."""
    return pl.read_parquet(WIDE).select(
        pl.lit("relevance").alias("task"),
        pl.lit("main").alias("collection"),
        "query_id",
        "doc_id",
        pl.lit("as recorded").alias("doc_version"),
        pl.lit(None, dtype=pl.String).alias("context_id"),
        pl.col("human_grade").cast(pl.Float64).alias("gold_mean"),
        pl.lit(1, dtype=pl.Int64).alias("n_grades"),
        pl.lit(None, dtype=pl.String).alias("fate"),
        pl.col("collection").alias("year"),
        *(pl.col(column).cast(pl.Float64).alias(judge) for judge, column in JUDGES.items()),
    )


def deal_again(pairs: pl.DataFrame, split_salt: str, pair_salt: str) -> pl.DataFrame:
    """LOOK rows of all judges in one deal: seed sampled and queries dealt by these salts, then leaderboard and gate."""
    splits = assign_splits(pairs["query_id"], {}, Shares(), split_salt)
    seed = beyond_sample(pairs, PAIRS_PER_QUERY, pair_salt).filter(ALIVE)
    split = seed["query_id"].replace_strict(splits)
    learnt, holdout = seed.filter(split.is_in(["train", "dev"])), seed.filter(split == "holdout")
    candidates = [calibrate.Candidate(judge, judge, grades_of(learnt, judge), 0.0) for judge in JUDGES]
    entries = calibrate.compare(learnt, candidates, SCALE, folds=5, rng=np.random.default_rng(0))
    chosen = next(entry.candidate.name for entry in entries if entry.chosen)
    found = [look(learnt, holdout, judge) for judge in JUDGES]
    return pl.concat(found).select(
        pl.lit(split_salt).alias("split"), "judge", (pl.col("judge") == chosen).alias("chosen"),
        *(name for name in LOOK if name not in {"split", "judge", "chosen"}),
    )  # fmt: skip


def look(learnt: pl.DataFrame, tested: pl.DataFrame, judge: str) -> pl.DataFrame:
    """Criteria of ``judge``, calibrated on ``learnt``, by a first look at ``tested``."""
    frozen = freeze(learnt, judge)
    evidence = gate.collect(tested, grades_of(tested, judge), frozen, SCALE)["main"]
    name = gate.verdict_id(frozen.judge_version, "main", 0, evidence.holdout_hash, POLICY.policy_hash)
    rng = np.random.default_rng(int(name, 16))  # as the asset draws
    verdict = gate.decide(evidence, POLICY, look=1, alpha=gate.alpha_of_look(1), looks_allowed=5, rng=rng)
    criteria = [
        {"judge": judge, "state": verdict.state, "criterion": c.name, "status": c.status, "figure": c.figure,
         "bound": c.bound}
        for c in verdict.criteria
    ]  # fmt: skip
    schema = {name: dtype for name, dtype in LOOK.items() if name not in {"split", "chosen"}}
    return pl.DataFrame(criteria, schema=schema)


def truth(pairs: pl.DataFrame) -> pl.DataFrame:
    """Judge, figure name, value over every pair: the gate's figures after calibration on all of them, and kappas."""
    rows: list[tuple[str, str, float | None]] = []
    for judge in JUDGES:
        rows += look(pairs, pairs, judge).select("judge", "criterion", "figure").rows()
        rows.append((judge, "bias of the raw grade", float((pairs[judge] - pairs["gold_mean"]).mean())))  # type: ignore[arg-type]  # a mean of numbers
        for year in ("dl19", "dl20"):
            mine = pairs.filter(pl.col("year") == year)
            rows.append((judge, f"Cohen's kappa {year}", cohen_kappa(mine[judge], mine["gold_mean"])))
    return pl.DataFrame(rows, schema={"judge": pl.String, "name": pl.String, "value": pl.Float64}, orient="row")


def freeze(learnt: pl.DataFrame, judge: str) -> JudgeVersion:
    """The judge calibrated on ``learnt``."""
    members = f'[{{"member_hash": "{judge}"}}]'
    return calibrate.freeze(
        learnt, grades_of(learnt, judge), SCALE,
        candidate=judge, members=members, rubric_version="recorded", model_served=judge,
    )  # fmt: skip


def grades_of(pairs: pl.DataFrame, judge: str) -> pl.DataFrame:
    """The judge's recorded grades in the form of ``core.judge.pair_grades``: every reply was read."""
    return pairs.select(
        *PAIR_KEY, pl.col(judge).alias("raw_grade"), pl.col(judge).alias("expected_grade"),
        pl.lit(0, dtype=pl.Int64).alias("ungraded"), pl.lit(1, dtype=pl.Int64).alias("replies"),
    )  # fmt: skip


def own_deal(pairs: pl.DataFrame, split_salt: str) -> pl.DataFrame:
    """LOOK rows of the deal a project makes: its figures must be the graph's."""
    return deal_again(pairs, split_salt, PAIR_SALT)


def resplits(n: int, workers: int, say: Callable[[str], None]) -> pl.DataFrame:
    """LOOK rows of ``n`` deals, worked on by ``workers`` processes."""
    numbers = [list(range(n))[start::workers] for start in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        parts = [pool.submit(_deals, part) for part in numbers if part]
        say(f"{n} re-splits of {len(JUDGES)} judges in {workers} processes")
        return pl.concat([part.result() for part in parts]).sort("split", "judge", maintain_order=True)


def _deals(numbers: Sequence[int]) -> pl.DataFrame:
    pairs = judged_pairs()

    def each() -> Iterator[pl.DataFrame]:
        for number in numbers:
            yield deal_again(pairs, f"resplit-{number:03d}", f"resplit-{number:03d}")

    return pl.concat(each())
