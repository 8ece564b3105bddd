"""Every file of sql/ is what its header says: columns, parameters, tables read. A new file is covered on arrival."""

import re
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from label_pipeline.adapters import queries
from label_pipeline.adapters.answering import Value, answer
from label_pipeline.adapters.queries import Query
from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import TableError
from label_pipeline.core.tables import STAGE_ORDER
from label_pipeline_tests.sql.frames import DAY

EVERY = queries.names()
SOME_VALUE: dict[str, Value] = {
    "day": DAY, "splits": ["train"], "epoch": 0, "epochs": [0], "anchor_until": DAY, "most": 5,
    "size": 2,
}  # fmt: skip
"""A value for each parameter that is no text."""


def parsed(text: str) -> exp.Expr:
    [statement] = sqlglot.parse(text, dialect="duckdb")
    assert statement is not None
    return statement


def tables_read(text: str) -> set[str]:
    """Tables a statement reads; sqlglot lists its common table expressions too."""
    tree = parsed(text)
    return {found.name for found in tree.find_all(exp.Table)} - {found.alias for found in tree.find_all(exp.CTE)}


def unlike_its_columns(query: Query) -> str:
    """The columns it gives, where they are not those of the header."""
    empty = {table: TABLES[table].empty() for table in query.reads}
    try:
        found = answer(query, empty, {param: SOME_VALUE.get(param, "x") for param in query.params}).columns
    except TableError as error:
        return str(error)
    return "" if tuple(found) == query.columns else f"gives {found}, says {query.columns}"


def unlike_its_parameters(query: Query) -> str:
    """Its parameters, where they are not those of the header."""
    [statement] = duckdb.extract_statements(query.text)
    found = statement.named_parameters
    return "" if found == set(query.params) else f"takes {found}, says {query.params}"


def unlike_its_tables(query: Query) -> str:
    """The tables it reads, where they are not those the loader registers."""
    found = tables_read(query.statement)
    return "" if found == set(query.reads) else f"reads {found}, is given {query.reads}"


def not_introduced(query: Query) -> str:
    """What its header lacks: purpose, grain, where it belongs."""
    folder = query.name.split("/")[0]
    wrong = {
        f"its purpose is no sentence: {query.purpose!r}": not re.match(r"[A-Z].*\.$", query.purpose),
        "no grain": not query.grain,
        f"sql/{folder} is no stage": folder not in (*STAGE_ORDER, "checks", "views"),
        "a check names the asset it is a check of, a question none": bool(query.asset) != (folder == "checks"),
    }
    return "; ".join(said for said, holds in wrong.items() if holds)


def without_names_or_order(query: Query) -> str:
    """Whether it says `*`, or gives its rows in any order: two runs may then show different rows first."""
    tree = parsed(query.text)
    stars = [star for star in tree.find_all(exp.Star) if not isinstance(star.parent, exp.Count)]
    ordered = "one row, always" in query.grain or tree.args.get("order")
    return "; ".join(["says *"] * bool(stars) + ["no order by"] * (not ordered))


LAWS = (unlike_its_columns, unlike_its_parameters, unlike_its_tables, not_introduced, without_names_or_order)


@pytest.mark.parametrize("law", LAWS)
def test_every_file_is_what_its_header_says(law: Callable[[Query], str]) -> None:
    assert len(EVERY) > 30
    assert {name: wrong for name in EVERY if (wrong := law(queries.load(name)))} == {}


BAD = """-- no sentence
-- Params:  $day
-- Columns: query_id
-- Asset:   gold_labels
select * from gold, labels where gold.query_id = $other
"""


@pytest.mark.parametrize("law", LAWS)
def test_a_file_that_is_not_is_found(tmp_path: Path, law: Callable[[Query], str]) -> None:
    (tmp_path / "elsewhere").mkdir()
    runs = BAD.replace(", labels", "").replace("$other", "$day")
    (tmp_path / "elsewhere" / "bad.sql").write_text(runs if law is unlike_its_columns else BAD)
    assert law(queries.load("elsewhere/bad", tmp_path)) != ""


def test_a_table_behind_a_comma_is_seen_and_a_common_table_expression_is_none() -> None:
    assert tables_read("with a as (select x.y from gold as x) select a.y from a, labels as l") == {"gold", "labels"}
