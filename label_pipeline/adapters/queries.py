"""Load the questions of sql/: one statement per file, its name is its path.

A file opens with a header of ``-- Key: value`` comments (purpose, Grain, Params, Columns, Asset), which
label_pipeline_tests/sql checks against DuckDB's own parser. A question that several questions share is a file of
``views/``: any file may name it as if it were a table. ``checks/<name>.bad.sql`` is no question: it plants the offender
that its check must find.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import TableError

VIEWS = "views/"
"""Folder of the questions that others may name as if they were tables."""

_HERE = Path(__file__).resolve()
_IN_WHEEL = _HERE.parents[1] / "sql"
_IN_CHECKOUT = _HERE.parents[2] / "sql"


@dataclass(frozen=True)
class Query:
    """One SQL statement and what its header promises.

    Attributes:
        name: path below sql/ without the ending, e.g. ``gate/holdout_pairs``.
        text: the file, unedited.
        purpose: first header line.
        grain: what one row of the result is.
        params: names of the ``$name`` parameters.
        columns: result columns, in order.
        reads: declared tables it reads, by itself or through views, sorted.
        asset: the asset a query of sql/checks/ is a check of; empty elsewhere.
        recent: of a check, the column of each table that says which rows are new: a day, or ``query_id`` where rows of
            new queries are. A check without any looks at all rows.
        views: the statements of the views it names, each after those that it names itself.
    """

    name: str
    text: str
    purpose: str
    grain: str
    params: tuple[str, ...]
    columns: tuple[str, ...]
    reads: tuple[str, ...]
    asset: str = ""
    recent: Mapping[str, str] = field(default_factory=dict)
    views: Mapping[str, str] = field(default_factory=dict)

    @property
    def statement(self) -> str:
        """What is run: the text without its comments, the views it names as common table expressions before it."""
        code = _code(self.text)
        if not self.views:
            return code
        before = ", ".join(f"{view} as ({body})" for view, body in self.views.items())
        own = re.match(r"\s*with\b", code)
        return f"with {before}, {code[own.end() :]}" if own else f"with {before} {code}"

    def columns_of(self, table: str) -> tuple[str, ...]:
        """The columns of ``table`` it may read: those whose name occurs anywhere in it. No statement says ``*``."""
        words = set(re.findall(r"\w+", self.statement))
        schema = TABLES[table].schema
        return tuple(name for name in schema if name in words) or tuple(schema)  # a mere count needs rows all the same


def sql_root(wheel: Path = _IN_WHEEL, checkout: Path = _IN_CHECKOUT) -> Path:
    """The folder of SQL files: inside the installed package, else at the repository's root."""
    return wheel if wheel.is_dir() else checkout


def names(root: Path | None = None) -> tuple[str, ...]:
    """Every query name, sorted."""
    base = root or sql_root()
    found = (p.relative_to(base).with_suffix("").as_posix() for p in base.rglob("*.sql"))
    return tuple(sorted(name for name in found if not name.endswith(".bad")))


def load(name: str, root: Path | None = None) -> Query:
    """The query called ``name``.

    Raises:
        TableError: for an unknown name; lists the nearest known ones.
    """
    return _load(name, root or sql_root())


@cache
def _load(name: str, root: Path) -> Query:
    path = root / f"{name}.sql"
    if name not in names(root):
        near = difflib.get_close_matches(name, names(root), n=3) or list(names(root))
        raise TableError(f"no query {name!r} under {root}; nearest known: {near}")
    text = path.read_text(encoding="utf-8")
    header = _header(text)
    views = _views(_code(text), root)
    named = _named(_code(text)).union(*map(_named, views.values()))
    return Query(
        name=name,
        text=text,
        purpose=text.splitlines()[0].removeprefix("--").strip(),
        grain=header.get("grain", ""),
        params=_listed(header.get("params", "")),
        columns=_listed(header.get("columns", "")),
        reads=tuple(sorted(named & TABLES.keys())),
        asset=header.get("asset", ""),
        recent=dict(part.split(".") for part in _listed(header.get("recent", ""))),
        views=views,
    )


def _code(text: str) -> str:
    """The statement without its comments."""
    return re.sub(r"--.*", "", text)


def _named(code: str) -> set[str]:
    """What stands behind ``from`` and ``join``: tables, views, common table expressions."""
    return set(re.findall(r"\b(?:from|join)\s+(\w+)", code))


def _views(code: str, root: Path) -> dict[str, str]:
    """The statements of the views that ``code`` names, each after those that it names itself."""
    known = {name.removeprefix(VIEWS) for name in names(root) if name.startswith(VIEWS)}
    found: dict[str, str] = {}
    for view in sorted(_named(code) & known):
        body = _code((root / VIEWS / f"{view}.sql").read_text(encoding="utf-8"))
        found |= {**_views(body, root), view: body}
    return found


def _header(text: str) -> dict[str, str]:
    """``{"grain": ..., "params": ..., "columns": ...}``; a value may go on over indented comment lines."""
    found: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        body = line.removeprefix("--")
        opened = re.match(r" (Grain|Params|Columns|Asset|Recent):\s*(.*)", body)
        if opened:
            key = opened[1].lower()
            found[key] = opened[2].strip()
        elif key:
            found[key] = f"{found[key]} {body.strip()}".strip()
    return found


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip().removeprefix("$") for part in value.split(",") if part.strip() not in {"", "none"})
