"""Every file of sql/ is what its header says: columns, parameters, tables read. A new file is covered on arrival."""

import re

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from label_pipeline.adapters import queries
from label_pipeline.adapters.store import Value, answer
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.tables import STAGE_ORDER
from label_pipeline_tests.sql.frames import DAY

EVERY = queries.names()
SOME_VALUE: dict[str, Value] = {"day": DAY, "splits": ["train"], "epoch": 0, "epochs": [0], "anchor_until": DAY}
"""A value for each parameter that is no text."""


def parsed(text: str) -> exp.Expr:
    [statement] = sqlglot.parse(text, dialect="duckdb")
    assert statement is not None
    return statement


def tables_read(text: str) -> set[str]:
    """Tables a statement reads; sqlglot lists its common table expressions too."""
    tree = parsed(text)
    return {found.name for found in tree.find_all(exp.Table)} - {found.alias for found in tree.find_all(exp.CTE)}


@pytest.mark.parametrize("name", EVERY)
def test_columns_of_the_result_are_those_of_the_header(name: str) -> None:
    query = queries.load(name)
    empty = {table: TABLES[table].empty() for table in query.reads}
    result = answer(query, empty, {param: SOME_VALUE.get(param, "x") for param in query.params})
    assert tuple(result.columns) == query.columns


@pytest.mark.parametrize("name", EVERY)
def test_parameters_of_the_statement_are_those_of_the_header(name: str) -> None:
    query = queries.load(name)
    [statement] = duckdb.extract_statements(query.text)
    assert statement.named_parameters == set(query.params)


@pytest.mark.parametrize("name", EVERY)
def test_it_reads_the_tables_the_loader_registers_and_no_other(name: str) -> None:
    query = queries.load(name)
    assert tables_read(query.statement) == set(query.reads)


@pytest.mark.parametrize("name", EVERY)
def test_a_file_says_its_purpose_its_grain_and_where_it_belongs(name: str) -> None:
    query = queries.load(name)
    folder = name.split("/")[0]
    assert re.match(r"[A-Z].*\.$", query.purpose), query.purpose
    assert query.grain
    assert folder in (*STAGE_ORDER, "checks", "views"), f"sql/{folder} is no stage"
    assert bool(query.asset) == (folder == "checks"), "a check names the asset it is a check of, a question none"


@pytest.mark.parametrize("name", EVERY)
def test_columns_are_named_and_ordered(name: str) -> None:
    tree = parsed(queries.load(name).text)
    assert not [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    one_row = "one row, always" in queries.load(name).grain
    assert one_row or tree.args.get("order"), "without an order by, two runs may show different rows first"


def test_a_table_behind_a_comma_is_seen_and_a_common_table_expression_is_none() -> None:
    assert tables_read("with a as (select x.y from gold as x) select a.y from a, labels as l") == {"gold", "labels"}
