"""The folder of a seed: what was drawn, who grades it, what came back, as files a person can open.

Keep out: drawing (seed_draw.py), grading (seed_grading.py).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from label_pipeline.core.errors import InputError, SettingsError
from label_pipeline.stages.seed.annotations import ANNOTATIONS
from label_pipeline.stages.seed.draw import DRAWN
from label_pipeline.stages.seed.overlap import SEATS
from label_pipeline.stages.seed.pool import PAIRS

DRAW, PAIRS_FILE, SEATS_FILE, ANSWERS = "draw.csv", "pairs.csv", "assignments.csv", "annotations.csv"
NOTES = "draw.json"

SHAPES = {
    DRAW: pl.Schema(DRAWN), PAIRS_FILE: pl.Schema(PAIRS), SEATS_FILE: pl.Schema(SEATS), ANSWERS: pl.Schema(ANNOTATIONS)
}  # fmt: skip
"""The files that are read again, and the columns needed of each."""


@dataclass(frozen=True)
class SeedFolder:
    """One folder of files; a file that is not there yet reads as an empty frame."""

    path: Path

    def read(self, name: str) -> pl.DataFrame:
        """One of the files in SHAPES.

        Raises:
            InputError: it was changed so that a column is missing or holds something else.
        """
        shape, path = SHAPES[name], self.path / name
        if not path.exists():
            return pl.DataFrame(schema=shape)
        try:
            return pl.read_csv(path, schema_overrides=shape).select(shape.keys())
        except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
            first = str(error).splitlines()[0]
            raise InputError(
                f"{path} is not as it was written ({first}); restore it, or draw into another folder"
            ) from error

    def drawn(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Queries, pairs and seats of the draw.

        Raises:
            SettingsError: nothing was drawn here.
        """
        if not (self.path / DRAW).exists():
            raise SettingsError(f"{self.path} holds no {DRAW}; `label-pipeline seed draw` writes it")
        return self.read(DRAW), self.read(PAIRS_FILE), self.read(SEATS_FILE)

    def notes(self) -> dict[str, object]:
        """What the draw was made with; empty before one."""
        path = self.path / NOTES
        if not path.exists():
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}

    def write(self, frames: Mapping[str, pl.DataFrame | str]) -> None:
        """Writes every file whole: a reader sees the old one or the new one.

        Raises:
            SettingsError: the folder cannot be written.
        """
        try:
            for name, content in frames.items():
                target = self.path / name
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(target.name + ".part")
                part.write_text(
                    content if isinstance(content, str) else content.write_csv(), encoding="utf-8", newline=""
                )
                part.replace(target)
        except OSError as error:
            raise SettingsError(f"cannot write {error.filename}: {error.strerror}; choose another --out") from error
