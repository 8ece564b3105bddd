"""Every fault that can be planted in a module, one small change of its syntax tree each.

A fault is an edit of the source text at the place of a node, so that nothing else of the file changes, no line moves
and a person can read what was changed. Left alone: docstrings, annotations, decorators, f-strings, what a ``raise``
says, ``__all__``. Keep out: which faults are tried (sample.py), what each kind changes (kinds.py).
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from label_pipeline_tests.mutation import kinds

Statement = (ast.stmt, ast.ExceptHandler)


@dataclass(frozen=True)
class Fault:
    """One planted change.

    Attributes:
        path: of the module, from the root of the repository.
        line: where the change is.
        ran: first and last line of the statement it is in; a tracer sees one of them when it is executed.
        kind: what sort of change, a word of kinds.py.
        start: first byte that is replaced.
        end: first byte after.
        before: the bytes as text.
        after: what stands there instead.
        context: the whole line before the change, stripped.
    """

    path: str
    line: int
    ran: tuple[int, int]
    kind: str
    start: int
    end: int
    before: str
    after: str
    context: str

    @property
    def change(self) -> str:
        """The change in one line."""
        before, after = (" ".join(text.split()) for text in (self.before, self.after))
        return f"{before} → {after or 'nothing'}"

    def planted(self, source: bytes) -> bytes:
        """``source`` with the fault in it."""
        return source[: self.start] + self.after.encode() + source[self.end :]


def faults(path: str, source: bytes) -> list[Fault]:
    """Every fault of a module, in the order of the text; none that does not compile or changes nothing."""
    tree = ast.parse(source)
    kept, seen = [], {ast.dump(tree)}
    lines = source.decode().splitlines()
    text = kinds.Text(source, tuple(accumulate((len(line) for line in source.splitlines(keepends=True)), initial=0)))
    for node, statement, parents in _nodes(tree, None, ()):
        for edit in kinds.edits(node, parents, text):
            line = source[: edit.start].count(b"\n") + 1
            fault = Fault(
                path, line, _header(statement), edit.kind, edit.start, edit.end,
                source[edit.start : edit.end].decode(), edit.after, lines[line - 1].strip(),
            )  # fmt: skip
            changed = _parsed(fault.planted(source))
            if changed is not None and changed not in seen:
                seen.add(changed)
                kept.append(fault)
    return sorted(kept, key=lambda fault: (fault.start, fault.end, fault.after))


def _parsed(source: bytes) -> str | None:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return None


def _header(statement: ast.AST) -> tuple[int, int]:
    """The lines that are executed before what a compound statement holds."""
    first = int(getattr(statement, "lineno", 1))
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else int(getattr(statement, "end_lineno", first))
    return first, max(first, last)


def _nodes(
    node: ast.AST, statement: ast.AST | None, parents: tuple[ast.AST, ...]
) -> Iterator[tuple[ast.AST, ast.AST, tuple[ast.AST, ...]]]:
    """Every node that may be changed, with its statement and what it stands in, the nearest last."""
    if isinstance(node, Statement):
        statement = node
    if statement is not None:
        yield node, statement, parents
    for child in _children(node):
        yield from _nodes(child, statement, (*parents, node))


def _children(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.JoinedStr | ast.Raise | ast.Import | ast.ImportFrom):
        return  # text, and what has no behaviour of its own; the raise itself was yielded
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
        return
    for field, value in ast.iter_fields(node):
        if field in {"annotation", "returns", "decorator_list", "bases", "ctx", "op", "ops"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST) and not _is_docstring(child):
                yield child


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
