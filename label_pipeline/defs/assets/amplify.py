"""The amplify stage: a day's candidate pairs, and their labels under an open, current verdict.

Keep out: sorting pairs out, labels and books (stages/amplify), who may label (stages/gate).
"""

from datetime import date

import dagster as dg
import polars as pl

from label_pipeline.adapters.files import read_rows
from label_pipeline.core.codes.inputs import CANDIDATES
from label_pipeline.core.codes.labels import CAP
from label_pipeline.core.errors import BudgetError, GateClosedError, JudgeError
from label_pipeline.defs.asking import refusing, spending
from label_pipeline.defs.canary import canaries_of
from label_pipeline.defs.contracts import contract_result
from label_pipeline.defs.enforcing import finish_enforcing
from label_pipeline.defs.labelling import book_orphans, label_day
from label_pipeline.defs.project import Project
from label_pipeline.defs.report import Keys, markdown, stage_asset
from label_pipeline.defs.standing import current_standings
from label_pipeline.stages import amplify, seed


def amplify_assets(key: Keys, days: dg.PartitionsDefinition[str], spending_pool: str) -> list[dg.AssetsDefinition]:
    """``candidate_pairs`` and ``amplified_labels``, partitioned by day."""
    return [_candidate_pairs(key, days), _amplified_labels(key, days, spending_pool)]


def _candidate_pairs(key: Keys, days: dg.PartitionsDefinition[str]) -> dg.AssetsDefinition:
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
            store, days_settings = project.store("amplify"), project.settings.days
            raw = [read_rows(spec) for spec in project.input_specs("candidates")]
            queries, documents = store.read("queries"), store.read("documents")
            assembled = []
            for name in context.partition_keys:
                day = date.fromisoformat(name)
                found = seed.assemble_candidates(
                    raw, queries, documents, day,
                    pool_date=project.settings.inputs.pool_date,
                    first_day=days_settings.start, last_day=days_settings.end,
                )  # fmt: skip
                store.overwrite("candidates", found.candidates, {"arrived_on": day})
                store.overwrite("quarantine", found.quarantine, {"input": CANDIDATES, "partition": name})
                assembled.append(found)
            read = pl.concat([found.read for found in assembled])
            contract = contract_result(key("candidate_pairs"), {"candidates": read}, project)
            off = [found.books.sentence for found in assembled if not found.books.balanced]
            return dg.MaterializeResult(
                metadata={
                    "candidates": sum(found.candidates.height for found in assembled),
                    "quarantined": sum(found.quarantine.height for found in assembled),
                    "books": dg.MetadataValue.md("\n".join(f"- {found.books.sentence}" for found in assembled)),
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


def _amplified_labels(key: Keys, days: dg.PartitionsDefinition[str], spending_pool: str) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "amplified_labels",
        "amplify",
        "labels",
        deps=["candidate_pairs", "gate_verdict"],
        kinds={"openai", "deltalake"},
        days=days,
        pool=spending_pool,
    )
    def amplified_labels(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """Labels of a day's candidate pairs, given by the judge whose verdict for their collection stands now."""
        with refusing(), spending(project):
            finish_enforcing(project)  # a drift verdict killed before it suspended must not leave the gate open
            book_orphans(context, project)
            runs = pl.concat([label_day(context, project, date.fromisoformat(name)) for name in context.partition_keys])
            _refuse_unlabelled(project, runs, context.run.run_id)
            counts = ("pairs_in", "labelled", "reused", "abstained", "failed", "refused", "skipped", "requests")
            coverage = project.store("amplify").query("amplify/coverage")
            return dg.MaterializeResult(
                metadata={
                    **{name: int(runs[name].sum()) for name in counts},
                    "cost_usd": float(runs["cost_usd"].sum()),
                    "books": markdown(runs.select("day", "collection", *counts, "cost_usd", "seconds", "reason")),
                    "coverage": markdown(coverage, most=40),
                    "canary": markdown(
                        canaries_of(project, context.run.run_id).select(
                            "collection", "n_pairs", "graded", "loss", "flip_share", "requests", "baseline_epoch"
                        )
                    ),
                    "judge_versions": sorted(runs["judge_version"].drop_nulls().unique()),
                },
                data_version=dg.DataVersion("+".join(sorted(runs["judge_version"].drop_nulls().unique()))),
            )

    return amplified_labels


def _refuse_unlabelled(project: Project, runs: pl.DataFrame, run_id: str) -> None:
    """Fails the run where a cap, a canary or the gate kept it from labelling; its books are stored already.

    Raises:
        BudgetError: over the cap.
        JudgeError: a canary says that the judge is not itself.
        GateClosedError: no open, current verdict.
    """
    over = runs.filter(pl.col("refused_by") == CAP)
    if not over.is_empty():
        raise BudgetError(str(over["reason"][0]))
    stopped = canaries_of(project, run_id).drop_nulls("reason")
    if not stopped.is_empty():
        raise JudgeError(" ".join(f"[{name}] {why}" for name, why in stopped["collection", "reason"].rows()))
    if runs.height and runs["judge_version"].null_count() == runs.height:
        raise GateClosedError(f"no open, current verdict, so nothing was sent: {runs['reason'][0]}")
    if runs.is_empty():  # a day without candidates must not look like a day that may be labelled
        known = project.store("amplify").read("queries")["collection"].unique().sort().to_list()
        amplify.authorise(current_standings(project, "amplify", known))
