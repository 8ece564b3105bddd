"""The folder of a seed: what was drawn, who grades it, what came back, as files a person can open."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
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

_MAY_BE_EMPTY = {DRAW: {"language"}, PAIRS_FILE: set(), SEATS_FILE: set(), ANSWERS: set(ANNOTATIONS)}


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
            found = pl.read_csv(path, schema_overrides=shape).select(shape.keys())
        except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
            first = str(error).splitlines()[0]
            raise InputError(
                f"{path} is not as it was written ({first}); restore it, or draw into another folder"
            ) from error
        holes = [column for column in found.columns if found[column].null_count() and column not in _MAY_BE_EMPTY[name]]
        if holes:
            raise InputError(
                f"{path} is not as it was written (a row without {holes[0]}); restore it, or draw into another folder"
            )
        return found

    def drawn(self) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """Queries, pairs and seats of the draw.

        Raises:
            SettingsError: nothing was drawn here.
        """
        if not (self.path / DRAW).exists():
            raise SettingsError(f"{self.path} holds no {DRAW}; `label-pipeline seed draw` writes it")
        return self.read(DRAW), self.read(PAIRS_FILE), self.read(SEATS_FILE)

    def notes(self) -> dict[str, object]:
        """What the draw was made with; empty before one.

        Raises:
            InputError: it was changed so that it cannot be read.
        """
        path = self.path / NOTES
        if not path.exists():
            return {}
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:  # no JSON, or no UTF-8
            raise InputError(
                f"{path} is not as it was written ({error}); restore it, or draw into another folder"
            ) from error
        return found if isinstance(found, dict) else {}

    def write(self, frames: Mapping[str, pl.DataFrame | str], mark: str | None = None) -> None:
        """Writes every file whole, and none before all of them are on the disk.

        Args:
            frames: file name to content; put into place in this order.
            mark: the first of them: where it is not there yet, the others are somebody else's files.

        Raises:
            SettingsError: the folder cannot be written, or it holds somebody else's file of one of these names.
        """
        if mark is not None and not (self.path / mark).exists():
            self._refuse_others(frames)
        parts = {self.path / f"{name}.part": content for name, content in frames.items()}
        try:
            for part, content in parts.items():
                part.parent.mkdir(parents=True, exist_ok=True)
                part.write_text(
                    content if isinstance(content, str) else content.write_csv(), encoding="utf-8", newline=""
                )
            for part in parts:
                part.replace(part.with_suffix(""))
        except OSError as error:
            for part in parts:
                with suppress(OSError):
                    part.unlink()
            raise SettingsError(
                f"cannot write {error.filename or self.path}: {error.strerror}; free space, or choose another --out"
            ) from error

    def _refuse_others(self, names: Iterable[str]) -> None:
        taken = [name for name in names if (self.path / name).exists()]
        if taken:
            raise SettingsError(
                f"{self.path / taken[0]} is there, and no `label-pipeline seed` wrote it; nothing is written over: "
                "move it away, or choose another --out"
            )
