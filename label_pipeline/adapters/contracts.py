"""The input contracts: a Great Expectations suite a table, run on the rows as read, so that offenders can be shown.

``clauses`` is the table of what is expected; ``validate`` runs it in an ephemeral context and returns plain values.
Keep out: quarantining (stages/seed), telling Dagster (defs/checks.py). Importing Great Expectations costs about 6 s of
CPU, hence inside the function; a suite on 300,000 rows then takes under a second.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl

from label_pipeline.core.errors import TableError
from label_pipeline.core.scale import Scale

UNPRINTABLE = r"[\x00-\x1f\x7f]|.{513}"
_DAY = r"^\d{4}-\d{2}-\d{2}$"
_QUERY = ("task", "collection", "query_id")
_PAIR = (*_QUERY, "doc_id", "context_id")
_VALUE_CHARS = 60


@dataclass(frozen=True)
class ContractLimits:
    """What the suites are measured against: the scale and the longest texts, in characters."""

    scale: Scale
    document_chars: int = 100_000
    query_chars: int = 10_000


@dataclass(frozen=True)
class Clause:
    """One expectation: our sentence for it, Great Expectations' class, its arguments."""

    name: str
    expectation: str
    arguments: Mapping[str, object]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns it looks at."""
        several = self.arguments.get("column_list")
        return tuple(cast(Sequence[str], several)) if several else (str(self.arguments["column"]),)


@dataclass(frozen=True)
class ExpectationResult:
    """What came of one clause of a contract.

    Attributes:
        name: the clause.
        success: no row breaks it.
        unexpected_count: rows that do.
        examples: the first of them: source, line, ids and the value, never a text.
    """

    name: str
    success: bool
    unexpected_count: int
    examples: tuple[Mapping[str, object], ...] = ()


@dataclass(frozen=True)
class ContractResult:
    """How a table's suite fared, clause by clause, in the suite's order."""

    table: str
    rows: int
    expectations: tuple[ExpectationResult, ...]

    @property
    def success(self) -> bool:
        """Every clause holds; a suite without clauses proves nothing."""
        return bool(self.expectations) and all(result.success for result in self.expectations)

    @property
    def failures(self) -> tuple[ExpectationResult, ...]:
        """The clauses that do not hold."""
        return tuple(result for result in self.expectations if not result.success)


def clauses(table: str, bounds: ContractLimits) -> tuple[Clause, ...]:
    """The contract of one input table.

    Raises:
        TableError: for a table without a contract.
    """
    query = (_present("query_id"), _printable("query_id"))
    pair = (
        *query, _present("doc_id"), _printable("doc_id"),
        _flag("the query is known", "query_known", True), _flag("the document is known", "document_known", True),
    )  # fmt: skip
    graded = (
        *pair,
        Clause("the grade is a number", "ExpectColumnValuesToNotBeNull", {"column": "grade"}),
        Clause(
            f"the grade is one of {bounds.scale.lo} to {bounds.scale.hi}",
            "ExpectColumnValuesToBeInSet",
            {"column": "grade", "value_set": list(bounds.scale.grades)},
        ),
        _flag("no customer text among human grades", "customer_text", False),
    )
    contracts = {
        "queries": (*query, _unique("one row a query", _QUERY), *_text("query", bounds.query_chars)),
        "documents": (
            _present("doc_id"), _printable("doc_id"), _unique("one row a document", ("doc_id",)),
            *_text("text", bounds.document_chars),
        ),
        "human_labels": (
            *graded, _printable("annotator_id"), _unique("one grade a (pair, annotator)", (*_PAIR, "annotator_id")),
        ),
        "evaluation": (*graded, _unique("one grade a pair", _PAIR)),
        "candidates": (*pair, _unique("one row a pair", _PAIR), Clause(
            "arrived_on is a day", "ExpectColumnValuesToMatchRegex", {"column": "arrived_on", "regex": _DAY}
        ), _present("arrived_on")),
    }  # fmt: skip
    if table not in contracts:
        raise TableError(f"there is no input contract for {table!r}; expected one of {', '.join(contracts)}")
    return contracts[table]


def _present(column: str) -> Clause:
    return Clause(f"{column} is present", "ExpectColumnValuesToNotBeNull", {"column": column})


def _printable(column: str) -> Clause:
    return Clause(
        f"{column} is printable", "ExpectColumnValuesToNotMatchRegex", {"column": column, "regex": UNPRINTABLE}
    )


def _unique(name: str, columns: tuple[str, ...]) -> Clause:
    if len(columns) == 1:
        return Clause(name, "ExpectColumnValuesToBeUnique", {"column": columns[0]})
    # a row without an id has a clause of its own; a null context_id is a value of the key (see _offenders)
    return Clause(
        name, "ExpectCompoundColumnsToBeUnique", {"column_list": list(columns), "ignore_row_if": "any_value_is_missing"}
    )  # fmt: skip


def _text(name: str, longest: int) -> tuple[Clause, Clause]:
    column = f"{name}_chars"
    bounds = {"column": column, "min_value": 1, "max_value": longest}
    return (
        Clause(f"the {name} is not empty", "ExpectColumnValuesToNotBeNull", {"column": column}),
        Clause(f"the {name} has at most {longest} characters", "ExpectColumnValuesToBeBetween", bounds),
    )


def _flag(name: str, column: str, wanted: bool) -> Clause:
    # membership is joined before: Great Expectations takes 31 s for a value set of 300,000 ids
    return Clause(name, "ExpectColumnValuesToBeInSet", {"column": column, "value_set": [wanted]})


def validate(table: str, frame: pl.DataFrame, bounds: ContractLimits, examples: int = 10) -> ContractResult:
    """Runs a table's contract on its rows as read.

    Args:
        table: input table.
        frame: the rows before quarantine, as ``stages.seed`` returns them in ``read``: ids, grade, lengths, flags,
            ``source`` and ``line``.
        bounds: scale and limits.
        examples: offending rows shown a clause.

    Returns:
        Every clause with the number of rows that break it and the first of them.

    Raises:
        TableError: when a clause could not be evaluated: a broken contract is not bad data.
    """
    suite = clauses(table, bounds)
    missing = {column for clause in suite for column in clause.columns} - set(frame.columns)
    if missing:
        raise TableError(
            f"contract of {table}: the frame lacks {sorted(missing)}; pass the rows as stages.seed read them"
        )
    results = []
    for clause, offenders in zip(suite, _offenders(suite, frame), strict=True):
        shown = list(dict.fromkeys(["source", "line", *(c for c in _PAIR if c in frame.columns), *clause.columns]))
        rows = frame[pl.Series(offenders[:examples], dtype=pl.UInt32)].select(shown).to_dicts()
        results.append(
            ExpectationResult(clause.name, not offenders, len(offenders), tuple(_short(row) for row in rows))
        )  # fmt: skip
    return ContractResult(table, frame.height, tuple(results))


def _offenders(suite: Sequence[Clause], frame: pl.DataFrame) -> list[list[int]]:
    """The row numbers, from 0, that break each clause."""
    with warnings.catch_warnings():
        # Great Expectations imports a deprecated module of the standard library
        warnings.simplefilter("ignore", DeprecationWarning)
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

        context = gx.get_context(mode="ephemeral")
        context.enable_analytics(False)
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        columns = sorted({column for clause in suite for column in clause.columns})
        keyed = frame.select(columns).with_columns(
            pl.col(name).fill_null("") for name in columns if name == "context_id"
        )
        asset = context.data_sources.add_pandas("inputs").add_dataframe_asset("rows")
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
            {"dataframe": keyed.to_pandas()}
        )  # fmt: skip
        expectations = [
            getattr(gx.expectations, clause.expectation)(**clause.arguments, meta={"clause": clause.name})
            for clause in suite
        ]
        outcome = batch.validate(
            gx.ExpectationSuite(name="contract", expectations=expectations),
            result_format={"result_format": "COMPLETE", "exclude_unexpected_values": True},
        )
    by_name = {
        str(config.meta["clause"]): result
        for result in outcome.results
        if (config := result.expectation_config) is not None and config.meta
    }
    offenders = []
    for clause in suite:
        result = by_name[clause.name]
        found = result.result.get("unexpected_index_list")
        if found is None or result.success != (not found):
            raise TableError(f"contract clause {clause.name!r} could not be evaluated: {result.exception_info}")
        offenders.append([int(index) for index in found])
    return offenders


def _short(row: Mapping[str, object]) -> dict[str, object]:
    """A row whose texts are cut: a shifted CSV column may have put a passage where an id belongs."""
    return {name: value[:_VALUE_CHARS] if isinstance(value, str) else value for name, value in row.items()}
