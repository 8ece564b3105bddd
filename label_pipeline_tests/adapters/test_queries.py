"""The loader of sql/: names, headers, and the two places it finds the folder in."""

from pathlib import Path

import pytest

from label_pipeline.adapters import queries
from label_pipeline.core.errors import TableError

ROOT = Path(__file__).parents[2]
TEXT = """-- Which grades there are.
-- Grain:   one row per grade
-- Params:  $least, $most
-- Columns: grade, pairs,
--          share
-- Asset:   gold_labels
-- A remark that is no key goes on with the asset.
with counted as (select g.gold_grade as grade from gold as g) -- from labels: only a remark
select c.grade, 1 as pairs, 0.5 as share
from counted as c
left join splits as s on c.grade is distinct from s.split
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "gate").mkdir()
    (tmp_path / "checks").mkdir()
    (tmp_path / "gate" / "grades.sql").write_text(
        TEXT.replace("-- A remark that is no key goes on with the asset.\n", "")
    )
    (tmp_path / "gate" / "one_number.sql").write_text(
        "-- One.\n-- Grain:   one row\n-- Params:  none\nselect 1 as one\n"
    )
    (tmp_path / "checks" / "twice.sql").write_text("-- Twice.\nselect 1 as one\n")
    (tmp_path / "checks" / "twice.bad.sql").write_text("-- Plants: One.\ninsert into gold select 1\n")
    return tmp_path


def test_names_are_paths_without_planted_offenders(folder: Path) -> None:
    assert queries.names(folder) == ("checks/twice", "gate/grades", "gate/one_number")


def test_every_file_of_the_repository_has_a_name() -> None:
    found = {path.relative_to(ROOT / "sql").as_posix() for path in (ROOT / "sql").rglob("*") if path.is_file()}
    questions = {name for name in found if not name.endswith(".bad.sql")}
    assert questions == {f"{name}.sql" for name in queries.names()}
    assert len(questions) >= 20


def test_a_header_is_read_over_several_lines(folder: Path) -> None:
    query = queries.load("gate/grades", folder)
    assert query.purpose == "Which grades there are."
    assert query.grain == "one row per grade"
    assert query.params == ("least", "most")
    assert query.columns == ("grade", "pairs", "share")
    assert query.asset == "gold_labels"
    assert query.text == (folder / "gate" / "grades.sql").read_text()


def test_tables_are_the_declared_ones_it_reads_and_not_those_of_a_remark(folder: Path) -> None:
    assert queries.load("gate/grades", folder).reads == ("gold", "splits")


def test_none_means_no_parameters(folder: Path) -> None:
    query = queries.load("gate/one_number", folder)
    assert (query.params, query.columns, query.reads, query.asset) == ((), (), (), "")


def test_an_unknown_name_lists_the_nearest_known_ones(folder: Path) -> None:
    with pytest.raises(TableError, match=r"no query 'gate/grade' under .*; nearest known: \['gate/grades'"):
        queries.load("gate/grade", folder)
    with pytest.raises(TableError, match=r"nearest known: .*gate/one_number"):
        queries.load("???", folder)


def test_a_planted_offender_is_no_question(folder: Path) -> None:
    with pytest.raises(TableError, match=r"no query 'checks/twice\.bad'"):
        queries.load("checks/twice.bad", folder)


def test_the_folder_inside_an_installed_package_is_preferred(tmp_path: Path) -> None:
    wheel, checkout = tmp_path / "wheel", tmp_path / "checkout"
    checkout.mkdir()
    assert queries.sql_root(wheel, checkout) == checkout
    wheel.mkdir()
    assert queries.sql_root(wheel, checkout) == wheel


def test_in_a_checkout_it_is_the_one_at_the_root() -> None:
    assert queries.sql_root() == ROOT / "sql"
