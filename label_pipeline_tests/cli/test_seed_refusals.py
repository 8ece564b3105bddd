"""What `seed draw`, `export` and `import` refuse: a sentence, an exit code, nothing half-written or overwritten."""

from pathlib import Path

import polars as pl
import pytest

from label_pipeline.cli.seed_folder import SeedFolder
from label_pipeline.core.errors import SettingsError
from label_pipeline_tests.adapters.test_search import Engine, hits, running
from label_pipeline_tests.cli.commands import Shell
from label_pipeline_tests.cli.drawing import DRAW, drawable, files, filled, seed


@pytest.fixture
def folder(shell: Shell) -> Path:
    return drawable(shell)


def test_an_endpoint_that_is_down_is_5_and_nothing_is_written(shell: Shell, folder: Path) -> None:
    engine = Engine([lambda: hits()()])
    with running(engine) as url:
        broken = url.replace("/find", "/gone")
        end = seed(shell, folder, *DRAW, "--endpoint", f"live={broken}")
    assert end.code == 5
    assert "answered 404, expected 200" in end.err
    assert not (folder / "seed").exists()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((*DRAW, "--spread", "infinite.csv"), "a spread is negative, no number or missing"),
        (("seed", "import", "x.json"), "holds no draw.csv"),
        (("seed", "import", "x.xlsx"), "expected Label Studio's JSON export (.json) or a filled sheet"),
        ((*DRAW, "--spread", "strata.csv"), "names no stratum of this log"),
        ((*DRAW, "--endpoint", "live=http://[bad/{query}"), "the address must begin with http"),
        (("seed", "export", "--tool", "prodigy"), "expected one of label-studio, csv"),
        (("seed", "export"), "holds no draw.csv"),
        ((*DRAW, "--by", "luck"), "expected traffic or queries"),
        ((*DRAW, "--near", "3"), "expected --top <= --near"),
        ((*DRAW, "--endpoint", "no-equals"), "expected NAME=VALUE"),
        ((*DRAW, "--spread", "none.csv"), "cannot be used"),
        ((*DRAW, "--log-column", "query=nope"), "no column 'nope' for query_log"),
        ((*DRAW, "--graders", "4"), "3 annotators are named and some pairs need 4"),
    ],
)
def test_a_mistake_is_2_and_one_sentence(shell: Shell, folder: Path, arguments: tuple[str, ...], told: str) -> None:
    (shell.folder / "x.json").write_text("[]")
    (shell.folder / "infinite.csv").write_text(
        "task,collection,language_group,band,spread\nrelevance,main,unknown,head,nan\n"
    )
    (shell.folder / "strata.csv").write_text("task,collection,language_group,band,spread\nrelevance,main,en,haed,1\n")
    end = seed(shell, folder, *arguments)
    assert end.code == 2, end.said
    assert told in end.err
    assert not (folder / "seed" / "draw.csv").exists()


def test_what_somebody_else_wrote_is_never_written_over(shell: Shell, folder: Path) -> None:
    before = (folder / "queries.csv").read_text()
    end = seed(shell, folder, *DRAW, "--out", folder)
    assert end.code == 2
    assert "mine/queries.csv is there, and no `label-pipeline seed` wrote it" in end.err
    assert (folder / "queries.csv").read_text() == before
    assert not (folder / "draw.csv").exists()
    assert seed(shell, folder, *DRAW).code == 0
    mine = folder / "seed" / "human_labels.csv"
    mine.write_text("query_id,doc_id,grade\nq,d,1\n")
    assert seed(shell, folder, "seed", "export", "--tool", "csv").code == 0
    sheet = folder / "seed" / "sheets" / "ann.csv"
    pl.read_csv(sheet, infer_schema=False).with_columns(grade=pl.lit("1")).write_csv(sheet)
    end = seed(shell, folder, "seed", "import", sheet)
    assert end.code == 2
    assert "human_labels.csv is there" in end.err
    assert mine.read_text().endswith("q,d,1\n")


def test_an_export_writes_over_no_sheet_whose_answers_were_not_imported(shell: Shell, folder: Path) -> None:
    assert seed(shell, folder, *DRAW).code == 0
    assert seed(shell, folder, "seed", "export", "--tool", "csv").code == 0
    sheet = folder / "seed" / "sheets" / "ann.csv"
    sheet.write_text(filled(sheet.read_text(), ","))
    worked = sheet.read_text()
    end = seed(shell, folder, "seed", "export", "--tool", "csv")
    assert end.code == 2
    assert "answers that were not imported, and an export would write over them" in end.err
    assert sheet.read_text() == worked
    assert seed(shell, folder, "seed", "import", sheet).code == 0
    assert seed(shell, folder, "seed", "export", "--tool", "csv", "--open").code == 0


def test_a_name_leads_out_of_no_folder(shell: Shell, folder: Path) -> None:
    end = seed(shell, folder, *DRAW[:4], "--annotators", "../../ann,bea,cid")
    assert end.code == 2
    assert "annotator '../../ann': expected a name" in end.err
    assert not (folder / "seed").exists()


def test_what_no_draw_can_reach_is_said(shell: Shell, folder: Path) -> None:
    end = seed(shell, folder, *DRAW, "--queries", "1", "--floor", "0", "--pairs", "2")
    assert end.code == 0, end.said
    assert "2 strata with" in end.said
    assert "have no drawn query, so no figure speaks for them" in end.said
    assert "--pairs 2: documents deep in a pool are never drawn" in end.said
    assert "no figure speaks" not in seed(shell, folder, *DRAW).said


def test_files_are_all_written_or_none(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    (tmp_path / "sub").write_text("no folder")
    with pytest.raises(SettingsError, match=r"cannot write .*sub"):
        SeedFolder(tmp_path).write({"a.csv": "new", "sub/b.csv": "new"})
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a.csv": "old", "sub": "no folder"}


def test_a_log_without_queries_and_documents_nobody_finds_are_2_and_nothing_is_written(
    shell: Shell, folder: Path
) -> None:
    (shell.folder / "none.csv").write_text("query\n?!\n")
    end = seed(shell, folder, "seed", "draw", "--log", "none.csv", "--annotators", "ann,bea")
    assert end.code == 2
    assert "none of its 1 rows is a query (the query has no letter or digit" in end.err
    (shell.folder / "none.csv").write_text("query\nelephants\n")
    end = seed(shell, folder, "seed", "draw", "--log", "none.csv", "--annotators", "ann,bea", "--floor", "1")
    assert end.code == 2
    assert "no document was found for any of 1 drawn queries: 1: no word of the query occurs in a document" in end.err
    assert not (folder / "seed").exists()


@pytest.mark.parametrize("name", ["draw.csv", "pairs.csv", "assignments.csv"])
def test_a_file_that_was_cut_is_2(shell: Shell, folder: Path, name: str) -> None:
    assert seed(shell, folder, *DRAW).code == 0
    path = folder / "seed" / name
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], lines[3].partition(",")[0]]))
    before = files(folder)
    for command in (DRAW, ("seed", "export")):
        end = seed(shell, folder, *command)
        assert end.code == 2, end.said
        assert f"{name} is not as it was written (a row without" in end.err
    assert files(folder) == before


@pytest.mark.parametrize("content", [b"{", b"\xff", b""])
def test_notes_that_were_damaged_are_2(shell: Shell, folder: Path, content: bytes) -> None:
    assert seed(shell, folder, *DRAW).code == 0
    (folder / "seed" / "draw.json").write_bytes(content)
    end = seed(shell, folder, *DRAW)
    assert end.code == 2
    assert "draw.json is not as it was written" in end.err


def test_without_a_project_there_is_nothing_to_draw_into(shell: Shell) -> None:
    end = shell.here("seed", "guide")
    assert end.code == 2
    assert "name the project: --config" in end.err
