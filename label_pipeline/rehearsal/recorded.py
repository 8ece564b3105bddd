"""Recorded judges: a Parquet file of grades that real models once gave, played back by exact text."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import polars as pl

from label_pipeline.core.errors import InputError
from label_pipeline.core.judging.prompt import visible
from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.protocol import ChatRequest, ModelAnswer, ProtocolError

Conflicts = Literal["refuse", "first", "exclude"]
_Texts = tuple[str, str]


class RecordedCounts(NamedTuple):
    """What a file of recorded grades holds.

    Attributes:
        rows: of the file.
        text_pairs: different pairs of query and passage, as a judge is shown them.
        repeated: of those, on more than one row.
        conflicting: of those, graded in two ways by at least one model.
    """

    rows: int
    text_pairs: int
    repeated: int
    conflicting: int

    @property
    def sentence(self) -> str:
        """The counts as a sentence for people."""
        return (
            f"recorded grades: {self.rows} rows, {self.text_pairs} different text pairs, {self.repeated} of them on "
            f"more than one row, {self.conflicting} of those with different grades of one model"
        )


def _shown(text: str) -> str:
    """The text as any judge of this product is shown it, without outer space; the form both sides are matched in.

    Prompts drop invisible characters, which 18 % of the TREC passages contain: matched raw, those could never be found.
    """
    return visible(text).strip()


class RecordedModel:
    """One recorded judge.

    Attributes:
        conflicts: text pairs the file grades in two ways for this model.
    """

    def __init__(
        self, name: str, grades: Mapping[_Texts, int | None], excluded: frozenset[_Texts], conflicts: int
    ) -> None:
        self.name = self.served_as = name
        self.fingerprint = "fp_recorded"
        self.conflicts = conflicts
        self._grades, self._excluded = grades, excluded

    def answer(self, request: ChatRequest) -> ModelAnswer:
        """The recorded grade as it stands, or a refusal where the record is null.

        Raises:
            ProtocolError: 400 when no grade, or more than one, is recorded for exactly these texts.
        """
        texts = (_shown(request.query), _shown(request.document))
        if texts in self._excluded:
            raise ProtocolError(
                400,
                "pair_ambiguous",
                f"found two or more different grades of {self.name!r} recorded for this text pair; expected one "
                "(conflicts: exclude is set)",
            )
        if texts not in self._grades:
            raise ProtocolError(
                400,
                "pair_not_recorded",
                f"found no grade of {self.name!r} recorded for exactly this query and document; "
                "send both texts as the file has them",
            )
        grade = self._grades[texts]
        if grade is None:
            return ModelAnswer(refusal="No grade is recorded for this pair.")
        return json_reply("Recorded grade." if request.with_rationale else None, grade)


def _read(path: Path, columns: list[str]) -> pl.DataFrame:
    try:
        found = pl.read_parquet_schema(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"cannot read recorded grades from {path}: {error}; expected a Parquet file") from error
    missing = [column for column in columns if column not in found]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; it has {', '.join(found)}; correct the recorded models"
        )
    return pl.read_parquet(path, columns=columns)


def _whole_grades(frame: pl.DataFrame, column: str, path: Path) -> pl.Series:
    """The column as integers; anything else in it is an error, a null stays."""
    values = frame[column]
    if values.dtype.is_integer():
        return values.cast(pl.Int64)
    if values.dtype.is_float() and bool((values.drop_nulls() == values.drop_nulls().round()).all()):
        return values.cast(pl.Int64)
    raise InputError(
        f"column {column} of {path} is {values.dtype} and not whole numbers; expected integer grades or null"
    )


def recorded_models(
    path: Path,
    query_column: str,
    passage_column: str,
    grade_columns: Mapping[str, str],
    conflicts: Conflicts = "refuse",
) -> list[RecordedModel]:
    """The models of :func:`read_recorded`."""
    return read_recorded(path, query_column, passage_column, grade_columns, conflicts)[0]


def read_recorded(
    path: Path,
    query_column: str,
    passage_column: str,
    grade_columns: Mapping[str, str],
    conflicts: Conflicts = "refuse",
) -> tuple[list[RecordedModel], RecordedCounts]:
    """One model for every entry of ``grade_columns``, and what the file holds.

    Args:
        path: Parquet file, one graded pair per row.
        query_column: text of the query.
        passage_column: text of the document.
        grade_columns: column of grades by model name.
        conflicts: what to do where one text pair carries different grades of one model (null counts as a grade):
            refuse to load, play back the first row's, or exclude the pair (then answered 400).

    Raises:
        InputError: the file cannot be read, lacks a column, a text is null, a column is not whole numbers, or grades
            conflict under ``refuse``.
    """
    frame = _read(path, list(dict.fromkeys([query_column, passage_column, *grade_columns.values()])))
    untold = frame.filter(pl.col(query_column).is_null() | pl.col(passage_column).is_null()).height
    if untold:
        raise InputError(f"{path} has {untold} rows without query or passage text; remove them")
    texts = [
        (_shown(query), _shown(passage))
        for query, passage in zip(frame[query_column], frame[passage_column], strict=True)
    ]
    models, refused = [], {}
    conflicting: set[_Texts] = set()
    for name, column in grade_columns.items():
        grades: dict[_Texts, int | None] = {}
        differing: set[_Texts] = set()
        for pair, grade in zip(texts, _whole_grades(frame, column, path), strict=True):
            if grades.setdefault(pair, grade) != grade:
                differing.add(pair)
        conflicting |= differing
        if differing and conflicts == "refuse":
            refused[name] = len(differing)
        excluded = frozenset(differing) if conflicts == "exclude" else frozenset()
        models.append(RecordedModel(name, grades, excluded, len(differing)))
    if refused:
        counts = ", ".join(f"{name}: {count}" for name, count in refused.items())
        raise InputError(
            f"{path} grades the same texts differently ({counts} text pairs); expected one grade a pair and model. "
            "Set conflicts to first or exclude, or clean the file"
        )
    on_rows = Counter(texts)
    repeated = sum(rows > 1 for rows in on_rows.values())
    return models, RecordedCounts(frame.height, len(on_rows), repeated, len(conflicting))
