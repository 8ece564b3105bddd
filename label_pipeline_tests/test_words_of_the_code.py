"""One meaning a word: no class name stands twice, no docstring says nothing, and the glossary has each word once."""

import ast
import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "label_pipeline").rglob("*.py"))}
GLOSSARY = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")

CARRYING = {
    "Anchor", "Baseline", "Books", "Boundary", "Canary", "Champion", "Epoch", "Gold", "Holdout", "Judge", "Lane",
    "Ledger", "Look", "Member", "Recall", "Seed", "Standing", "Unreadable", "Verdict",
}  # fmt: skip
"""Words a newcomer must know; others may be explained too."""

DANGLING = re.compile(r"(?:Of|Both|Likewise|Ditto|The same|As)\b[^,:]{0,40}\.")
"""A docstring that only goes on from another one: read alone it says nothing."""


def classes(tree: ast.AST) -> list[str]:
    return [node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]


def docstrings(tree: ast.AST) -> list[str]:
    """Every docstring, and every string that documents the assignment before it."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)]
    return [
        node.value.value for node in nodes if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    ]


def headwords(page: str) -> list[str]:
    return re.findall(r"^- \*\*([^*]+)\*\*:", page, flags=re.MULTILINE)


def test_no_class_name_is_defined_twice() -> None:
    counted = Counter(name for tree in TREES.values() for name in classes(tree))
    assert len(counted) > 200, "nothing was found, so nothing was tested"
    assert {name for name, times in counted.items() if times > 1} == set()


def test_every_module_opens_with_a_whole_sentence() -> None:
    openings = {
        str(path.relative_to(ROOT)): (ast.get_docstring(tree) or "").split("\n\n")[0] for path, tree in TREES.items()
    }
    assert {
        name for name, text in openings.items() if len(text.split()) < 4 or not text.endswith((".", "?", ":"))
    } == set()


def test_every_docstring_can_be_understood_alone() -> None:
    found = {text for tree in TREES.values() for text in docstrings(tree) if DANGLING.fullmatch(text)}
    assert found == set()
    assert DANGLING.fullmatch("Of no content there is.")
    assert DANGLING.fullmatch("Both.")
    assert not DANGLING.fullmatch("Both judges' evidence, named together so that the same look is recognised.")


def test_the_glossary_has_each_word_once_and_all_that_carry_the_design() -> None:
    words = headwords(GLOSSARY)
    assert [word for word, times in Counter(words).items() if times > 1] == []
    assert set(words) >= CARRYING
    assert "docs/glossary.md" in (ROOT / "README.md").read_text(encoding="utf-8")
