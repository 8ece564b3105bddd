"""`seed draw`: from a query log and documents to the pairs people shall grade, and who grades which.

Keep out: every rule of the draw (stages/seed), the files (seed_folder.py).
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.adapters.files import InputSpec, read_rows
from label_pipeline.cli.exits import DONE
from label_pipeline.cli.seed_folder import DRAW, NOTES, PAIRS_FILE, SEATS_FILE, SeedFolder
from label_pipeline.cli.seed_orders import Sources, retrieval_orders, told
from label_pipeline.cli.terminal import as_table, say
from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.errors import InputError, SettingsError
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.operations.project import Project
from label_pipeline.stages.seed.draw import QueryPlan, draw_queries, summary
from label_pipeline.stages.seed.overlap import OverlapPlan, agreement_half_width, seat
from label_pipeline.stages.seed.pool import ZONE_SHARES, PoolPlan, draw_pairs
from label_pipeline.stages.seed.querylog import STRATUM, QueryLog, read_log
from label_pipeline.stages.seed.texts import Limits, accept_documents
from label_pipeline.stages.seed.unfound import ADVICE, causes


@dataclass(frozen=True)
class Plans:
    """How queries, pairs and people are drawn."""

    queries: QueryPlan
    pool: PoolPlan
    overlap: OverlapPlan


def draw_seed(console: Console, project: Project, folder: SeedFolder, sources: Sources, plans: Plans) -> int:
    """Draws, or extends what was drawn in ``folder``; writes the files and tells what is in them.

    Returns:
        0.

    Raises:
        LabelPipelineError: a file, an endpoint or an argument cannot be used. Nothing is written then.
    """
    plans = _continued(folder, plans)
    settings = project.settings
    spec = InputSpec(
        sources.log, "query_log", columns=sources.log_columns, task=settings.task, collection=settings.collection
    )
    log = read_log([read_rows(spec)])
    say(console, f"{spec.source}: " + told(log.books))
    if log.queries.is_empty():
        raise InputError(
            f"{spec.source}: none of its {log.books['read']} rows is a query ({log.rejected['reason'][0]}); correct "
            "the file, or map its columns with --log-column"
        )
    documents = _documents(console, project)
    drawn = draw_queries(log.queries, plans.queries, folder.read(DRAW), _spread(sources.spread, log))
    orders = retrieval_orders(console, drawn, documents, sources, plans.pool, project)
    pool = draw_pairs(drawn, orders, documents, plans.pool, folder.read(PAIRS_FILE))
    bare = causes(drawn, orders, documents, pool.pairs)
    if pool.pairs.is_empty():
        raise InputError(
            f"no document was found for any of {drawn.height} drawn queries: {_because(bare)} ({told(pool.books)})"
        )
    seats = seat(pool.pairs, plans.overlap, folder.read(SEATS_FILE).join(pool.pairs, on="task_id", how="semi"))
    likely = drawn.select(*QUERY_KEY, pl.col("probability").alias("query_probability"))
    pairs = pool.pairs.join(likely, on=list(QUERY_KEY), how="left", maintain_order="left").with_columns(
        (pl.col("probability") * pl.col("query_probability")).alias("inclusion_probability")
    )
    strata = summary(log.queries, drawn)
    folder.write(
        {
            NOTES: _notes(sources, plans, log, pool.books),
            "queries.csv": drawn.select("query_id", "query", "language", "task", "collection"),
            DRAW: drawn, PAIRS_FILE: pairs, SEATS_FILE: seats, "strata.csv": strata, "rejected.csv": log.rejected,
            "merged.csv": log.merged,
        },
        mark=NOTES,
    )  # fmt: skip
    console.print(as_table("\nqueries drawn, by stratum", strata.drop("task")))
    _tell_unreachable(console, strata, plans.pool)
    say(console, "documents: " + told(pool.books))
    if bare:
        say(console, f"nothing is drawn for {sum(bare.values())} queries: {_because(bare)}", "yellow")
    _tell_people(console, project, pairs, seats, plans)
    say(console, _next_steps(folder))
    return DONE


def _because(bare: Mapping[str, int]) -> str:
    return "; ".join(f"{count}: {cause}: {ADVICE[cause]}" for cause, count in bare.items())


def _continued(folder: SeedFolder, plans: Plans) -> Plans:
    """The plans with the seed number of the draw that is extended.

    Raises:
        SettingsError: another seed number is asked for.
    """
    before = folder.notes().get("seed")
    if before is not None and before != plans.queries.seed:
        raise SettingsError(
            f"{folder.path} was drawn with --seed {before}; another number draws other queries: leave it out of an "
            "extension, or draw into another --out"
        )
    return plans


def _documents(console: Console, project: Project) -> pl.DataFrame:
    """DOCUMENTS rows of the settings' files."""
    raw = [read_rows(spec) for spec in project.input_specs("documents")]
    limits = Limits(document_chars=project.settings.inputs.max_document_chars)
    found = accept_documents(raw, limits)
    rejected = found.rows.filter(pl.col("fate") == "quarantined").height
    customer = found.table.filter(pl.col("boundary") == CUSTOMER).height
    say(
        console,
        f"documents: {found.table.height} accepted, {rejected} quarantined (`check` says why); {customer} are customer "
        "text and go to nobody",
    )
    return found.table


def _spread(path: Path | None, log: QueryLog) -> pl.DataFrame | None:
    """The spreads of a Neyman allocation.

    Raises:
        InputError: a column is missing or no number, or no stratum of the log is named.
    """
    if path is None:
        return None
    try:
        frame = pl.read_csv(path, schema_overrides=dict.fromkeys(STRATUM, pl.String) | {"spread": pl.Float64})
        found = frame.select(*STRATUM, "spread")
    except (OSError, pl.exceptions.PolarsError) as error:
        wanted = ", ".join((*STRATUM, "spread"))
        raise InputError(f"{path} cannot be used ({str(error).splitlines()[0]}); expected columns {wanted}") from error
    known = (pl.col("spread").is_finite() & (pl.col("spread") >= 0)).fill_null(False)
    if found.filter(~known).height or found.select(STRATUM).is_duplicated().any():
        raise InputError(
            f"{path}: a spread is negative, no number or missing, or a stratum is there twice; give each one number"
        )
    if found.join(log.queries, on=list(STRATUM), how="semi").is_empty():
        raise InputError(f"{path} names no stratum of this log; take the names from strata.csv, which a draw writes")
    return found


def _notes(sources: Sources, plans: Plans, log: QueryLog, pool: Mapping[str, int]) -> str:
    notes = {
        "seed": plans.queries.seed,
        "queries": asdict(plans.queries), "pool": asdict(plans.pool), "people": asdict(plans.overlap),
        "log": {"file": sources.log.name, "sha256": hashlib.sha256(sources.log.read_bytes()).hexdigest(), **log.books},
        "documents": dict(pool),
    }  # fmt: skip
    return json.dumps(notes, indent=1, ensure_ascii=False) + "\n"


def _tell_unreachable(console: Console, strata: pl.DataFrame, plan: PoolPlan) -> None:
    """What no draw can reach: no weighting gives it back."""
    none = strata.filter(pl.col("drawn") == 0)
    if none.height:
        say(
            console,
            f"{none.height} strata with {none['traffic'].sum():.1%} of a collection's traffic have no drawn query, so "
            "no figure speaks for them: raise --queries, or --floor",
            "yellow",
        )
    if plan.pairs < len(ZONE_SHARES):
        say(
            console,
            f"--pairs {plan.pairs}: documents deep in a pool are never drawn, so no figure speaks for them; take "
            f"{len(ZONE_SHARES)} or more",
            "yellow",
        )


def _tell_people(console: Console, project: Project, pairs: pl.DataFrame, seats: pl.DataFrame, plans: Plans) -> None:
    """The work of each annotator, how well agreement will be known, and whether a verdict is in reach."""
    loads = seats.group_by("annotator_id").len("pairs").sort("annotator_id")
    shared = seats.group_by("task_id").len().filter(pl.col("len") >= 2).height
    each = ", ".join(f"{name} {count}" for name, count in loads.iter_rows())
    say(console, f"people: {pairs.height} pairs, {seats.height} grades ({each})")
    width = agreement_half_width(shared)
    say(
        console,
        f"agreement: {shared} pairs have two graders or more: an alpha of .80 will be known to +-{width:.2f}" if shared
        else "agreement: no pair has two graders: how far people agree will not be known",
        "" if shared else "yellow",
    )  # fmt: skip
    policy, share = project.policy, project.settings.splits.holdout
    deep = pairs.group_by(QUERY_KEY).len().filter(pl.col("len") >= policy.min_pairs)
    for collection, queries in deep.group_by("collection").len().sort("collection").iter_rows():
        wanted = -(-policy.min_queries // share) if share else float("inf")
        if queries < wanted:
            say(
                console,
                f"[{collection}] {queries} queries have {policy.min_pairs} pairs or more; policy {policy.name} needs "
                f"about {wanted:.0f} for a verdict: raise --queries or --pairs",
                "yellow",
            )


def _next_steps(folder: SeedFolder) -> str:
    return f"""
Next ({folder.path}):
  1. label-pipeline seed export --tool label-studio   (or csv): guide, labelling configuration and tasks
  2. after grading: label-pipeline seed import EXPORT.json
  3. settings, inputs: queries: [{folder.path.name}/queries.csv]   (and your own, which candidates need)
                       human_labels: {folder.path.name}/human_labels.csv
To draw more later, run the same command with a larger --queries or --pairs: all that was drawn stays."""
