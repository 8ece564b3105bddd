"""Every file of sql/checks/ as an asset check: it selects offenders, zero rows means healthy.

To add a check, drop a file whose header names its asset. Checks that need what an asset has in hand are reported by the
asset itself. Keep out: SQL.
"""

from collections.abc import Collection

import dagster as dg

from label_pipeline.adapters import queries
from label_pipeline.adapters.queries import Query
from label_pipeline.defs.project import Project
from label_pipeline.defs.report import Keys, markdown

FOLDER = "checks/"


def sql_checks(key: Keys, assets: Collection[str]) -> list[dg.AssetChecksDefinition]:
    """One check a file, for the files whose asset is among ``assets``."""
    loaded = [queries.load(name) for name in queries.names() if name.startswith(FOLDER)]
    return [_check(query, key) for query in loaded if query.asset in assets]


def _check(query: Query, key: Keys) -> dg.AssetChecksDefinition:
    name = query.name.removeprefix(FOLDER)

    @dg.asset_check(asset=key(query.asset), name=name, description=query.purpose)
    def check(project: dg.ResourceParam[Project]) -> dg.AssetCheckResult:
        offenders = project.store("rank").query(query.name)
        return dg.AssetCheckResult(
            passed=offenders.is_empty(),
            severity=dg.AssetCheckSeverity.ERROR,
            description="no offender" if offenders.is_empty() else f"{offenders.height} offenders: {query.purpose}",
            metadata={"offenders": offenders.height, "first offenders": markdown(offenders, most=10)},
        )

    return check
