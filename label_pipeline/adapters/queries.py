"""Load the questions of sql/: one statement a file, its name is its path.

A file opens with a header of ``-- Key: value`` comments (purpose, Grain, Params, Columns, Asset), which
label_pipeline_tests/sql checks against DuckDB's own parser. ``checks/<name>.bad.sql`` is no question: it plants the
offender that its check must find. Keep out: running them (adapters/store.py).
"""

import difflib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from label_pipeline.core.catalogue import TABLES
from label_pipeline.core.errors import TableError

_HERE = Path(__file__).resolve()
_IN_WHEEL = _HERE.parents[1] / "sql"
_IN_CHECKOUT = _HERE.parents[2] / "sql"


@dataclass(frozen=True)
class Query:
    """One SQL statement and what its header promises.

    Attributes:
        name: path below sql/ without the ending, e.g. ``gate/holdout_pairs``.
        text: the statement, unedited.
        purpose: first header line.
        grain: what one row of the result is.
        params: names of the ``$name`` parameters.
        columns: result columns, in order.
        reads: declared tables it reads, sorted.
        asset: the asset a query of sql/checks/ is a check of; empty elsewhere.
    """

    name: str
    text: str
    purpose: str
    grain: str
    params: tuple[str, ...]
    columns: tuple[str, ...]
    reads: tuple[str, ...]
    asset: str = ""

    def columns_of(self, table: str) -> tuple[str, ...]:
        """The columns of ``table`` it may read: those whose name occurs anywhere in it. No statement says ``*``."""
        words = set(re.findall(r"\w+", _code(self.text)))
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
    return Query(
        name=name,
        text=text,
        purpose=text.splitlines()[0].removeprefix("--").strip(),
        grain=header.get("grain", ""),
        params=_listed(header.get("params", "")),
        columns=_listed(header.get("columns", "")),
        reads=tuple(sorted(set(re.findall(r"\b(?:from|join)\s+(\w+)", _code(text))) & TABLES.keys())),
        asset=header.get("asset", ""),
    )


def _code(text: str) -> str:
    """The statement without its comments."""
    return re.sub(r"--.*", "", text)


def _header(text: str) -> dict[str, str]:
    """``{"grain": ..., "params": ..., "columns": ...}``; a value may go on over indented comment lines."""
    found: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        if not line.startswith("--"):
            break
        body = line.removeprefix("--")
        opened = re.match(r" (Grain|Params|Columns|Asset):\s*(.*)", body)
        if opened:
            key = opened[1].lower()
            found[key] = opened[2].strip()
        elif key:
            found[key] = f"{found[key]} {body.strip()}".strip()
    return found


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip().removeprefix("$") for part in value.split(",") if part.strip() not in {"", "none"})
