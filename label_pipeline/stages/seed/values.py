"""From text to values: ids, numbers, grades and features, and how a value is shown in a reason.

Dates have a module of their own (dates.py).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import polars as pl

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.codes.inputs import DateOrder
from label_pipeline.stages.seed.quarantine import UNJUDGED, Rule

FEATURE_PREFIX = "feature_"
MAX_ID_CHARS = 512
_MADE_HERE = ("doc_version", "features", "grade_mean", "rubric_label")
_CONTROL = r"[\x00-\x1f\x7f]"

NOTHING = ("null", r"\n", "nan", "nat", "none", "n/a", "#n/a", "<na>")
"""What databases and programs write for no value, in lower case."""

_NO_WORDS = ("null", r"\n")
"""Of these, what no person would write into `boundary`, where a word in doubt must not count as nothing."""

_DESCRIBES = ("source", "language", "created_on", "arrived_on", "n_grades", "incumbent_score", "doc_version",
              "rubric_version", "frequency")  # fmt: skip
"""Columns in which NOTHING is no value. Not ids and texts: a person may search for "null", and an id that was loaded
once keeps its spelling."""


class RawInput(Protocol):
    """One file's records for one table, as adapters/files reads them: text, ``line`` and ``problem``."""

    @property
    def table(self) -> str:
        """The input table it serves."""
        ...

    @property
    def source(self) -> str:
        """The file the rows come from."""
        ...

    @property
    def frame(self) -> pl.DataFrame:
        """The records, every column text but ``line``."""
        ...

    @property
    def grades(self) -> Mapping[str | int, int | None] | None:
        """The file's grade to ours; None as a value is "not judged"."""
        ...

    @property
    def date_order(self) -> DateOrder | None:
        """How the file writes dates of three numbers; None takes only those that mean one day."""
        ...


def stack(inputs: Iterable[RawInput], table: str) -> pl.DataFrame:
    """All records meant for ``table`` as one working frame, blank values null.

    Returns:
        The table's columns as text (those made here excepted), every ``feature_*`` column, ``line``, ``problem``,
        ``file`` (two files of one name are told apart by "(2)"), ``date_order``, the grade columns of ``_with_grade``
        where the table has a grade, and empty ``UNJUDGED``.
    """
    names = [column.name for column in TABLES[table].columns if column.name not in _MADE_HERE]
    texts = [*names, "problem", "file", "date_order"]
    empty = pl.DataFrame(schema=dict.fromkeys(texts, pl.String) | {"line": pl.Int64})
    frames = [empty if "grade" not in names else _with_grade(empty, None)]
    seen: list[str] = []
    for raw in inputs:
        if raw.table != table:
            continue
        seen.append(raw.source)
        number = seen.count(raw.source)
        file = raw.source if number == 1 else f"{raw.source} ({number})"
        text = [name for name, dtype in raw.frame.schema.items() if dtype == pl.String]
        frame = raw.frame.with_columns(
            *(pl.when(~is_nothing(name)).then(name).alias(name) for name in text),
            pl.lit(file).alias("file"),
            pl.lit(raw.date_order, dtype=pl.String).alias("date_order"),
        )
        frames.append(_with_grade(frame, raw.grades) if "grade" in names else frame)
    return pl.concat(frames, how="diagonal").with_columns(UNJUDGED)


def is_nothing(name: str) -> pl.Expr:
    """Whether the column ``name`` holds no value, as this kind of column may say it."""
    text = pl.col(name).str.strip_chars()
    if name in _DESCRIBES or name.startswith(FEATURE_PREFIX):
        return (text == "") | text.str.to_lowercase().is_in(NOTHING)
    return (text == "") | text.str.to_lowercase().is_in(_NO_WORDS) if name == "boundary" else text == ""


def _with_grade(frame: pl.DataFrame, grades: Mapping[str | int, int | None] | None) -> pl.DataFrame:
    """Adds ``grade_value`` (float; null when no number), ``not_judged``, ``unmapped`` and ``mapping`` (keys, as text).

    A grade written as 2.0 is the grade 2, in the file as in the mapping.
    """
    value = number("grade")
    is_whole = value.is_finite() & (value == value.round()) & (value.abs() < 2**53)
    read = pl.when(is_whole).then(value.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(
        pl.col("grade").str.strip_chars()
    )  # fmt: skip
    frame = frame.with_columns(read.alias("grade"))
    if not grades:
        return frame.with_columns(
            number("grade").alias("grade_value"),
            pl.lit(False).alias("not_judged"),
            pl.lit(False).alias("unmapped"),
            pl.lit(None, dtype=pl.String).alias("mapping"),
        )
    mapping = {_key(key): value for key, value in grades.items()}
    known = pl.col("grade").fill_null("")
    return frame.with_columns(
        known.replace_strict(
            list(mapping),
            [None if v is None else float(v) for v in mapping.values()],
            default=None,
            return_dtype=pl.Float64,
        ).alias("grade_value"),
        known.is_in([key for key, value in mapping.items() if value is None]).alias("not_judged"),
        (~known.is_in(list(mapping))).alias("unmapped"),
        pl.lit(", ".join(mapping)).alias("mapping"),
    )


def _key(key: str | int) -> str:
    """A mapping's key in the form grades are read: "2.0" and 2 are "2"."""
    text = str(key).strip()
    whole = text.removesuffix(".0")
    return whole if whole.lstrip("-").isdigit() else text


def number(name: str) -> pl.Expr:
    """The column as a finite number; null when it is none."""
    value = pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def shown(name: str) -> pl.Expr:
    """The value as a reason quotes it: short, in quotes, control characters replaced."""
    return quoted(pl.col(name)).fill_null("nothing")


def quoted(text: pl.Expr) -> pl.Expr:
    """``text`` as ``shown`` shows it; null where it is."""
    return pl.format("'{}'", text.str.slice(0, 60).str.replace_all(_CONTROL, "?"))


def features(columns: Sequence[str]) -> pl.Expr:
    """The ``feature_*`` columns as one JSON object of numbers, by name; null when a row has none."""
    parts = [
        pl.when(number(name).is_not_null()).then(
            pl.concat_str(pl.lit(json.dumps(name) + ":"), number(name).cast(pl.String))
        )
        for name in feature_names(columns)
    ]
    if not parts:
        return pl.lit(None, dtype=pl.String).alias("features")
    joined = pl.concat_list(parts).list.drop_nulls().list.join(",")
    return pl.when(joined != "").then(pl.concat_str(pl.lit("{"), joined, pl.lit("}"))).alias("features")


def feature_names(columns: Sequence[str]) -> list[str]:
    """The feature columns among ``columns``, sorted."""
    return sorted(name for name in columns if name.startswith(FEATURE_PREFIX))


def id_rules(required: Sequence[str], optional: Sequence[str] = ()) -> list[Rule]:
    """A record that cannot be read, a missing id, an id nobody can print."""
    rules = [Rule("the record cannot be read", pl.col("problem").is_not_null(), pl.col("problem"))]
    rules += [
        Rule(f"no {name}", pl.col(name).is_null(), pl.lit(f"no {name}; expected an id: fill it in, or drop the row"))
        for name in required
    ]
    return rules + [
        Rule(
            f"{name} is not printable",
            pl.col(name).str.contains(_CONTROL) | (pl.col(name).str.len_chars() > MAX_ID_CHARS),
            pl.format(
                f"{name} {{}} has control characters or more than {MAX_ID_CHARS} characters; expected a printable id: "
                "export it again",
                shown(name),
            ),
        )
        for name in (*required, *optional)
    ]
