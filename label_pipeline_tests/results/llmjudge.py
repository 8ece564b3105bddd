"""LLMJudge: agreement of its 33 judges beside what was published, and the graph on texts that occur more than once.

Holds the findings and their section of the page. Keep out: the project itself (label_pipeline_tests/llmjudge).
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple
from urllib.request import urlopen

import polars as pl

from label_pipeline.cli.provider import URL_VARIABLE, provider_process
from label_pipeline.core.agreement import cohen_kappa, krippendorff_alpha
from label_pipeline.settings import load
from label_pipeline_tests.llmjudge import project
from label_pipeline_tests.results import tables
from label_pipeline_tests.results.sentences import item, text
from label_pipeline_tests.trecdl.project import run

STAGES = ("seed", "calibrate", "gate", "amplify")


class Agreement(NamedTuple):
    """One judge against the assessors on every row, grades off the scale clipped to it.

    Attributes:
        judge: the submission.
        kappa: Cohen's kappa; ``published_kappa`` beside it.
        alpha: ordinal alpha of Krippendorff; ``published_alpha`` beside it.
        off_scale: its grades outside 0..3.
    """

    judge: str
    kappa: float
    published_kappa: float
    alpha: float
    published_alpha: float
    off_scale: tuple[int, ...]


@dataclass(frozen=True)
class LLMJudge:
    """What was found.

    Attributes:
        agreement: every judge, best kappa first.
        recorded: what the provider says of the file (rehearsal/recorded.py ``RecordedCounts``).
        board: the leaderboard.
        verdict: VERDICTS row of its winner.
        book: LABEL_RUNS row.
        n_seed: human grades in the seed.
        n_clear: human labels of texts no judge grades in two ways.
    """

    agreement: tuple[Agreement, ...]
    recorded: Mapping[str, int]
    board: pl.DataFrame
    verdict: Mapping[str, object]
    book: Mapping[str, object]
    n_seed: int
    n_clear: int


def agreements() -> tuple[Agreement, ...]:
    """Every judge's agreement, computed from the file, beside the published figures."""
    wide, columns = pl.read_parquet(project.WIDE), project.judges()
    human = wide["human_grade"].to_numpy()
    found = []
    for name, kappa, alpha in pl.read_csv(project.PUBLISHED).select("submission", "pub_kappa", "pub_alpha").iter_rows():
        grades = wide[columns[name]]
        pair = [human, grades.clip(0, 3).to_numpy()]
        off = tuple(grades.filter(~grades.is_between(0, 3)).to_list())
        found.append(Agreement(name, cohen_kappa(*pair), kappa, krippendorff_alpha(pair, "ordinal"), alpha, off))
    return tuple(sorted(found, key=lambda each: -each.kappa))


def findings(judges: Sequence[str], say: Callable[[str], None]) -> LLMJudge:
    """Computes the agreement and runs the graph with ``judges`` as candidates."""
    say(f"LLMJudge: {', '.join(STAGES)} with {len(judges)} candidates")
    with TemporaryDirectory(prefix="label-pipeline-llmjudge-") as name:
        folder = Path(name)
        labels, candidates = folder / "labels.parquet", folder / "candidates.parquet"
        n_clear = project.write_clear_labels(labels)
        project.write_candidates(candidates)
        config = project.write_settings(folder, "llmjudge", judges, labels, candidates)
        with provider_process(load(config), config):
            store = run(load(config), STAGES).store
            with urlopen(os.environ[URL_VARIABLE].removesuffix("/v1") + "/stats") as reply:
                recorded = json.load(reply)["about"]["recorded"]
        return LLMJudge(
            agreement=agreements(),
            recorded=recorded,
            board=store.query("calibrate/newest_calibration"),
            verdict=store.read("verdicts").row(0, named=True),
            book=store.query("amplify/day_books").row(0, named=True),
            n_seed=store.read("gold").height,
            n_clear=n_clear,
        )


def section(found: LLMJudge) -> list[str]:
    """The page's section."""
    off = [f"`{each.judge}` {', '.join(map(str, each.off_scale))}" for each in found.agreement if each.off_scale]
    failures = json.loads(str(found.verdict["failures"]))
    rows, repeated, conflicting = (found.recorded[name] for name in ("rows", "repeated", "conflicting"))
    return [
        "## 6. LLMJudge: 25 queries and 33 judges",
        text(
            f"The test set of the LLMJudge challenge (SIGIR 2024): 25 queries, {rows:,} pairs, one assessor a pair, "
            "and the grades of all 33 submissions. Agreement is computed from the files on every row and rounds to "
            f"the published figures {equal(found.agreement)}. Grades off the scale ({'; '.join(off)}) are clipped "
            "here, as the published figures did; the graph never clips, it asks again and then counts an unreadable "
            "reply."
        ),
        agreement_table(found.agreement),
        text(
            f"{repeated} of {found.recorded['text_pairs']:,} text pairs stand on more than one row, and "
            f"{conflicting} of those have different grades of one judge. The provider answers those of the judge "
            "asked with 400 (`conflicts: exclude`), which counts as unreadable and would close any gate: "
            f"the seed is sampled from the {found.n_clear:,} labels of texts without any conflict."
        ),
        tables.leaderboard(found.board),
        "\n".join(
            (
                item(f"Seed: {found.n_seed} human grades. Holdout: {found.verdict['n_queries']} queries, "
                     f"{found.verdict['n_pairs']} pairs."),
                item(f"The verdict is **{found.verdict['state']}**: {failures[0]}."),
                item(f"Of {found.book['pairs_in']:,} candidates {found.book['refused']:,} are refused, "
                     f"{found.book['labelled']} labelled; {found.book['requests']} requests were sent. The other "
                     "pairs of the file have documents of more than 100,000 characters and are quarantined."),
            )
        ),
    ]  # fmt: skip


def agreement_table(found: Sequence[Agreement]) -> str:
    """One row per judge, four decimals as published."""
    rows = [
        (
            f"`{each.judge}`",
            *(f"{figure:.4f}" for figure in each[1:5]),
            ", ".join(map(str, each.off_scale)) or "–",
        )
        for each in found
    ]
    header = ("judge", "Cohen's kappa", "published", "ordinal alpha", "published", "grades off the scale")
    return tables.table(header, rows)


def equal(found: Sequence[Agreement]) -> str:
    """How many judges' figures are the published ones to four decimals."""
    same = sum(
        round(each.kappa, 4) == each.published_kappa and round(each.alpha, 4) == each.published_alpha for each in found
    )
    return f"for all {same} judges" if same == len(found) else f"for {same} of {len(found)} judges only"
