"""The files that feed an input table, as the settings name them: each with how it is read.

Keep out: reading them (adapters/files/), what counts of their rows (stages/seed/).
"""

from pathlib import Path

from label_pipeline.adapters.files import InputSpec
from label_pipeline.adapters.files.beir import beir_files
from label_pipeline.adapters.files.packing import files_of
from label_pipeline.adapters.s3 import Objects
from label_pipeline.settings import InputSettings, Settings


def input_specs(settings: Settings, table: str, objects: Objects | None) -> list[InputSpec]:
    """The files of one table; a folder or a pattern of the settings is all files behind it.

    Args:
        settings: of the project.
        table: queries, documents, human_labels, evaluation or candidates.
        objects: S3, where any input is there.
    """
    listed: list[InputSettings] = getattr(settings.inputs, table)
    return [
        InputSpec(
            path=path,
            objects=objects,
            table=table,  # type: ignore[arg-type]  # callers name input tables only
            format=item.format,
            columns=item.columns,
            grades=item.grades,
            delimiter=item.delimiter,
            quotes=item.quotes,
            names=item.names,
            annotator=item.annotator,
            melt=(item.melt or {}).get("annotator_id", ()),
            explode=item.explode,
            encoding=item.encoding,
            date_order=item.date_order,
            task=settings.task,
            collection=settings.collection,
        )
        for item in listed
        for path in _paths(item, settings.locate_input(item.path), table, objects)
    ]


def _paths(item: InputSettings, path: Path | str, table: str, objects: Objects | None) -> list[str | Path]:
    return beir_files(path, table, item.splits, objects) if item.format == "beir" else files_of(path, objects)
