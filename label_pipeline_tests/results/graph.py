"""The graph on the real judgments: one project with all judges, one of its own for each judge.

A judge of its own project is looked at once, at the alpha of a first look. Keep out: figures (the stages make them),
tables for people (tables.py).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from label_pipeline.cli.provider import provider_process
from label_pipeline.settings import load
from label_pipeline_tests.trecdl.project import (
    GPT4O,
    JUDGES,
    LLAMA32,
    LLAMA70B,
    Ran,
    requests_of,
    run,
    write_candidates,
    write_settings,
)

CERTIFY = ("seed", "calibrate", "gate")
LABELLED, REFUSED = (GPT4O, LLAMA70B), (LLAMA32,)
"""Judges that go on to a ranker over every candidate, and judges shown to be refused; the others stop at the gate."""


@dataclass(frozen=True)
class JudgeRun:
    """What the graph did with one judge.

    Attributes:
        judge: its name.
        state: state of its verdict.
        criteria: its verdict's criteria (stages/gate/decision.py ``Criterion`` as a mapping).
        failures: why its gate is not open, as sentences.
        requests: chat requests the provider counted, all stages.
        book: its LABEL_RUNS row; None where it was not sent to amplify.
        refusal: the sentence amplify stopped with; empty where it did not.
        labels: LABELS rows.
        metrics: RANKER_METRICS rows.
    """

    judge: str
    state: str
    criteria: tuple[Mapping[str, object], ...]
    failures: tuple[str, ...]
    requests: int
    book: Mapping[str, object] | None
    refusal: str
    labels: pl.DataFrame
    metrics: pl.DataFrame


@dataclass(frozen=True)
class GraphFindings:
    """Leaderboard of all judges, every judge's own run, the splits (the same everywhere), and the deal's salt."""

    board: pl.DataFrame
    runs: tuple[JudgeRun, ...]
    splits: pl.DataFrame
    split_salt: str


def run_graph(folder: Path, say: Callable[[str], None]) -> GraphFindings:
    """Runs every project under ``folder``, which ends up holding all they wrote."""
    candidates = folder / "candidates.parquet"
    everybody = write_settings(folder, "all-judges", list(JUDGES))
    alone = {judge: write_settings(folder, judge, [judge], candidates) for judge in JUDGES}
    say(f"{write_candidates(everybody, candidates)} candidate pairs")
    runs = []
    with provider_process(load(everybody), everybody):
        for judge, config in alone.items():
            before = asked(judge)
            say(f"{judge}: {', '.join(stages_of(judge))}")
            runs.append(judge_run(judge, run(load(config), stages_of(judge)), asked(judge) - before))
        say("all judges: leaderboard")
        compared = run(load(everybody), ("seed", "calibrate"))
    refuse_failures("all-judges", compared, ())
    store = compared.store
    salt = compared.settings.splits.salt
    return GraphFindings(store.query("calibrate/newest_calibration"), tuple(runs), store.read("splits"), salt)


def stages_of(judge: str) -> tuple[str, ...]:
    """The stages one judge goes through."""
    further = {**dict.fromkeys(LABELLED, ("amplify", "rank")), **dict.fromkeys(REFUSED, ("amplify",))}
    return CERTIFY + further.get(judge, ())


def judge_run(judge: str, ran: Ran, requests: int) -> JudgeRun:
    """What the tables of one judge's project hold."""
    refuse_failures(judge, ran, ("gate", *(("amplify",) if judge in REFUSED else ())))
    store = ran.store
    verdict = store.read("verdicts").row(0, named=True)
    books = store.query("amplify/day_books")
    return JudgeRun(
        judge=judge,
        state=verdict["state"],
        criteria=tuple(json.loads(verdict["criteria"])),
        failures=tuple(json.loads(verdict["failures"])),
        requests=requests,
        book=None if books.is_empty() else books.row(0, named=True),
        refusal=ran.failures.get("amplify", ""),
        labels=store.read("labels"),
        metrics=store.read("ranker_metrics"),
    )


def refuse_failures(name: str, ran: Ran, allowed: Sequence[str]) -> None:
    """Stops the report where a stage failed that should not have; a closed gate is a finding."""
    wrong = {stage: sentence for stage, sentence in ran.failures.items() if stage not in allowed}
    if wrong:
        raise SystemExit(f"project {name} failed: {wrong}")


def asked(judge: str) -> int:
    """Chat requests the provider has counted for ``judge`` so far."""
    return int(str(requests_of(judge).get("requests", 0)))
