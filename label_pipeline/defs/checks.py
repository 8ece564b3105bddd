"""Asset checks: every file of sql/checks/, and the input contracts.

When to add here: hardly ever. A question about stored rows is a file of sql/checks/ whose header names its asset: it
selects offenders, zero rows means healthy. A check that needs what an asset has in hand is reported by the asset. Keep
out: SQL, what is expected of an input (adapters/contracts.py).
"""

from collections.abc import Collection, Mapping

import dagster as dg
import polars as pl

from label_pipeline.adapters import queries
from label_pipeline.adapters.contracts import ContractLimits, validate
from label_pipeline.adapters.queries import Query
from label_pipeline.defs.names import Names
from label_pipeline.defs.report import markdown
from label_pipeline.operations.checking import offenders as found_by
from label_pipeline.operations.project import Project

FOLDER = "checks/"


def sql_checks(key: Names, assets: Collection[str]) -> list[dg.AssetChecksDefinition]:
    """One check per file, for the files whose asset is among ``assets``."""
    loaded = [queries.load(name) for name in queries.names() if name.startswith(FOLDER)]
    return [_check(query, key) for query in loaded if query.asset in assets]


def _check(query: Query, key: Names) -> dg.AssetChecksDefinition:
    name = query.name.removeprefix(FOLDER)

    @dg.asset_check(asset=key(query.asset), name=name, description=query.purpose)
    def check(project: dg.ResourceParam[Project]) -> dg.AssetCheckResult:
        offenders = found_by(project, query.name)
        return dg.AssetCheckResult(
            passed=offenders.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR,
            description="no offender" if offenders.is_empty() else f"{offenders.height} offenders: {query.purpose}",
            metadata={"offenders": offenders.height, "first offenders": markdown(offenders, most=10)},
        )

    return check


def contract_result(asset: dg.AssetKey, read: Mapping[str, pl.DataFrame], project: Project) -> dg.AssetCheckResult:
    """Check ``inputs_contract``: every suite on the rows as read, before quarantine took the bad ones out.

    It warns rather than fails: the rows it shows are in quarantine already and reach no later stage.
    """
    bounds = ContractLimits(project.settings.grade_scale, document_chars=project.settings.inputs.max_document_chars)
    results = [validate(table, frame, bounds) for table, frame in read.items() if not frame.is_empty()]
    failed = [(result.table, failure) for result in results for failure in result.failures]
    offenders = [
        {"table": table, "expectation": failure.name, **{str(k): str(v) for k, v in example.items()}}
        for table, failure in failed
        for example in failure.examples
    ]
    counts = [{"table": t, "expectation": f.name, "offending rows": f.unexpected_count} for t, f in failed]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name="inputs_contract",
        passed=not failed,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{len(failed)} expectations not met; the rows are in quarantine"
        if failed
        else "every row as expected",
        metadata={
            "rows": sum(result.rows for result in results),
            "expectations": sum(len(result.expectations) for result in results),
            "failed": markdown(pl.DataFrame(counts)) if counts else dg.MetadataValue.text("none"),
            "offending rows": markdown(pl.DataFrame(offenders)) if offenders else dg.MetadataValue.text("none"),
        },
    )
