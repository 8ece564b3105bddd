"""The anchor stage: the certified judge asked again about the fixed human reference, and whether it is still itself."""

import json

import dagster as dg
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.core.codes.drift import BASELINE_RUN
from label_pipeline.defs.names import Names
from label_pipeline.defs.report import markdown, refusing, stage_asset
from label_pipeline.defs.resources import run_of
from label_pipeline.operations import anchor as operation
from label_pipeline.operations.anchor_reference import Anchor
from label_pipeline.operations.drift import decide_drift
from label_pipeline.operations.drift_evidence import expected_loss
from label_pipeline.operations.project import Project
from label_pipeline.stages.anchor import AnchorEvidence

CHECK = "no_drift"


class AnchorConfig(dg.Config):
    """How this anchor run differs from one that somebody asked for."""

    only_when_due: bool = False
    """Ask only where a baseline is incomplete, labels await a run, the last run asks for another, or it is old."""

    rebaseline: bool = False
    """Begin a new baseline where the last is complete: what the judge is now is accepted as what it should be."""

    cap_usd: float | None = None
    """Most this run may cost; None takes anchor.cap_usd of the settings."""


def anchor_assets(key: Names, spending_pool: str) -> list[dg.AssetsDefinition]:
    """``anchor_run``, and ``drift_verdict`` with its check ``no_drift``."""
    return [_anchor_run(key, spending_pool), _drift_verdict(key, spending_pool)]


def _anchor_run(key: Names, spending_pool: str) -> dg.AssetsDefinition:
    @stage_asset(
        key, "anchor_run", "anchor", "anchor_runs", deps=("gate_verdict",), kinds={"openai", "deltalake"},
        pool=spending_pool,
    )  # fmt: skip
    def anchor_run(
        context: dg.AssetExecutionContext, config: AnchorConfig, project: dg.ResourceParam[Project]
    ) -> dg.MaterializeResult:
        """The certified judge on the anchor's humans once more: the missing runs of its baseline, or one to watch."""
        with refusing():
            asked = operation.run_anchors(
                run_of(context), project, only_when_due=config.only_when_due, rebaseline=config.rebaseline,
                cap_usd=config.cap_usd,
            )  # fmt: skip
            rows = asked.rows
            return dg.MaterializeResult(
                metadata={
                    "why": dg.MetadataValue.json(dict(asked.why)),
                    "runs": markdown(rows.select(*SHOWN)),
                    "requests": int(rows["requests"].sum()),
                    "cost_usd": float(rows["cost_usd"].sum()),
                },
                data_version=dg.DataVersion(asked.newest),
            )

    return anchor_run


SHOWN = (
    "collection", "kind", "epoch", "n_pairs", "graded", "malformed", "refused", "loss", "bias", "flip_share", "models",
    "fingerprints", "requests", "cost_usd", "ran_at",
)  # fmt: skip


def _drift_verdict(key: Names, spending_pool: str) -> dg.AssetsDefinition:
    @stage_asset(
        key, "drift_verdict", "anchor", "drift_verdicts", deps=("anchor_run",), kinds={"polars", "deltalake"},
        pool=spending_pool,
        check_specs=[
            dg.AssetCheckSpec(
                CHECK, asset=key("drift_verdict"), description="Every certified judge is the one that was certified."
            )
        ],
    )  # fmt: skip
    def drift_verdict(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """Is it still the same judge? Drift suspends its verdict and recalls labels, a healthy run confirms them."""
        with refusing():
            decided = decide_drift(run_of(context), project)
            rows = decided.newest
            return dg.MaterializeResult(
                metadata={
                    "verdicts": markdown(
                        rows.select("collection", "state", "cause", "action", "change_point", "epoch")
                    ),
                    "signals": markdown(_signals(rows), most=40),
                    "not watched": dg.MetadataValue.json(decided.without),
                    **_drawn(decided.known),
                },
                check_results=[
                    dg.AssetCheckResult(
                        check_name=CHECK,
                        passed=decided.ill.is_empty(),
                        severity=dg.AssetCheckSeverity.ERROR,
                        description=decided.sentence,
                        metadata={"suspended": rows.filter("suspends")["collection"].to_list()},
                    )
                ],
                data_version=dg.DataVersion("+".join(rows["drift_id"])),
            )

    return drift_verdict


def _signals(rows: pl.DataFrame) -> pl.DataFrame:
    """Every detector's answer, one per line."""
    lines = [
        {"collection": row["collection"]} | signal
        for row in rows.iter_rows(named=True)
        for signal in json.loads(row["signals"])
    ]
    schema = {"collection": pl.String, "name": pl.String, "figure": pl.Float64, "threshold": pl.Float64,
              "fired": pl.Boolean, "sentence": pl.String}  # fmt: skip
    return pl.DataFrame(lines, schema=schema)


def _drawn(known: list[tuple[Anchor, AnchorEvidence]]) -> dict[str, dg.MetadataValue]:
    """Loss over time against the baseline, a picture a collection."""
    pictures: dict[str, dg.MetadataValue] = {}
    for found, evidence in known:
        points = [(at, loss, kind == BASELINE_RUN) for at, loss, kind in found.runs["ran_at", "loss", "kind"].rows()]
        if points:
            low, high = expected_loss(evidence)
            title = f"{found.collection}: loss on {found.items.height} anchor pairs"
            picture = plots.history(points, low, high, title, "NMSE")
            pictures[f"loss {found.collection}"] = dg.MetadataValue.md(plots.data_uri_markdown(picture, title))
    return pictures
