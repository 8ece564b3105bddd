"""The seed stage: the user's files become tables, human agreement, gold grades and splits."""

import dagster as dg

from label_pipeline.core.codes.inputs import SEED_INPUTS
from label_pipeline.defs.checks import contract_result
from label_pipeline.defs.names import Names
from label_pipeline.defs.report import listed, markdown, refusing, stage_asset
from label_pipeline.operations import seed as operation
from label_pipeline.operations.project import Project
from label_pipeline.stages import seed


def seed_assets(key: Names) -> list[dg.AssetsDefinition]:
    """``seed_inputs``, ``annotator_agreement``, ``gold_labels`` and ``seed_splits``."""
    return [_seed_inputs(key), _annotator_agreement(key), _gold_labels(key), _seed_splits(key)]


def _seed_inputs(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "seed_inputs",
        "seed",
        "human_labels",
        kinds={"polars", "deltalake", "greatexpectations"},
        check_specs=[
            dg.AssetCheckSpec("inputs_contract", asset=key("seed_inputs"), description="Great Expectations suites"),
            dg.AssetCheckSpec("rows_add_up", asset=key("seed_inputs"), description="read = kept + every other fate"),
        ],
    )
    def seed_inputs(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """Queries, documents, human labels and evaluation grades, read from the user's files and validated."""
        with refusing():
            found = operation.load_inputs(project)
            unbalanced = [books.sentence for books in found.books if not books.balanced]
            return dg.MaterializeResult(
                metadata={
                    **{table: getattr(found, table).height for table in SEED_INPUTS},
                    "quarantined": found.quarantine.height,
                    "books": listed([books.sentence for books in found.books]),
                    "values_left_out": int(found.notes["rows"].sum()),
                    "noticed": listed(seed.sentences(found.notes)),
                    "causes": listed(seed.cause_lines(found.quarantine)),
                    "quarantine": markdown(found.quarantine.drop("row", "partition"), most=20),
                },
                check_results=[
                    contract_result(key("seed_inputs"), found.read, project),
                    dg.AssetCheckResult(
                        asset_key=key("seed_inputs"),
                        check_name="rows_add_up",
                        passed=not unbalanced,
                        metadata={"unbalanced": "; ".join(unbalanced) or "none"},
                    ),
                ],
            )

    return seed_inputs


def _annotator_agreement(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "annotator_agreement",
        "seed",
        "agreement",
        deps=["seed_inputs"],
        kinds={"polars", "deltalake"},
        check_specs=[
            dg.AssetCheckSpec(
                "agreement_floor",
                asset=key("annotator_agreement"),
                description="Krippendorff's ordinal alpha reaches the floor, or one annotator makes it not applicable.",
            )
        ],
    )
    def annotator_agreement(
        context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]
    ) -> dg.MaterializeResult:
        """Do humans agree enough to teach anything? Krippendorff's alpha with a query bootstrap interval."""
        with refusing():
            found = operation.measure_agreement(project)
            verdict = seed.agreement_verdict(found, project.settings.agreement_floor)
            return dg.MaterializeResult(
                metadata={"agreement": markdown(found, most=40)},
                check_results=[
                    dg.AssetCheckResult(
                        check_name="agreement_floor",
                        passed=verdict.passed,
                        severity=dg.AssetCheckSeverity.WARN,
                        description="; ".join(verdict.failures + verdict.notes),
                        metadata={"failures": list(verdict.failures), "notes": list(verdict.notes)},
                    )
                ],
            )

    return annotator_agreement


def _gold_labels(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "gold_labels",
        "seed",
        "gold",
        deps=["seed_inputs"],
        kinds={"polars", "deltalake"},
    )
    def gold_labels(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """One gold grade per pair: panel mean, variance and count."""
        with refusing():
            gold = operation.settle_gold(project)
            counts = gold.group_by("collection", "gold_grade").len("pairs").sort("collection", "gold_grade")
            queries = gold.n_unique(["task", "collection", "query_id"])
            return dg.MaterializeResult(metadata={"pairs": gold.height, "queries": queries, "grades": markdown(counts)})

    return gold_labels


def _seed_splits(key: Names) -> dg.AssetsDefinition:
    @stage_asset(
        key,
        "seed_splits",
        "seed",
        "splits",
        deps=["gold_labels"],
        kinds={"polars", "deltalake"},
    )
    def seed_splits(context: dg.AssetExecutionContext, project: dg.ResourceParam[Project]) -> dg.MaterializeResult:
        """Train, dev, holdout or anchor for every query with gold; a query never moves."""
        with refusing():
            splits = operation.assign_splits(project)
            counts = splits.group_by("collection", "split").len("queries").sort("collection", "split")
            return dg.MaterializeResult(metadata={"queries": splits.height, "splits": markdown(counts)})

    return seed_splits
