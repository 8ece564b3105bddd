"""`check`: are settings and inputs good, and what would every stage send and cost? Sends no chat request.

Keep out: every rule (stages/seed, core/judging/plan.py).
"""

import asyncio
from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.adapters.files import read_rows
from label_pipeline.cli.exits import MISTAKE, PROVIDER
from label_pipeline.cli.status import as_table
from label_pipeline.core.errors import JudgeError, SettingsError
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.ports import PairText
from label_pipeline.core.tables import PAIR_KEY, QUERY_KEY
from label_pipeline.defs.asking import price
from label_pipeline.defs.assets.seed import INPUT_TABLES
from label_pipeline.defs.project import Project
from label_pipeline.settings import load
from label_pipeline.stages import seed

SHOWN = 20


def check_project(console: Console, config: Path) -> int:
    """Checks a project; the exit code is 0, 2 for rejected rows, 5 for a provider that cannot be used."""
    project = Project(load(config))
    console.print(f"settings {config}: fine; rubric {project.rubric_version}; policy {project.policy.name}")
    found, candidates = _assembled(project)
    for books in (*found.books, candidates.books):
        console.print(f"  {books.sentence}", highlight=False)
    rejected = pl.concat([found.quarantine, candidates.quarantine])
    for row in rejected.head(SHOWN).iter_rows(named=True):
        console.print(f"  {row['source']}:{row['line']}: {row['reason']}", markup=False, soft_wrap=True)
    if rejected.height > SHOWN:
        console.print(f"  and {rejected.height - SHOWN} more; all of them land in table quarantine")
    console.print(
        as_table("what each stage would send and cost at most", _plans(project, found, candidates.candidates))
    )
    console.print(f"caps: {_caps(project)}")
    trouble = _endpoints(console, project)
    return PROVIDER if trouble else MISTAKE if rejected.height else 0


def _assembled(project: Project) -> tuple[seed.Assembled, seed.AssembledCandidates]:
    inputs = project.settings.inputs
    raw = {t: [read_rows(spec) for spec in project.input_specs(t)] for t in (*INPUT_TABLES, "candidates")}
    found = seed.assemble(
        [item for table in INPUT_TABLES for item in raw[table]],
        project.settings.grade_scale,
        seed.Limits(document_chars=inputs.max_document_chars),
        inputs.pairs_per_query,
    )
    candidates = seed.assemble_candidates(
        raw["candidates"], found.queries, found.documents, pool_date=inputs.pool_date,
        first_day=project.settings.days.start, last_day=project.settings.days.end,
    )  # fmt: skip
    return found, candidates


def _plans(project: Project, found: seed.Assembled, candidates: pl.DataFrame) -> pl.DataFrame:
    gold = seed.gold_labels(found.human_labels)
    splits = seed.seed_splits(
        gold, project.store("seed").read("splits"), project.shares, project.clock(), project.settings.splits.salt
    )
    dealt = gold.join(splits.select(*QUERY_KEY, "split"), on=list(QUERY_KEY))
    stages = {
        "calibrate": dealt.filter(pl.col("split").is_in(["train", "dev"])),
        "gate": dealt.filter(pl.col("split") == "holdout"),
        "amplify": candidates,
    }
    rows = []
    for stage, pairs in stages.items():
        texts = _texts(found, pairs)
        for member in project.members:
            plan = price(project, member, texts, epoch=0, purpose=stage)
            rows.append(
                {
                    "stage": stage, "candidate": member.name, "pairs": plan.pairs, "requests": plan.requests,
                    "answered before": plan.answered, "customer pairs skipped": plan.skipped_customer,
                    "cost_usd": plan.cost_usd,
                }
            )  # fmt: skip
    return pl.DataFrame(rows)


def _texts(found: seed.Assembled, pairs: pl.DataFrame) -> tuple[PairText, ...]:
    """The pairs with the texts a judge would be shown."""
    title, text = pl.col("title"), pl.col("text")
    documents = found.documents.select(
        "doc_id",
        "doc_version",
        pl.when(title.is_null()).then(text).otherwise(title + "\n\n" + text).alias("document"),
        (pl.col("boundary") == "customer").fill_null(False).alias("customer"),
    )
    joined = pairs.select(PAIR_KEY).join(found.queries.select(*QUERY_KEY, "query"), on=list(QUERY_KEY))
    return pair_texts(joined.join(documents, on=["doc_id", "doc_version"]))


def _caps(project: Project) -> str:
    settings = project.settings
    caps = {
        "calibrate": settings.calibrate.cap_usd,
        "gate": settings.gate.cap_usd,
        "amplify a day": settings.amplify.cap_usd,
    }
    return ", ".join(
        f"{name} ${cap:.2f}" + (" (0 spends nothing: raise it)" if cap == 0 else "") for name, cap in caps.items()
    )


def _endpoints(console: Console, project: Project) -> bool:
    """Asks every endpoint for its model list; says what is missing. Returns whether anything is."""
    trouble = False
    for endpoint in sorted({member.endpoint for member in project.members}):
        wanted = sorted({member.model for member in project.members if member.endpoint == endpoint})
        try:
            listed = asyncio.run(_models(project, endpoint))
        except (JudgeError, SettingsError) as error:
            console.print(f"endpoint {endpoint}: {error}", markup=False, soft_wrap=True)
            trouble = True
            continue
        missing = [model for model in wanted if model not in listed]
        trouble |= bool(missing)
        found = (
            f"does not list {', '.join(missing)}; it lists {', '.join(listed[:10])}" if missing else "lists them all"
        )
        console.print(f"endpoint {endpoint}: reachable, {found}", markup=False, soft_wrap=True)
    return trouble


async def _models(project: Project, endpoint: str) -> tuple[str, ...]:
    client = project.client(endpoint)
    try:
        return await client.models()
    finally:
        await client.close()
