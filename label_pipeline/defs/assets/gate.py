"""The gate stage: the judge on the holdout, exactly as it will label, and one verdict per collection."""

import json
from typing import Any

import dagster as dg
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.core.codes.verdicts import FULL
from label_pipeline.defs.names import Names
from label_pipeline.defs.report import markdown, refusing, stage_asset
from label_pipeline.defs.resources import run_of
from label_pipeline.operations import gate as operation
from label_pipeline.operations.calibrate import confusion_of
from label_pipeline.operations.gate import LookTaken, verdicts_of
from label_pipeline.operations.project import Project


class GateConfig(dg.Config):
    """How this look is taken."""

    lane: str = FULL
    """`full`: the thresholds of the policy. `recertify`: after a change from outside (the provider changed the served
    model), beside the last judge a full gate certified, with a budget of looks of its own."""

    cap_usd: float | None = None
    """Most this look may cost; None takes gate.cap_usd of the settings."""


def gate_assets(key: Names, spending_pool: str) -> list[dg.AssetsDefinition]:
    """``gate_verdict`` with its blocking check ``judge_gate``."""
    check = dg.AssetCheckSpec(
        "judge_gate",
        asset=key("gate_verdict"),
        blocking=True,
        description="Some collection has an open, current verdict. Collection by collection, amplify decides.",
    )

    @stage_asset(
        key, "gate_verdict", "gate", "verdicts", deps=("calibrated_judge", "gold_labels", "seed_splits"),
        kinds={"openai", "deltalake", "mlflow"}, pool=spending_pool, check_specs=[check],
    )  # fmt: skip
    def gate_verdict(
        context: dg.AssetExecutionContext, config: GateConfig, project: dg.ResourceParam[Project]
    ) -> dg.MaterializeResult:
        """Is the newest judge good enough, on queries nobody tuned on? One verdict per collection, with its reasons."""
        with refusing():
            return _result(project, operation.look(run_of(context), project, config.lane, config.cap_usd))

    return [gate_verdict]


def _result(project: Project, taken: LookTaken) -> dg.MaterializeResult:
    """Every collection's standing, this judge's verdicts in force, and the check that stops what comes after."""
    judge, looked, standings = taken.judge, taken.looked, taken.standings
    opened = sorted(name for name, standing in standings.items() if standing.open)
    closed = {name: list(standing.reasons) for name, standing in standings.items() if not standing.open}
    drawn = confusion_of(looked.gold, looked.grades, project, judge.candidate)
    return dg.MaterializeResult(
        metadata={
            "judge_version": judge.judge_version,
            "open": opened,
            "closed": dg.MetadataValue.json(closed),
            "not looked at": dg.MetadataValue.json(dict(looked.not_looked_at)),
            "confusion": dg.MetadataValue.md(plots.data_uri_markdown(drawn, "confusion")),
            **_shown(verdicts_of(project, judge.judge_version, list(standings))),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="judge_gate",
                passed=bool(opened),
                severity=dg.AssetCheckSeverity.ERROR,
                description=f"open: {', '.join(opened) or 'no collection'}",
                metadata={"open": opened, "closed": dg.MetadataValue.json(closed)},
            )
        ],
        # what may be labelled, not what was decided last: a policy edited and put back opens and closes by old verdicts
        data_version=dg.DataVersion(
            "+".join(f"{name}:{standing.state}:{standing.verdict_id}" for name, standing in sorted(standings.items()))
        ),
    )


def _look(row: dict[str, Any]) -> str:
    if row["look"] is None:
        return "known before anything was asked: no look was taken"
    return f"look {row['look']}, alpha {row['alpha']:.4f}"


def _shown(verdicts: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """The certificate of each collection: every criterion as a table and as a picture."""
    shown: dict[str, dg.MetadataValue] = {}
    for row in verdicts.sort("collection").iter_rows(named=True):
        criteria = json.loads(row["criteria"])
        shown[f"verdict {row['collection']}"] = dg.MetadataValue.text(
            f"{row['state']} ({row['lane'] or 'full'} gate, policy {row['policy']}, {_look(row)}): "
            + ("; ".join(json.loads(row["failures"])) or "every criterion met")
        )
        frame = pl.DataFrame(criteria, infer_schema_length=None)
        shown[f"criteria {row['collection']}"] = markdown(frame)
        decided = [c for c in criteria if c["status"] in {"met", "missed", "unknown"}]
        picture = plots.criteria(
            [(c["name"], c["figure"], c["bound"], c["threshold"], c["status"]) for c in decided],
            f"judge_gate, {row['collection']}",
        )
        shown[f"picture {row['collection']}"] = dg.MetadataValue.md(plots.data_uri_markdown(picture, "criteria"))
    return shown
