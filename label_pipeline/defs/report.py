"""What an asset shows in the Dagster page: Markdown tables, column schemas, and the failure it ends with.

When to add here: two assets show the same kind of thing. Keep out: figures themselves (stages), drawing
(adapters/plots.py).
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import dagster as dg
import polars as pl

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import BusyError, LabelPipelineError, ProviderUnavailableError
from label_pipeline.defs.names import Names

Metadata = dict[str, dg.MetadataValue]


def stage_asset(
    key: Names,
    name: str,
    group: str,
    table: str,
    *,
    kinds: set[str],
    deps: Sequence[str | dg.AssetDep] = (),
    days: dg.PartitionsDefinition[str] | None = None,
    pool: str | None = None,
    check_specs: Sequence[dg.AssetCheckSpec] = (),
    may_wait: bool = False,
) -> Callable[[Callable[..., object]], dg.AssetsDefinition]:
    """``dg.asset`` with what every asset of a stage shares: key and dependencies by name, owners, column schema.

    Args:
        key: what the project is called.
        name: of the asset.
        group: its stage.
        table: declared table whose columns it shows.
        kinds: Dagster's kinds.
        deps: names of the assets it follows, or dependencies that say more.
        days: its partitions; a range of them is one run.
        pool: pool it takes a slot of.
        check_specs: checks it reports itself.
        may_wait: its run may end well without it: nothing is materialised then, and what follows it is skipped.
    """
    return dg.asset(
        key=key(name), deps=[key(dep) if isinstance(dep, str) else dep for dep in deps], group_name=group,
        owners=list(key.owners), kinds=kinds, pool=pool, metadata=column_schema(table), check_specs=list(check_specs),
        partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run() if days is not None else None,
        output_required=not may_wait,
    )  # fmt: skip


@contextmanager
def refusing() -> Iterator[None]:
    """Turns this package's errors into a Dagster failure with their sentence; only an outage may be retried."""
    try:
        yield
    except LabelPipelineError as error:
        retry = isinstance(error, ProviderUnavailableError | BusyError)
        raise dg.Failure(
            description=str(error), metadata={"error": type(error).__name__, "reason": str(error)}, allow_retries=retry
        ) from error


def column_schema(table: str) -> dict[str, dg.TableSchema]:
    """The declared columns of ``table``, as Dagster's column schema metadata."""
    columns = [
        dg.TableColumn(
            column.name,
            str(column.dtype),
            description=column.meaning,
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in TABLES[table].columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns)}


def markdown(frame: pl.DataFrame, most: int = 20) -> dg.MetadataValue:
    """The first ``most`` rows as a Markdown table."""
    shown = frame.head(most)
    lines = ["| " + " | ".join(shown.columns) + " |", "|" + "---|" * len(shown.columns)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in shown.iter_rows()]
    if frame.height > most:
        lines.append(f"\n{frame.height - most} more rows")
    return dg.MetadataValue.md("\n".join(lines))


def listed(lines: Sequence[str]) -> dg.MetadataValue:
    """Sentences as a Markdown list."""
    return dg.MetadataValue.md("\n".join(f"- {line}" for line in lines) or "none")


def _cell(value: object) -> str:
    text = f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")[:200]
