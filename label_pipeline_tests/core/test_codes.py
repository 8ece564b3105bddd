"""The law of words in Python: a closed set has one home, every word is used, and comparisons name a constant."""

import ast
import importlib
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

from label_pipeline.adapters import queries
from label_pipeline.core import codes, splits
from label_pipeline_tests.sql.words import CLOSED, uses

PACKAGE = Path(codes.__file__).parents[2]
HOMES: dict[str, ModuleType] = {
    module.__name__: module
    for module in (
        splits,
        *(
            importlib.import_module(f"{codes.__name__}.{path.stem}")
            for path in sorted(Path(codes.__file__).parent.glob("*.py"))
            if path.stem != "__init__"
        ),
    )
}
Product = Mapping[str, ast.Module]


class Constant(NamedTuple):
    """A constant of a home, as a product module names it."""

    home: str
    name: str


def constants_used(tree: ast.Module) -> set[Constant]:
    """The constants of ``HOMES`` that a module reads; importing alone is no use."""
    names: dict[str, Constant] = {}
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                if node.module in HOMES:
                    names[alias.asname or alias.name] = Constant(node.module, alias.name)
                elif f"{node.module}.{alias.name}" in HOMES:
                    modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    dotted = {
        Constant(modules[node.value.id], node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules
    }
    return dotted | {constant for name, constant in names.items() if name in read}


def words_of(value: object) -> set[str]:
    """The words a constant stands for."""
    if isinstance(value, Mapping):
        return set(value.values())
    return set(value) if isinstance(value, tuple) else {value} if isinstance(value, str) else set()


@pytest.fixture(scope="module")
def product() -> dict[str, ast.Module]:
    """Path below the package to every module that is not itself a home of words or a table."""
    names = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}
    homes = ("core/codes/", "core/catalogue/", "core/splits.py")
    return {
        name: ast.parse(path.read_text(encoding="utf-8")) for name, path in names.items() if not name.startswith(homes)
    }


def home_of(words: tuple[str, ...]) -> str:
    """The one module that holds this very set."""
    [home] = [name for name, module in HOMES.items() if any(value is words for value in vars(module).values())]
    return home


def keywords(product: Product) -> set[tuple[str, str]]:
    """(Parameter, word) of every call: a word for a parameter called like its column; mypy or the store checks it."""
    given = [node for tree in product.values() for node in ast.walk(tree) if isinstance(node, ast.keyword)]
    return {
        (node.arg, node.value.value)
        for node in given
        if node.arg and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def words_used(product: Product) -> dict[str, set[str]]:
    """Home to the words of it that product code uses by a constant, the whole of a column's set excepted."""
    wholes = set(map(id, CLOSED.values()))
    found: dict[str, set[str]] = {home: set() for home in HOMES}
    for tree in product.values():
        for home, name in constants_used(tree):
            value = getattr(HOMES[home], name)
            found[home] |= words_of(value) if id(value) not in wholes else set()
    return found


def test_every_word_is_used_somewhere(product: Product) -> None:
    by_home, given = words_used(product), keywords(product)
    for path in queries.sql_root().rglob("*.sql"):
        for table, column, word in uses(path.read_text(encoding="utf-8")):
            by_home[home_of(CLOSED[table, column])].add(word)
    for (table, column), words in CLOSED.items():
        unused = set(words) - by_home[home_of(words)] - {word for name, word in given if name == column}
        assert not unused, f"{table}.{column} may hold {unused}, which no SQL compares with and no module names"


def test_a_word_that_nothing_uses_would_be_seen() -> None:
    source = "from label_pipeline.core.codes.outcomes import CUT, FAILED\nfrom label_pipeline.core import splits\n"
    assert constants_used(ast.parse(source + "print(FAILED, splits.DEV)")) == {
        Constant("label_pipeline.core.codes.outcomes", "FAILED"), Constant("label_pipeline.core.splits", "DEV"),
    }  # fmt: skip


def literals_compared(tree: ast.Module) -> set[tuple[str, str]]:
    """(closed column, literal) wherever ``pl.col("<column>")`` or ``row["<column>"]`` is compared."""
    names = {column for _, column in CLOSED}
    found: set[tuple[str, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides, words = [node.left, *node.comparators], [node.left, *node.comparators]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            sides, words = [node.func.value], list(node.args)
        else:
            continue
        columns = {name for side in sides if (name := _column(side)) in names}
        literals = {word for part in words for word in _texts(part)} - columns
        found |= {(column, word) for column in columns if column for word in literals}
    return found


def _column(node: ast.expr) -> str | None:
    """``status`` of ``pl.col("status")``, ``row["status"]``, ``frame["status"][0]`` and methods of these."""
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr != "col":
        node = node.func.value
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
        node = node.value
    key = node.args[0] if isinstance(node, ast.Call) and node.args else getattr(node, "slice", None)
    return key.value if isinstance(key, ast.Constant) and isinstance(key.value, str) else None


def _texts(node: ast.expr) -> list[str]:
    parts = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    return [part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str)]


def test_python_compares_a_closed_column_with_constants_only(product: Product) -> None:
    found = {
        (name, column, word)
        for name, tree in product.items()
        for column, word in literals_compared(tree)
        if word in _every_word(column)  # else the name means another thing there
    }
    assert found == set()


def _every_word(column: str) -> set[str]:
    return {word for (_, name), words in CLOSED.items() if name == column for word in words}


@pytest.mark.parametrize(
    "source",
    [
        'pl.col("status") == "confirmed"', 'row["status"] != "confirmed"', 'rows["status"][0] == "confirmed"',
        'pl.col("status").is_in(["confirmed", x])', 'pl.col("status").fill_null("confirmed") == y',
        '~pl.col("status").is_in(("confirmed",))', '"confirmed" == row["status"]',
    ],
)  # fmt: skip
def test_a_literal_that_python_compares_with_is_caught(source: str) -> None:
    assert literals_compared(ast.parse(source)) == {("status", "confirmed")}


@pytest.mark.parametrize(("table", "column"), CLOSED)
def test_every_word_of_a_column_has_a_constant_in_its_home(table: str, column: str) -> None:
    words = CLOSED[table, column]
    constants = {name: value for name, value in vars(HOMES[home_of(words)]).items() if name.isupper()}
    assert set(words) <= set().union(*(words_of(value) for value in constants.values() if value is not words))
