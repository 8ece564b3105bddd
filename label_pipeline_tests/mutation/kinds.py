"""The kinds of faults: what each does to one node of the syntax tree, as an edit of the text.

An edit may turn out not to compile or to change nothing; faults.py leaves those out.
"""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

COMPARE = {
    "<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "==", "in": "not in", "not in": "in", "is": "is not",
    "is not": "is",
}  # fmt: skip
ARITHMETIC = {"+": "-", "-": "+", "*": "/", "/": "*", "//": "/", "**": "*", "&": "|", "|": "&"}
NAMES = {
    "min": "max", "any": "all", "max_horizontal": "min_horizontal", "floor": "ceil", "above": "below",
    "bootstrap_t_upper": "bootstrap_t_lower",
}  # fmt: skip
NAMES |= {after: before for before, after in NAMES.items()}
WORDS = {"first": "last", "last": "first", "semi": "anti", "anti": "semi", "left": "inner"}
"""Values of ``keep=`` and ``how=``."""

STEPS = {"sort", "unique", "filter", "drop_nulls", "fill_null", "over", "drop", "join", "cast"}
"""Methods of a frame or column that give back one of the same kind: a step that can be left out."""

OPTIONAL = {"where", "default", "lane", "generation", "edited", "served", "cap_usd", "inside", "nulls_last"}
"""Keyword arguments that can be left out without an error of Python's."""


class Text(NamedTuple):
    """The source as bytes, and where each line begins."""

    source: bytes
    lines: tuple[int, ...]

    def start(self, node: ast.AST) -> int:
        return self._at(node, "lineno", "col_offset")

    def end(self, node: ast.AST) -> int:
        return self._at(node, "end_lineno", "end_col_offset")

    def of(self, node: ast.AST) -> str:
        return self.source[self.start(node) : self.end(node)].decode()

    def _at(self, node: ast.AST, line: str, column: str) -> int:
        return self.lines[int(getattr(node, line)) - 1] + int(getattr(node, column))


class Edit(NamedTuple):
    """Bytes ``start`` to ``end`` become ``after``."""

    kind: str
    start: int
    end: int
    after: str


Parents = tuple[ast.AST, ...]


def edits(node: ast.AST, parents: Parents, text: Text) -> Iterator[Edit]:
    """Every edit at this one node."""
    for types, plant in PLANTERS:
        if isinstance(node, types):
            yield from plant(node, parents, text)


def _compare(node: ast.Compare, parents: Parents, text: Text) -> Iterator[Edit]:
    sides = [node.left, *node.comparators]
    for left, right in pairwise(sides):
        yield from _between("comparison", left, right, COMPARE, text)


def _arithmetic(node: ast.BinOp, parents: Parents, text: Text) -> Iterator[Edit]:
    if not (_is_text(node.left) or _is_text(node.right)):
        yield from _between("operator", node.left, node.right, ARITHMETIC, text)


def _boolean(node: ast.BoolOp, parents: Parents, text: Text) -> Iterator[Edit]:
    for left, right in pairwise(node.values):
        yield from _between("and / or", left, right, {"and": "or", "or": "and"}, text)


def _between(kind: str, left: ast.AST, right: ast.AST, words: dict[str, str], text: Text) -> Iterator[Edit]:
    """The operator that stands between two nodes becomes another one."""
    start, end = text.end(left), text.start(right)
    gap = text.source[start:end].decode()
    longest = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    if found := re.search(longest, re.sub(r"\s", " ", gap)):
        yield Edit(kind, start + found.start(), start + found.end(), words[found[0]])


def _negation(node: ast.UnaryOp, parents: Parents, text: Text) -> Iterator[Edit]:
    if isinstance(node.op, ast.Not | ast.Invert):
        word = 3 if isinstance(node.op, ast.Not) else 1
        yield Edit("dropped not", text.start(node), text.start(node) + word, "")


def _condition(node: ast.If | ast.While, parents: Parents, text: Text) -> Iterator[Edit]:
    start, end = text.start(node.test), text.end(node.test)
    yield Edit("negated condition", start, end, f"not ({text.of(node.test)})")


def _either(node: ast.IfExp, parents: Parents, text: Text) -> Iterator[Edit]:
    if _is_text(node.body) and _is_text(node.orelse):
        return
    middle = text.source[text.end(node.body) : text.start(node.orelse)].decode()
    swapped = f"({text.of(node.orelse)}){middle}({text.of(node.body)})"
    yield Edit("swapped branches", text.start(node), text.end(node), swapped)


def _constant(node: ast.Constant, parents: Parents, text: Text) -> Iterator[Edit]:
    keyword = parents[-1] if isinstance(parents[-1], ast.keyword) else None
    start, end = text.start(keyword or node), text.end(node)
    name = f"{keyword.arg}=" if keyword else ""
    if isinstance(node.value, bool):
        yield Edit("flag", start, end, f"{name}{not node.value}")
    elif isinstance(node.value, int):
        for other in (node.value + 1, node.value - 1):
            yield Edit("number", start, end, f"{name}{other}")
    elif isinstance(node.value, float):
        yield Edit("number", start, end, f"{name}{node.value * 1.5 or 1.0}")
    elif isinstance(node.value, str) and name in {"keep=", "how="} and node.value in WORDS:
        yield Edit("keep or how", start, end, f'{name}"{WORDS[node.value]}"')


def _call(node: ast.Call, parents: Parents, text: Text) -> Iterator[Edit]:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    if name in NAMES:
        end = text.end(called)
        yield Edit("other function", end - len(name), end, NAMES[name])
    if isinstance(called, ast.Attribute) and name in STEPS and not _is_other_join(node, called):
        yield Edit("dropped step", text.start(node), text.end(node), text.of(called.value))
    if name in STEPS and len(node.args) > 1:
        yield from _dropped("dropped argument", node.args, text)
    given: list[ast.AST] = [*node.args, *node.keywords]
    edits_of = dict(zip(given, _dropped("dropped argument", given, text), strict=False))
    yield from (edits_of[word] for word in node.keywords if word.arg in OPTIONAL and word in edits_of)


def _is_other_join(node: ast.Call, called: ast.Attribute) -> bool:
    """A call of the same name on no frame: of numpy, of text, of a thread."""
    on_numpy = isinstance(called.value, ast.Name) and called.value.id == "np"
    return on_numpy or _is_text(called.value) or not (node.args or called.attr != "join")


def _literal(node: ast.Tuple | ast.List | ast.Set | ast.Dict, parents: Parents, text: Text) -> Iterator[Edit]:
    if isinstance(node, ast.Dict):
        if None not in node.keys:
            pairs = [
                (text.start(key), text.end(value)) for key, value in zip(node.keys, node.values, strict=True) if key
            ]
            yield from _dropped_places("dropped element", pairs)
        return
    read = isinstance(getattr(node, "ctx", ast.Load()), ast.Load) and not isinstance(parents[-1], ast.Subscript)
    if read and len(node.elts) > (2 if isinstance(node, ast.Tuple) else 1):
        yield from _dropped("dropped element", node.elts, text)


def _dropped(kind: str, nodes: Sequence[ast.AST], text: Text) -> Iterator[Edit]:
    yield from _dropped_places(kind, [(text.start(node), text.end(node)) for node in nodes])


def _dropped_places(kind: str, places: Sequence[tuple[int, int]]) -> Iterator[Edit]:
    """Each of several things between commas left out, one at a time."""
    for number, (start, end) in enumerate(places):
        if number + 1 < len(places):
            yield Edit(kind, start, places[number + 1][0], "")
        elif number:
            yield Edit(kind, places[number - 1][1], end, "")


def _statement(node: ast.stmt, parents: Parents, text: Text) -> Iterator[Edit]:
    early = isinstance(node, ast.Return) and not isinstance(parents[-1], ast.FunctionDef | ast.AsyncFunctionDef)
    stored = isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript | ast.Attribute)
    called = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.Await | ast.YieldFrom)
    if early or stored or called or isinstance(node, ast.Raise | ast.AugAssign | ast.Continue):
        yield Edit("dropped statement", text.start(node), text.end(node), "pass")


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


Planter = Callable[..., Iterator[Edit]]
PLANTERS: tuple[tuple[type[ast.AST] | tuple[type[ast.AST], ...], Planter], ...] = (
    (ast.Compare, _compare),
    (ast.BinOp, _arithmetic),
    (ast.BoolOp, _boolean),
    (ast.UnaryOp, _negation),
    ((ast.If, ast.While), _condition),
    (ast.IfExp, _either),
    (ast.Constant, _constant),
    (ast.Call, _call),
    ((ast.Tuple, ast.List, ast.Set, ast.Dict), _literal),
    (ast.stmt, _statement),
)
