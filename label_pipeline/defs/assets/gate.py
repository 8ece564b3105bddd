"""The gate stage: the judge on the holdout, exactly as it will label, and the verdict a collection.

Keep out: thresholds, the decision, what still stands (stages/gate).
"""

import json

import dagster as dg
import numpy as np
import polars as pl

from label_pipeline.adapters import plots
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judge import JudgeVersion, judge_from_row, pair_grades
from label_pipeline.core.judging.plan import refuse_over
from label_pipeline.core.pairs import pair_texts
from label_pipeline.defs.asking import ask_and_store, price, refuse_unanswered, refusing, spending
from label_pipeline.defs.experiments import confusion_of
from label_pipeline.defs.project import Project
from label_pipeline.defs.report import OWNERS, Keys, column_schema, markdown
from label_pipeline.defs.standing import current_standings
from label_pipeline.stages import gate


def gate_assets(key: Keys, spending_pool: str) -> list[dg.AssetsDefinition]:
    """``gate_verdict`` with its blocking check ``judge_gate``."""

    @dg.asset(
        key=key("gate_verdict"),
        deps=[key("calibrated_judge"), key("gold_labels"), key("seed_splits")],
        group_name="gate",
        owners=OWNERS,
        kinds={"openai", "deltalake", "mlflow"},
        pool=spending_pool,
        metadata=column_schema("verdicts"),
        check_specs=[
            dg.AssetCheckSpec(
                "judge_gate",
                asset=key("gate_verdict"),
                blocking=True,
                description="Some collection has an open, current verdict. Collection by collection, amplify decides.",
            )
        ],
    )
    def gate_verdict(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """Is the newest judge good enough, on queries nobody tuned on? One verdict a collection, with its reasons."""
        with refusing(), spending(project):
            store = project.store("gate")
            newest = store.query("calibrate/newest_judge")
            if newest.is_empty():
                raise NotApplicableError("there is no judge to decide on; materialise calibrated_judge first")
            judge, epoch = judge_from_row(newest.row(0, named=True)), int(newest["epoch"][0])
            gold = store.query("seed/graded_pairs", {"splits": ["holdout"]})
            if gold.is_empty():
                raise NotApplicableError("no human grade on a holdout query; grade some, or see splits in settings")
            member, texts = project.member_of(judge), pair_texts(gold)
            cap = project.settings.gate.cap_usd
            planned = price(project, member, texts, epoch=epoch, purpose="gate", served=judge.model_served)
            refuse_over(planned, cap, "gate")
            judging = ask_and_store(
                context, project, member, texts, purpose="gate", epoch=epoch, cap_usd=cap, served=judge.model_served
            )
            refuse_unanswered(judging, "gate", cap)  # an outage must not burn a look
            grades = pair_grades(judging.judgements)
            for evidence in gate.collect(gold, grades, judge, project.settings.grade_scale).values():
                _look(project, judge, evidence, epoch)
            standings = current_standings(project, "gate", gold["collection"].unique().sort().to_list())
            opened = sorted(name for name, standing in standings.items() if standing.open)
            if opened and any(s.judge_version == judge.judge_version for s in standings.values() if s.open):
                project.tracker.certify(judge.judge_version)
            closed = {name: list(standing.reasons) for name, standing in standings.items() if not standing.open}
            verdicts = store.read("verdicts").filter(pl.col("judge_version") == judge.judge_version)
            newest_verdicts = verdicts.sort("decided_at", descending=True).unique("collection", keep="first")
            drawn = plots.data_uri_markdown(confusion_of(gold, grades, project, judge.candidate), "confusion")
            return dg.MaterializeResult(
                metadata={
                    "judge_version": judge.judge_version,
                    "open": opened,
                    "closed": dg.MetadataValue.json(closed),
                    "confusion": dg.MetadataValue.md(drawn),
                    **_shown(newest_verdicts),
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
                data_version=dg.DataVersion("+".join(sorted(newest_verdicts["verdict_id"]))),
            )

    return [gate_verdict]


def _look(project: Project, judge: JudgeVersion, evidence: gate.Evidence, epoch: int) -> None:
    """Decides once a look: the same judge, epoch, holdout and policy find the stored verdict and spend nothing."""
    store, policy = project.store("gate"), project.policy
    name = gate.verdict_id(judge.judge_version, evidence.collection, epoch, evidence.holdout_hash, policy.policy_hash)
    if name in store.read("verdicts")["verdict_id"]:
        return
    looks = store.read("holdout_looks")
    paid = looks.filter(pl.col("verdict_id") == name)  # a crash between look and verdict: the look is paid already
    look = gate.next_look(looks, evidence.collection) if paid.is_empty() else int(paid["look"][0])
    verdict = gate.decide(
        evidence,
        policy,
        look=look,
        alpha=gate.alpha_of_look(look),
        looks_allowed=project.settings.gate.looks,
        rng=np.random.default_rng(int(name, 16)),
        edited=gate.edited_policy(looks, evidence.collection, policy.policy_hash),
    )
    decision, spent = gate.rows(
        verdict, evidence, judge_version=judge.judge_version, rubric_version=judge.rubric_version, epoch=epoch,
        now=project.clock(), valid_days=project.settings.gate.valid_days,
    )  # fmt: skip
    # the look is spent before the verdict is known: a crash between the two must not give a free one
    store.append("holdout_looks", spent, f"look:{name}")
    store.append("verdicts", decision, f"verdict:{name}")


def _shown(verdicts: pl.DataFrame) -> dict[str, dg.MetadataValue]:
    """The certificate of each collection: every criterion as a table and as a picture."""
    shown: dict[str, dg.MetadataValue] = {}
    for row in verdicts.sort("collection").iter_rows(named=True):
        criteria = json.loads(row["criteria"])
        shown[f"verdict {row['collection']}"] = dg.MetadataValue.text(
            f"{row['state']} (policy {row['policy']}, look {row['look']}, alpha {row['alpha']:.4f}): "
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
