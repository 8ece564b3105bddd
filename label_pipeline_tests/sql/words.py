"""Which words of closed sets a statement uses: literals that meet a column, followed through CTEs and subqueries.

``uses`` is the helper of the law in test_words.py. A literal meets a column where the two are compared (=, <>, in, is
distinct from, like, case x when, list_position), also inside coalesce, case, casts, min, max and windows; and a literal
that is given the name of a closed column meets all columns of that name. Keep out: what is allowed.
"""

from collections.abc import Iterator
from typing import NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from label_pipeline.core.catalogue import TABLES

CLOSED: dict[tuple[str, str], tuple[str, ...]] = {
    (table.name, column.name): column.values
    for table in TABLES.values()
    for column in table.columns
    if column.values is not None
}
"""Table and column to the words it may hold."""

_SCHEMA: dict[str, object] = {
    table.name: {column.name: "text" for column in table.columns} for table in TABLES.values()
}
_COMPARISONS = (
    exp.EQ, exp.NEQ, exp.NullSafeEQ, exp.NullSafeNEQ, exp.In, exp.Like, exp.ILike, exp.Case, exp.ArrayPosition,
    exp.ArrayContains, exp.Anonymous,
)  # fmt: skip
_SAME_VALUE = (
    exp.Paren, exp.Cast, exp.TryCast, exp.Alias, exp.Min, exp.Max, exp.AnyValue, exp.First, exp.Last, exp.FirstValue,
    exp.LastValue, exp.Lag, exp.Lead, exp.Window, exp.Filter, exp.Ordered, exp.IgnoreNulls,
)  # fmt: skip
"""What hands on its argument's value."""


Value = str | tuple[str, str]


class Use(NamedTuple):
    """A word that meets a column of a closed set."""

    table: str
    column: str
    word: str


def uses(text: str) -> set[Use]:
    """Every use of a word by the statements of ``text``, sound or not."""
    found: set[Use] = set()
    for statement in sqlglot.parse(text, dialect="duckdb"):
        assert statement is not None
        if isinstance(statement, exp.Update | exp.Delete):
            table = statement.this.name
            for node in statement.find_all(*_COMPARISONS):
                found |= _met(node, table)
            continue
        whole = qualify(
            statement, schema=_SCHEMA, dialect="duckdb", validate_qualify_columns=False, quote_identifiers=False
        )
        for scope in traverse_scope(whole):
            for node in scope.find_all(*_COMPARISONS):
                found |= _met(node, scope)
            found |= _named(scope)
    return found


def unknown(text: str) -> set[Use]:
    """The uses of a word that its column may not hold."""
    return {use for use in uses(text) if use.word not in CLOSED[use.table, use.column]}


def _met(node: exp.Expr, place: Scope | str) -> set[Use]:
    values = [value for operand in _operands(node) for value in _values(operand, place)]
    columns = {value for value in values if isinstance(value, tuple)} & CLOSED.keys()
    return {Use(*column, word) for column in columns for word in values if isinstance(word, str)}


def _named(scope: Scope) -> set[Use]:
    """Literals that a select gives the name of a closed column."""
    return {
        Use(*column, word)
        for projection in _selects(scope)
        for word in _values(projection, scope)
        if isinstance(word, str) and not _columns(projection, scope)
        for column in _nearest(projection.alias_or_name, word)
    }


def _nearest(name: str, word: str) -> list[tuple[str, str]]:
    """The columns called ``name`` that may hold ``word``, or all of that name where none may."""
    called = [column for column in CLOSED if column[1] == name]
    return [column for column in called if word in CLOSED[column]] or called


def _columns(projection: exp.Expr, scope: Scope) -> bool:
    return any(isinstance(value, tuple) for value in _values(projection, scope))


def _operands(node: exp.Expr) -> list[exp.Expr]:
    if isinstance(node, exp.Case):
        return [node.this, *(branch.this for branch in node.args["ifs"])] if node.this is not None else []
    parts = [node.args.get("this"), node.args.get("expression"), *node.args.get("expressions", [])]
    known = [part for part in parts if isinstance(part, exp.Expr)]
    return [item for part in known for item in (part.expressions if isinstance(part, exp.Array) else [part])]


def _values(node: exp.Expr, place: Scope | str) -> Iterator[Value]:
    """What ``node`` may be worth: words, and columns of tables as (table, column)."""
    if isinstance(node, exp.Literal) and node.is_string:
        yield str(node.this)
    elif isinstance(node, exp.Column):
        yield from _of_column(node, place)
    else:
        for part in _handed_on(node):
            yield from _values(part, place)


def _handed_on(node: exp.Expr) -> list[exp.Expr]:
    """The parts of ``node`` whose value may be its own."""
    if isinstance(node, exp.Case):
        results = [branch.args["true"] for branch in node.args["ifs"]]
        return [*results, node.args["default"]] if node.args.get("default") is not None else results
    if isinstance(node, exp.Coalesce):
        return [node.this, *node.expressions]
    return [node.this] if isinstance(node, _SAME_VALUE) else []


def _of_column(column: exp.Column, place: Scope | str) -> Iterator[Value]:
    if isinstance(place, str):
        yield place, column.name
        return
    scope: Scope | None = place
    while scope is not None and column.table not in scope.sources:  # a column of an outer select
        scope = scope.parent
    source = scope.sources[column.table] if scope is not None else None
    if isinstance(source, exp.Table):
        yield source.name, column.name
    elif isinstance(source, Scope):
        names = [projection.alias_or_name for projection in _selects(source)]
        for branch in _branches(source) if column.name in names else ():
            yield from _values(_selects(branch)[names.index(column.name)], branch)


def _branches(scope: Scope) -> Iterator[Scope]:
    """The selects of a union, which has the first one's names; a plain select is one."""
    if not scope.set_operation_scopes:
        yield scope
    for branch in scope.set_operation_scopes:
        yield from _branches(branch)


def _selects(scope: Scope) -> list[exp.Expr]:
    return list(scope.expression.selects) if isinstance(scope.expression, exp.Query) else []
