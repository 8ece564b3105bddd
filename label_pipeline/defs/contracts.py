"""The input contracts as an asset check, offending rows in its metadata.

Keep out: what is expected (adapters/contracts.py).
"""

from collections.abc import Mapping

import dagster as dg
import polars as pl

from label_pipeline.adapters.contracts import Bounds, validate
from label_pipeline.defs.project import Project
from label_pipeline.defs.report import markdown


def contract_result(asset: dg.AssetKey, read: Mapping[str, pl.DataFrame], project: Project) -> dg.AssetCheckResult:
    """Check ``inputs_contract``: every suite on the rows as read, before quarantine took the bad ones out.

    It warns rather than fails: the rows it shows are in quarantine already and reach no later stage.
    """
    bounds = Bounds(project.settings.grade_scale, document_chars=project.settings.inputs.max_document_chars)
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
