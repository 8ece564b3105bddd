"""The amplify stage: a day's candidate pairs, and their labels under an open, current verdict."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import polars as pl

from label_pipeline.adapters.canvas import data_uri_markdown
from label_pipeline.adapters.plot_latency import latencies
from label_pipeline.adapters.where import Where
from label_pipeline.core.codes.purposes import AMPLIFY
from label_pipeline.core.errors import WaitingError
from label_pipeline.core.judging.causes import WHAT_TO_DO
from label_pipeline.defs.checks import contract_result
from label_pipeline.defs.names import WAITING, Names
from label_pipeline.defs.report import listed, markdown, refusing, stage_asset
from label_pipeline.defs.resources import run_of
from label_pipeline.operations import amplify as operation
from label_pipeline.operations.canary import canaries_of
from label_pipeline.operations.project import Project
from label_pipeline.operations.recent import recent_coverage
from label_pipeline.operations.seed_candidates import load_candidates
from label_pipeline.stages import seed


def amplify_assets(key: Names, days: dg.PartitionsDefinition[str], spending_pool: str) -> list[dg.AssetsDefinition]:
    """``candidate_pairs`` and ``amplified_labels``, partitioned by day."""
    return [_candidate_pairs(key, days), _amplified_labels(key, days, spending_pool)]


def _candidate_pairs(key: Names, days: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "candidate_pairs",
        "amplify",
        "candidates",
        deps=["seed_inputs"],
        kinds={"polars", "deltalake", "greatexpectations"},
        days=days,
        check_specs=[
            dg.AssetCheckSpec("inputs_contract", asset=key("candidate_pairs"), description="Great Expectations suite"),
            dg.AssetCheckSpec(
                "rows_add_up", asset=key("candidate_pairs"), description="read = kept + every other fate"
            ),
        ],
    )
    def candidate_pairs(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """The pairs that arrived on a day, read from the user's files; rejected rows are in `quarantine`."""
        with refusing():
            assembled = load_candidates(project, _days(context))
            read = pl.concat([found.read for found in assembled])
            contract = contract_result(key("candidate_pairs"), {"candidates": read}, project)
            notes = pl.concat([found.notes for found in assembled])
            off = [found.books.sentence for found in assembled if not found.books.balanced]
            return dg.MaterializeResult(
                metadata={
                    "candidates": sum(found.candidates.height for found in assembled),
                    "quarantined": sum(found.quarantine.height for found in assembled),
                    "values_left_out": int(notes["rows"].sum()),
                    "noticed": listed(seed.sentences(notes)),
                    "books": listed([found.books.sentence for found in assembled]),
                },
                check_results=[
                    contract,
                    dg.AssetCheckResult(
                        asset_key=key("candidate_pairs"), check_name="rows_add_up", passed=not off,
                        metadata={"unbalanced": "; ".join(off) or "none"},
                    ),
                ],
            )  # fmt: skip

    return candidate_pairs


def _amplified_labels(key: Names, days: dg.PartitionsDefinition[str], spending_pool: str) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "amplified_labels",
        "amplify",
        "labels",
        deps=["candidate_pairs", "gate_verdict"],
        kinds={"openai", "deltalake"},
        days=days,
        pool=spending_pool,
        may_wait=True,
    )
    def amplified_labels(
        context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]
    ) -> Iterator[dg.MaterializeResult]:
        """Labels of a day's candidate pairs, given by the judge whose verdict for their collection stands now."""
        with refusing():
            try:
                runs = operation.label_days(run_of(context), project, _days(context))
            except WaitingError as waits:  # no failure: nobody is to look, and a retry at once would find the same
                context.log.info(str(waits))
                for day in context.partition_keys:
                    context.log_event(
                        dg.AssetObservation(context.asset_key, partition=day, metadata={WAITING: str(waits)})
                    )
                return
            result = _labelled(context, project, runs)
        yield result

    return amplified_labels


def _labelled(context: dg.AssetExecutionContext, project: Project, runs: pl.DataFrame) -> dg.MaterializeResult:
    counts = ("pairs_in", "labelled", "reused", "abstained", "failed", "refused", "skipped", "requests")
    mine: Where = {"run_id": context.run.run_id}
    booked = project.store("amplify").query("amplify/day_books", where={"label_runs": mine})
    return dg.MaterializeResult(
        metadata={
            **{name: int(runs[name].sum()) for name in counts},
            "cost_usd": float(runs["cost_usd"].sum()),
            "books": markdown(booked.select("day", "collection", *counts, "cost_usd", "seconds", "reason")),
            "coverage": markdown(recent_coverage(project), most=40),
            **_seen(project, context.run.run_id),
            "canary": markdown(
                canaries_of(project, context.run.run_id).select(
                    "collection", "n_pairs", "graded", "loss", "flip_share", "requests", "baseline_epoch"
                )
            ),
            "judge_versions": sorted(runs["judge_version"].drop_nulls().unique()),
        },
        data_version=dg.DataVersion("+".join(sorted(runs["judge_version"].drop_nulls().unique()))),
    )


def _seen(project: Project, run_id: str) -> dict[str, dg.MetadataValue]:
    """What gave no grade, by cause and with what to do, and how long replies took; nothing where nothing was sent."""
    store = project.store("amplify")
    asked: Where = {"run_id": run_id, "purpose": AMPLIFY}
    found = store.query("amplify/without_label", {"run_id": run_id}, {"judgements": asked})
    shown: dict[str, dg.MetadataValue] = {}
    if found.height:
        told = found.with_columns(pl.col("outcome").replace_strict(WHAT_TO_DO, default="").alias("what to do"))
        shown["without a label"] = markdown(told)
    took = store.read("judgements", ["latency_s", "reused"], asked).filter(~pl.col("reused"), pl.col("latency_s") > 0)
    if took.height:
        title = f"Latency of {took.height:,} replies"
        drawn = latencies(took["latency_s"].to_numpy(), title)
        shown["latency"] = dg.MetadataValue.md(data_uri_markdown(drawn, title))
    return shown


def _days(context: dg.AssetExecutionContext) -> list[date]:
    return [date.fromisoformat(name) for name in context.partition_keys]
