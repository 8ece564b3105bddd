"""The repository keeps its shape: what is loaded by what, what is named where, what may not be in any file.

The layers themselves are import contracts in pyproject.toml; here is what those cannot see.
"""

import ast
import importlib.util
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

import pytest

from label_pipeline.core.tables import STAGE_ORDER
from label_pipeline.stages import STAGES
from label_pipeline_tests.conftest import LONGEST

ROOT = Path(__file__).parents[1]
NOT_OURS = {".git", ".venv", ".runs", "__pycache__", "dist", "build", "shared"}
FRAMEWORKS = {
    "aiohttp", "dagster", "deltalake", "duckdb", "great_expectations", "httpx", "lightgbm", "matplotlib", "mlflow",
    "openai", "pandas", "pydantic", "sklearn", "sqlalchemy", "sqlite3", "typer",
}  # fmt: skip
SLOW = {"great_expectations", "lightgbm", "matplotlib", "mlflow", "sklearn"}
"""Three to seven CPU seconds each: whoever needs one imports it where it is used."""


def files(*endings: str) -> list[Path]:
    """Every file of the repository with one of these endings; without endings, every file."""
    found: list[Path] = []
    for folder, inside, names in os.walk(ROOT):
        inside[:] = [name for name in inside if name not in NOT_OURS and not name.endswith(("_cache", ".egg-info"))]
        found += [Path(folder) / name for name in names if not endings or name.endswith(endings)]
    return sorted(found)


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


MODULES = [path for path in files(".py") if path.is_relative_to(ROOT / "label_pipeline")]
MARKDOWN = files(".md")


# what is loaded by what


def loaded_by(statement: str) -> set[str]:
    """Top-level modules a fresh interpreter has loaded after ``statement``."""
    code = (
        f"import sys, pkgutil, importlib\n{statement}\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def all_of(package: str) -> str:
    """A statement that imports every module of ``package``."""
    return (
        f"top = importlib.import_module({package!r})\n"
        f"for found in pkgutil.walk_packages(top.__path__, {package + '.'!r}): importlib.import_module(found.name)"
    )


@pytest.mark.outside
def test_the_stages_load_no_framework_database_or_network_client() -> None:
    loaded = loaded_by(all_of("label_pipeline.stages"))
    assert {"numpy", "polars"} <= loaded, "nothing was loaded, so nothing was tested"
    assert loaded & FRAMEWORKS == set()


@pytest.mark.outside
def test_core_loads_numpy_scipy_and_polars_and_nothing_else() -> None:
    theirs = loaded_by("import numpy, polars, scipy.linalg, scipy.optimize, scipy.special, scipy.stats")
    assert loaded_by(all_of("label_pipeline.core")) - theirs - sys.stdlib_module_names == {"label_pipeline"}


@pytest.mark.outside
@pytest.mark.parametrize("entry", ["label_pipeline.definitions", "label_pipeline.cli"])
def test_an_entry_point_loads_in_a_fresh_interpreter_and_nothing_slow_with_it(entry: str) -> None:
    loaded = loaded_by(f"import {entry}")
    assert "label_pipeline" in loaded
    assert loaded & SLOW == set()


# one word finds everything


def test_stages_are_the_first_of_the_design_in_its_order() -> None:
    assert STAGE_ORDER[: len(STAGES)] == STAGES


PLACES = {
    "its rule": "label_pipeline/stages/{}",
    "its steps": "label_pipeline/operations/{}",
    "its wiring": "label_pipeline/defs/assets/{}.py",
    "its SQL": "sql/{}/",
    "the tests of its rule": "label_pipeline_tests/stages/{}",
    "the tests of its steps": "label_pipeline_tests/operations/test_{}",
}
"""What of a stage is where: `git ls-files | grep gate` finds it all."""

CONCERNS = {
    "canary": "anchor", "drift": "anchor", "recall": "anchor", "epochs": "anchor", "recalibrate": "gate",
    "renewal": "gate", "watch": "anchor",
}  # fmt: skip
"""Words for a part of a stage that people look for by that word: a module of the name is found without the stage's."""


@pytest.mark.parametrize("place", PLACES)
def test_of_every_stage_each_part_is_found_by_its_name(place: str) -> None:
    named = {shown(path) for path in files(".py", ".sql")}
    absent = [stage for stage in STAGES if not any(name.startswith(PLACES[place].format(stage)) for name in named)]
    assert absent == []


@pytest.mark.parametrize("folder", ["label_pipeline/stages", "label_pipeline/defs/assets"])
def test_only_stages_that_exist_have_a_place_and_no_file_is_empty(folder: str) -> None:
    names = {path.stem for path in (ROOT / folder).iterdir() if not path.name.startswith("_")}
    assert names - {"watch"} == set(STAGES), "watch follows them all, and is no stage of the graph"


def rules_used(path: Path) -> set[str]:
    """The stages whose rules a module imports by the name of their package."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "label_pipeline.stages":
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("label_pipeline.stages."):
            found.add(str(node.module).split(".")[2])
    return found & set(STAGES)


def test_an_operation_is_found_by_a_stage_whose_rules_it_uses() -> None:
    """Every step that applies a stage's rules carries the word of one of them, or of a concern of it."""
    lost = {}
    for path in MODULES:
        if path.is_relative_to(ROOT / "label_pipeline/operations"):
            words = set(re.split(r"[/_.]", shown(path))) | {CONCERNS.get(w, w) for w in re.split(r"[/_.]", shown(path))}
            used = rules_used(path)
            if used and not used & words:
                lost[shown(path)] = used
    assert lost.keys() <= {"label_pipeline/operations/project.py"}, "project.py knows the policy of the gate"


def test_only_benchmarks_read_the_processor_s_clock() -> None:
    """A test that demands a speed fails on a slow machine and says nothing there about the code."""
    clocks = re.compile(r"\b(?:process_time|perf_counter|thread_time)\b")
    tests = [path for path in files(".py") if path.is_relative_to(ROOT / "label_pipeline_tests")]
    found = {
        shown(path) for path in tests if path != Path(__file__) and clocks.search(path.read_text(encoding="utf-8"))
    }
    assert {path for path in found if not path.startswith("label_pipeline_tests/benchmarks/")} == set()


def test_names_of_dagster_that_are_not_public_stand_in_one_file() -> None:
    private = re.compile(r"^\s*(?:from|import) dagster\._", re.MULTILINE)
    users = {shown(path) for path in MODULES if private.search(path.read_text(encoding="utf-8"))}
    assert users == {"label_pipeline/defs/dagster_private.py"}


@pytest.mark.outside
def test_the_operations_load_without_dagster() -> None:
    loaded = loaded_by(all_of("label_pipeline.operations"))
    assert {"polars", "deltalake"} <= loaded, "nothing was loaded, so nothing was tested"
    assert loaded & {"dagster", "dagster_aws"} == set()


def test_sql_has_folders_of_stages_the_checks_and_the_views() -> None:
    assert {path.name for path in (ROOT / "sql").iterdir()} <= {*STAGES, "checks", "views"}


# every module says what it is


def without_a_sentence(modules: Iterable[Path]) -> dict[Path, str]:
    """Modules that do not open by saying what lives in them, and what they open with."""
    openings = {
        path: (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n\n")[0]
        for path in modules
    }
    return {
        path: said for path, said in openings.items() if len(said.split()) < 3 or not said.endswith((".", "?", ":"))
    }


def too_long(modules: Iterable[Path], most: int = 300) -> dict[Path, int]:
    """Modules past this many lines, and how many they have: there is a second idea in them."""
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in modules}
    return {path: length for path, length in lengths.items() if length > most}


def test_a_module_opens_with_a_sentence() -> None:
    assert len(MODULES) > 200
    assert {shown(path): said for path, said in without_a_sentence(MODULES).items()} == {}


def test_a_module_holds_one_idea() -> None:
    assert {shown(path): length for path, length in too_long(MODULES).items()} == {}, "split at the second idea"


def test_every_offender_is_listed(tmp_path: Path) -> None:
    texts = {
        "none": "",
        "one_word": '"""Word."""',
        "unended": '"""It says what lives"""',
        "good": '"""What lives here."""',
    }
    texts["long"] = '"""What lives here."""' + "\n" * 300 + "pass"
    paths = {name: tmp_path / name for name in texts}
    for name, text in texts.items():
        paths[name].write_text(text)
    assert set(without_a_sentence(paths.values())) == {paths[name] for name in ("none", "one_word", "unended")}
    assert too_long(paths.values()) == {paths["long"]: 301}


# Markdown names what there is


def named_paths(text: str) -> set[str]:
    """Paths in backticks (outside code blocks) and link targets."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    spans = {word for span in re.findall(r"`([^`]+)`", prose) for word in span.split()}
    links = set(re.findall(r"\]\(([^)#:\s]+)\)", prose))
    ending = r"\.(?:cfg|csv|ini|json|lock|md|py|sh|sql|toml|txt|yaml|yml)"
    return links | {word for word in spans if re.fullmatch(rf"[\w.*-]+(?:/[\w.*-]+)*(?:/|{ending})", word)}


def test_a_page_names_only_files_that_exist() -> None:
    assert len(MARKDOWN) > 5
    named = [(page, name) for page in MARKDOWN for name in named_paths(page.read_text(encoding="utf-8")) - {".runs/"}]
    absent = [
        f"{shown(page)}: {name}"
        for page, name in named
        if not any(list(base.glob(name.rstrip("/"))) for base in (ROOT, page.parent))
    ]
    assert absent == []


def test_a_path_in_prose_is_seen_and_one_in_a_code_block_is_not() -> None:
    text = "See `sql/` and [this](docs/a.md), run `python x/y.py`, not `a/b` or `q.word`.\n```\n`my/own.csv`\n```\n"
    assert named_paths(text) == {"sql/", "docs/a.md", "x/y.py"}


def test_a_page_names_only_modules_and_targets_that_exist() -> None:
    rules = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    absent = []
    for page in MARKDOWN:
        text = page.read_text(encoding="utf-8")
        modules = set(re.findall(r"python -m (label_pipeline[\w.]*)", text))
        absent += [f"{shown(page)}: {name}" for name in modules if importlib.util.find_spec(name) is None]
        targets = re.findall(r"(?:^|[`&;] ?|settings\.yaml )make (?:\w+=\S+ )?([a-z-]+)", text, flags=re.MULTILINE)
        absent += [f"{shown(page)}: make {name}" for name in set(targets) - rules]
    assert absent == []


# the order of tests


def test_the_files_that_begin_first_exist() -> None:
    assert [name for name in LONGEST if not (ROOT / "label_pipeline_tests" / name).is_file()] == []


# what may not be in any file

# written in pieces, so that this file does not hold what it forbids
REGISTRY = re.compile(
    "|".join(
        [
            "py" + r"pi\.", "python" + "hosted", "ana" + r"conda\.(?:org|com)", "npm" + r"js\.", "crates" + r"\.io",
            "(?:--|UV_|PIP_)(?:extra[-_])?index" + "[-_]url", "--find" + "-links",
            "arti" + "factory", "proxy.go" + "lang",
        ]
    ),
    re.IGNORECASE,
)  # fmt: skip


def test_no_file_names_the_address_of_a_package_registry() -> None:
    texts = {path: path.read_text(encoding="utf-8", errors="ignore") for path in files()}
    assert len(texts) > 100
    assert {shown(path): found[0] for path, text in texts.items() if (found := REGISTRY.search(text))} == {}
    assert REGISTRY.search("pip install --index" + "-url x")
    assert REGISTRY.search("https://files.python" + "hosted.org/packages")


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "Makefile"])
def test_what_installs_the_project_holds_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"\w+://[\w.-]+", text) == []


def test_the_lock_holds_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    pinned = re.findall(r"^[\w.\[\]-]+==.*?(?=^\S|\Z)", lock, flags=re.DOTALL | re.MULTILINE)
    assert len(pinned) > 50
    assert [entry.split()[0] for entry in pinned if "--hash=sha256:" not in entry] == []


# dependencies


def test_every_dependency_has_its_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    project = tomllib.loads(text)
    wanted = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    assert len(wanted) > 30
    lines = text.splitlines()
    unexplained = [
        name for name in wanted if not any(re.match(rf'\s+"{re.escape(name)}",\s+# .{{5,}}', line) for line in lines)
    ]
    assert unexplained == []
