"""`check`: are settings and inputs good, and what would every stage send and cost? Sends no chat request unasked.

Keep out: what it says of rows (check_rows.py), every rule (stages/seed, core/judging/plan.py).
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console

from label_pipeline.adapters.files import RawRows, read_rows
from label_pipeline.cli.ask import ask_judges
from label_pipeline.cli.check_rows import tell_rows
from label_pipeline.cli.exits import DONE, MISTAKE, OVER_BUDGET, code_of
from label_pipeline.cli.plans import AssembledFiles, StagePlan, assign, stage_plans
from label_pipeline.cli.terminal import as_table, say
from label_pipeline.core.codes.inputs import HUMAN_LABELS, INPUTS
from label_pipeline.core.errors import InputError, JudgeError, SettingsError
from label_pipeline.core.pairs import deepest_queries
from label_pipeline.core.splits import HOLDOUT, LEARNING_SPLITS
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.operations.gate import last_verdicts
from label_pipeline.operations.project import Project
from label_pipeline.operations.seed_rubrics import grade_rubric, texts_of_rubric
from label_pipeline.settings import load
from label_pipeline.stages import gate, seed


def check_project(console: Console, config: Path, ask: int = 0, *, fit: bool = False) -> int:
    """Checks a project's settings, files, endpoints and plans.

    Args:
        console: where it is told.
        config: settings file.
        ask: graded pairs that every judge is asked about.
        fit: try other settings of an endpoint that does not fit.

    Returns:
        0; 2 for a file that cannot be used, rejected rows or a key that is not set; 4 for a plan over its cap; 5 for an
        endpoint that cannot be used. Where several apply, the first of them in this order.

    Raises:
        LabelPipelineError: settings, rubric, prompt, policy or price are unusable.
    """
    project = Project(load(config))
    say(console, f"settings: fine ({config}); rubric {project.rubric_version}; policy {project.policy.name}")
    files = _read(project)
    broken = [str(error) for error in files if isinstance(error, InputError)]
    if broken:
        for sentence in broken:
            say(console, f"error: {sentence}", "red")
        return MISTAKE
    good = [found for found in files if isinstance(found, RawRows)]
    inputs = _assembled(project, good)
    codes = [
        tell_rows(console, good, inputs, Path(project.settings.home_path)),
        _tell_words(console, inputs),
        _tell_grades(console, project, inputs),
        _tell_splits(console, project, inputs),
        _tell_plans(console, project, list(stage_plans(project, inputs))),
        _tell_endpoints(console, project),
        ask_judges(console, project, inputs, ask, fit=fit) if ask else DONE,
    ]
    return next((code for code in codes if code == MISTAKE), next(filter(None, codes), DONE))


def _read(project: Project) -> list[RawRows | InputError]:
    """Every file, or why it cannot be used: one mistake must not hide the next."""
    found: list[RawRows | InputError] = []
    for table in INPUTS:
        for spec in project.input_specs(table):
            try:
                found.append(read_rows(spec))
            except InputError as error:
                found.append(error)
    return found


def _assembled(project: Project, files: Sequence[RawRows]) -> AssembledFiles:
    inputs, days = project.settings.inputs, project.settings.days
    found = seed.assemble(
        files, project.settings.grade_scale, seed.Limits(document_chars=inputs.max_document_chars),
        inputs.pairs_per_query, rubric=grade_rubric(project),
        before=project.store("seed").read("documents", ["doc_id", "doc_version"]),
    )  # fmt: skip
    candidates = seed.assemble_candidates(
        files, found.queries, found.documents, pool_date=inputs.pool_date, first_day=days.start, last_day=days.end
    )
    return AssembledFiles(found, candidates, assign(project, found))


def _tell_words(console: Console, inputs: AssembledFiles) -> int:
    """The queries that no search by words can find; many of them are a sign, not a mistake."""
    bare = seed.wordless(inputs.seeded.queries, inputs.seeded.documents)
    if bare is not None:
        say(console, f"  {bare.sentence}", "yellow" if bare.many else "")
    return DONE


def _tell_grades(console: Console, project: Project, inputs: AssembledFiles) -> int:
    """Whether the human grades are fit to pay a judge for; what is not is refused by `run` too."""
    settings, labels = project.settings, pl.col("input") == HUMAN_LABELS
    if inputs.assigned.is_empty():
        return DONE
    books = next(inputs.seeded.book_rows.filter(labels).iter_rows(named=True))
    figures = seed.annotator_agreement(
        inputs.seeded.human_labels, settings.grade_scale, np.random.default_rng(0), resamples=200
    )
    agreement = seed.agreement(figures, settings.agreement_floor, settings.agreement_waiver)
    texts, mine = texts_of_rubric(project), inputs.seeded.human_labels["rubric_label"]
    found = [
        seed.rubric_fact(
            texts.label,
            graded_by=mine,
            books=books,
            crosswalks=settings.inputs.rubric_crosswalk,
            agreed=texts.agreed,
            agreed_by=texts.known["said_by"].drop_nulls().to_list(),
        ),
        seed.rejected(books, inputs.seeded.quarantine.filter(labels), settings.inputs.max_rejected_share),
        *(one._replace(sentence=f"[{name}] human agreement: {one.sentence}") for name, one in agreement.items()),
        *seed.variation(
            inputs.assigned.filter(pl.col("split").is_in(LEARNING_SPLITS)), settings.grade_scale, "train and dev"
        ),
        *seed.variation(inputs.assigned.filter(pl.col("split") == HOLDOUT), settings.grade_scale, "holdout"),
    ]
    for one in found:
        say(console, f"{'nothing would be asked: ' if one.stops else ''}{one.sentence}", "red" if one.stops else "")
    return MISTAKE if any(one.stops for one in found) else DONE


def _tell_splits(console: Console, project: Project, inputs: AssembledFiles) -> int:
    """Whether the holdout is big enough for a verdict; too small is an answer, not a mistake."""
    texts = inputs.seeded.queries.select(*QUERY_KEY, "query")
    assigned = inputs.assigned.join(texts, on=list(QUERY_KEY), how="left").sort("collection")
    policy = project.policy
    few: dict[str, pl.DataFrame] = {}
    for (name,), rows in assigned.group_by(["collection"], maintain_order=True):
        enough = int((deepest_queries(rows.filter(pl.col("split") == HOLDOUT)) >= policy.min_pairs).sum())
        queries = rows.n_unique(list(QUERY_KEY))
        told = (
            f"[{name}] {queries} graded queries, {enough} in the holdout with {policy.min_pairs} or more pairs; "
            f"a verdict needs {policy.min_queries}"
        )
        short = policy.min_queries - enough
        if short > 0:
            few[str(name)] = rows.filter(pl.col("split") == HOLDOUT)
            splits = assigned.select(*QUERY_KEY, "split").unique()
            more = gate.queries_to_add(splits, str(name), project.shares, short)
            told += (
                f": it will be `insufficient`; grade about {more} new queries of {policy.min_pairs} pairs, of which "
                f"{short} reach the holdout, or the missing pairs of queries that are there"
            )
        say(console, told, "yellow" if short > 0 else "")
    if (together := gate.enough_together(few, policy)) is not None:
        say(console, together.sentence)
    for sentence in last_verdicts(project):
        say(console, sentence)
    return DONE


def _tell_plans(console: Console, project: Project, plans: Sequence[StagePlan]) -> int:
    """The priced plan, and every stage against its cap."""
    rows = [
        {
            "stage": found.stage, "judge": found.judge, "pairs": found.plan.pairs, "to send": found.plan.requests,
            "known": found.plan.answered, "cost $": found.plan.cost_usd,
        }
        for found in plans
    ]  # fmt: skip
    console.print(as_table("\nwhat every stage would send, and cost at most", pl.DataFrame(rows)))
    withheld = max((found.plan.skipped_customer for found in plans), default=0)
    if withheld:
        say(
            console,
            f"up to {withheld} pairs with customer text are in no plan: they go to no endpoint that is `outside`",
        )
    settings = project.settings
    over = False
    for stage, cap_usd, what in (
        ("calibrate", settings.calibrate.cap_usd, "asks every judge"),
        ("gate", settings.gate.cap_usd, "asks the chosen judge"),
        ("anchor", settings.anchor.cap_usd, "asks the certified judge again, run by run"),
        ("amplify", settings.amplify.cap_usd, "asks the certified judge, day by day; the dearest day and its canary"),
    ):
        costs = [found.dearest_usd for found in plans if found.stage == stage]
        least, most = (sum(costs), sum(costs)) if stage == "calibrate" else (min(costs), max(costs))
        idle = stage == "anchor" and cap_usd == 0
        beyond = _OVER.get(stage, "nothing would be sent")
        remark = (
            ": not asked, so labels stay provisional" if idle
            else f", OVER the cap: {beyond}; raise {stage}.cap_usd" if least > cap_usd
            else ", over the cap if the dearest judge wins" if most > cap_usd
            else ""
        )  # fmt: skip
        over |= least > cap_usd and not idle
        say(
            console,
            f"{stage} {what}: at most ${most:.4f}, cap ${cap_usd:.2f}{remark}",
            "yellow" if remark else "",
        )
    for found in plans:
        if found.advice is not None:
            say(console, f"{found.stage} by {found.judge}: amplify.send is {settings.amplify.send}; {found.advice}")
    return OVER_BUDGET if over else DONE


_OVER = {"amplify": "whole queries would be labelled up to it"}
"""What happens over a stage's cap, where it is not that nothing is sent."""


def _tell_endpoints(console: Console, project: Project) -> int:
    """Asks every endpoint for its model list; says what is missing."""
    codes = []
    for endpoint in sorted({member.endpoint for member in project.members}):
        if not project.settings.endpoints[endpoint].model_list:
            say(
                console,
                f"endpoint {endpoint}: not asked, it has no model list; whether it serves the models is unknown",
            )
            continue
        wanted = sorted({member.model for member in project.members if member.endpoint == endpoint})
        try:
            listed = asyncio.run(_models(project, endpoint))
            missing = [model for model in wanted if model not in listed]
            if missing:
                raise JudgeError(
                    f"it does not list {', '.join(missing)}; it lists {', '.join(listed[:10]) or 'nothing'}"
                )
        except (JudgeError, SettingsError) as error:
            say(console, f"endpoint {endpoint}: {error}", "red")
            codes.append(code_of(type(error)))
            continue
        say(console, f"endpoint {endpoint}: reachable, lists {', '.join(wanted)}")
    return min(codes, default=DONE)


async def _models(project: Project, endpoint: str) -> tuple[str, ...]:
    client = project.client(endpoint)
    try:
        return await client.models()
    finally:
        await client.close()
