"""`seed draw | guide | export | import` and `plan-humans`, as a person types them, on a project that `init` made."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from label_pipeline.cli.seed_folder import SeedFolder
from label_pipeline.core.errors import SettingsError
from label_pipeline.defs.project import Project
from label_pipeline.settings import load
from label_pipeline_tests.adapters.test_search import Engine, hits, running
from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Ended, Shell

WORDS = ("invoice", "holiday", "laptop", "badge", "server", "travel", "budget", "printer", "contract", "salary")
DRAW = ("seed", "draw", "--log", "log.csv", "--annotators", "ann,bea,cid", "--queries", "20", "--pairs", "6")


@pytest.fixture
def folder(shell: Shell) -> Path:
    """A project folder with 300 documents, a tenth of them customer text, and a log of 60 queries."""
    assert shell.here("init", "mine").code == 0
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(WORDS, 12)) for _ in range(300)]
    boundary = ["customer" if n % 10 == 0 else "" for n in range(300)]
    found = shell.folder / "mine"
    pl.DataFrame({"doc_id": [f"d{n}" for n in range(300)], "text": texts, "boundary": boundary}).write_csv(
        found / "documents.csv"
    )
    queries = [f"{one} {two}" for one in WORDS for two in WORDS if one < two][:45]
    log = pl.DataFrame({"query": queries, "frequency": [900 // (n + 1) + 1 for n in range(45)]})
    log.write_csv(shell.folder / "log.csv")
    own_data.edit(
        found / "settings.yaml",
        inputs={"documents": "documents.csv", "queries": "seed/queries.csv", "human_labels": "seed/human_labels.csv"},
    )
    return found


def seed(shell: Shell, folder: Path, *arguments: object) -> Ended:
    return shell.here(*arguments, "--config", folder / "settings.yaml")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "seed").iterdir()) if path.is_file()}


def table(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_csv(folder / "seed" / name)


def test_a_draw_says_what_it_did_and_the_same_again_is_the_same_to_the_byte(shell: Shell, folder: Path) -> None:
    end = seed(shell, folder, *DRAW)
    assert end.code == 0, end.said
    assert "log.csv: 45 read, 45 queries" in end.said
    assert (
        "documents: 300 accepted, 0 quarantined (`check` says why); 30 are customer text and go to nobody" in end.said
    )
    assert "retrieval orders: bm25, lsa" in end.said
    assert "never shown to people" not in end.said, "built-in orders do not even rank customer text"
    assert "people: 120 pairs" in end.said
    assert "20 queries have 10 pairs or more" not in end.said
    before = files(folder)
    assert set(before) == {
        "queries.csv", "draw.csv", "pairs.csv", "assignments.csv", "strata.csv", "rejected.csv", "draw.json",
    }  # fmt: skip
    assert seed(shell, folder, *DRAW).code == 0
    assert files(folder) == before
    pairs = table(folder, "pairs.csv")
    assert pairs.height == 120
    product = pairs["probability"] * pairs["query_probability"]
    assert pairs["inclusion_probability"].to_list() == pytest.approx(product.to_list())
    customers = [f"d{n}" for n in range(0, 300, 10)]
    assert not set(pairs["doc_id"]) & set(customers)


def test_drawing_more_keeps_queries_pairs_and_people_and_another_number_is_refused(shell: Shell, folder: Path) -> None:
    assert seed(shell, folder, *DRAW).code == 0
    before = {name: table(folder, name) for name in ("draw.csv", "pairs.csv", "assignments.csv")}
    assert seed(shell, folder, *DRAW[:-4], "--queries", "30", "--pairs", "9").code == 0
    for name, keys in (
        ("draw.csv", ["query_id"]),
        ("pairs.csv", ["task_id"]),
        ("assignments.csv", ["task_id", "annotator_id"]),
    ):
        after = table(folder, name)
        assert after.height > before[name].height
        assert before[name].join(after, on=keys, how="anti").is_empty(), name
    assert table(folder, "pairs.csv").height == 270
    gone = table(folder, "draw.csv")["query"][0]
    log = pl.read_csv(shell.folder / "log.csv")
    log.filter(pl.col("query") != gone).write_csv(shell.folder / "log.csv")
    assert seed(shell, folder, *DRAW).code == 0
    assert gone in set(table(folder, "queries.csv")["query"]), "what left the log stays drawn"
    assert table(folder, "pairs.csv").height == 270
    other = seed(shell, folder, *DRAW, "--seed", "8")
    assert other.code == 2
    assert "was drawn with --seed 7" in other.err


def test_sheets_go_out_and_come_back_and_the_graph_s_own_check_takes_the_labels(shell: Shell, folder: Path) -> None:
    assert seed(shell, folder, *DRAW).code == 0
    end = seed(shell, folder, "seed", "export", "--tool", "csv")
    assert end.code == 0, end.said
    sheets = sorted((folder / "seed" / "sheets").iterdir())
    assert [path.name for path in sheets] == ["ann.csv", "bea.csv", "cid.csv"]
    assert "# Grading guide" in (folder / "seed" / "guide.md").read_text()
    for path in sheets[:2]:
        path.write_text(filled(path.read_text(), ";" if path.stem == "bea" else ","))
    end = seed(shell, folder, "seed", "import", *sheets)
    assert end.code == 0, end.said
    seats = table(folder, "assignments.csv")
    planned = dict(seats["annotator_id"].value_counts().iter_rows())
    done = planned["ann"] + planned["bea"]
    assert f"3 files: {done} answers read, {planned['cid']} rows not filled in" in end.said
    assert f"{done} answers = {done - 2} graded, 2 cannot judge" in end.said
    labels = table(folder, "human_labels.csv")
    assert labels.height == done - 2
    assert set(labels["grade"]) <= {0, 1, 2, 3}

    left = seed(shell, folder, "seed", "export", "--open", "--tool", "csv")
    assert f"{planned['cid']} grades for cid" in left.said
    sheets[2].write_text(filled(sheets[2].read_text(), "\t"))
    assert seed(shell, folder, "seed", "import", sheets[2]).code == 0
    assert table(folder, "annotations.csv").height == sum(planned.values()), "the first import is kept"
    assert table(folder, "human_labels.csv").height == sum(planned.values()) - 3

    project = Project(load(folder / "settings.yaml"))
    from label_pipeline.adapters.files import read_rows
    from label_pipeline.stages import seed as stage

    tables = ("queries", "documents", "human_labels")
    raw = [read_rows(spec) for name in tables for spec in project.input_specs(name)]
    found = stage.assemble(raw, project.settings.grade_scale)
    assert found.balanced
    assert found.quarantine.is_empty(), found.quarantine.to_dicts()
    assert found.human_labels.height == table(folder, "human_labels.csv").height

    changed = found.human_labels["doc_id"][0]
    text = pl.when(pl.col("doc_id") == changed).then(pl.lit("another text")).otherwise("text").alias("text")
    pl.read_csv(folder / "documents.csv").with_columns(text).write_csv(folder / "documents.csv")
    again = stage.assemble(
        [read_rows(s) for name in tables for s in project.input_specs(name)], project.settings.grade_scale
    )
    assert changed not in set(again.human_labels["doc_id"]), "no grade of the old text meets the new one"
    assert "the graded text was version" in again.quarantine["reason"][0]
    assert again.balanced


def filled(text: str, delimiter: str) -> str:
    """A sheet somebody filled in: grades in turn, the first row cannot be judged."""
    rows = list(csv.DictReader(io.StringIO(text.lstrip("\ufeff"))))
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter)
    writer.writeheader()
    for place, row in enumerate(rows):
        grade = "cannot judge" if place == 0 else f"{place % 4}.0"
        writer.writerow({**row, "grade": grade, "rationale": f"row {place}"})
    return out.getvalue()


def test_a_document_that_changed_or_became_customer_text_is_not_counted_nor_exported(
    shell: Shell, folder: Path
) -> None:
    assert seed(shell, folder, *DRAW).code == 0
    assert seed(shell, folder, "seed", "export", "--tool", "csv").code == 0
    sheet = folder / "seed" / "sheets" / "ann.csv"
    sheet.write_text(filled(sheet.read_text(), ","))
    ids = {row["task_id"]: row["doc_id"] for row in table(folder, "pairs.csv").iter_rows(named=True)}
    tasks = [row["task_id"] for row in csv.DictReader(io.StringIO(sheet.read_text()))]
    changed, hidden = ids[tasks[1]], ids[tasks[2]]
    documents = pl.read_csv(folder / "documents.csv").with_columns(
        pl.when(pl.col("doc_id") == changed).then(pl.lit("another text")).otherwise("text").alias("text"),
        pl.when(pl.col("doc_id") == hidden).then(pl.lit("customer")).otherwise("boundary").alias("boundary"),
    )
    documents.write_csv(folder / "documents.csv")
    end = seed(shell, folder, "seed", "import", sheet)
    assert end.code == 0
    reasons = table(folder, "quarantine.csv")["reason"].to_list()
    assert any(f"document {changed} is now" in reason for reason in reasons)
    assert any(f"document {hidden} is gone, or customer text" in reason for reason in reasons)
    assert hidden not in set(table(folder, "human_labels.csv")["doc_id"])
    assert seed(shell, folder, "seed", "export").code == 0
    exported = json.loads((folder / "seed" / "tasks.json").read_text())
    assert hidden not in {task["data"]["doc_id"] for task in exported}
    assert "another text" in {task["data"]["document"] for task in exported}


def test_a_changed_rubric_stops_old_answers_until_somebody_says_they_still_count(shell: Shell, folder: Path) -> None:
    assert seed(shell, folder, *DRAW).code == 0
    assert seed(shell, folder, "seed", "export", "--tool", "csv").code == 0
    sheet = folder / "seed" / "sheets" / "ann.csv"
    sheet.write_text(filled(sheet.read_text(), ","))
    old = Project(load(folder / "settings.yaml")).rubric_version
    rubric = folder / "rubric.yaml"
    rubric.write_text(rubric.read_text().replace('version: "1"', 'version: "2"'))
    end = seed(shell, folder, "seed", "import", sheet)
    assert "0 graded" in end.said
    assert f"graded by rubric {old}" in end.said
    again = seed(shell, folder, "seed", "import", sheet, "--accept-rubric", old)
    assert " 0 graded" not in again.said
    assert "quarantined" not in again.said


def test_orders_come_from_a_candidate_file_and_a_search_endpoint(shell: Shell, folder: Path) -> None:
    log = pl.read_csv(shell.folder / "log.csv")["query"].to_list()
    rows = [{"query": query, "doc_id": f"d{n}", "rank": n} for query in log for n in range(1, 30)]
    pl.DataFrame(rows).write_csv(shell.folder / "ours.csv")
    engine = Engine([hits(*(f"d{n}" for n in range(100, 130)))])
    with running(engine) as url:
        common = (*DRAW, "--retrieved", "ours.csv", "--endpoint", f"live={url}", "--endpoint-key-env", "SEARCH_KEY")
        unset = seed(shell, folder, *common)
        assert unset.code == 2
        assert "take their key from SEARCH_KEY, which is not set" in unset.err
        assert engine.asked == []
        person = Shell(shell.folder, {**shell.exported, "SEARCH_KEY": "s3cret"})
        end = seed(person, folder, *common)
    assert end.code == 0, end.said
    assert "retrieval orders: live, ours" in end.said
    assert len(engine.asked) == 20
    assert set(engine.keys) == {"Bearer s3cret"}
    number = table(folder, "pairs.csv")["doc_id"].str.slice(1).cast(pl.Int64)
    assert (number.is_between(1, 29) | number.is_between(100, 129)).all()
    assert not any(b"s3cret" in content for content in files(folder).values())
    assert "customer text, never shown to people" in end.said


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
    end = seed(shell, folder, "seed", "import", folder / "seed" / "sheets" / "ann.csv")
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


def test_every_query_has_two_orders_where_files_know_only_some_of_them(shell: Shell, folder: Path) -> None:
    log = pl.read_csv(shell.folder / "log.csv")["query"].to_list()
    rows = [{"query": query, "doc_id": f"d{n}", "rank": n} for query in log for n in range(1, 30) if n % 10]
    pl.DataFrame(rows).write_csv(shell.folder / "bm25.csv")
    pl.DataFrame(rows[:27]).write_csv(shell.folder / "live.csv")
    end = seed(shell, folder, *DRAW, "--retrieved", "bm25.csv", "--retrieved", "live.csv", "--queries", "45")
    assert end.code == 0, end.said
    assert "fewer than two retrieval orders were brought for 44 of 45 queries: built-in ones" in end.said
    assert "retrieval orders: bm25, built-in-bm25, live, lsa" in end.said
    drawn = table(folder, "draw.csv").select("query_id", "query")
    pairs = table(folder, "pairs.csv").join(drawn, on="query_id")
    known = pairs.filter(pl.col("query") == log[0])
    assert set(_orders(known)) == {"bm25", "live"}
    for row in pairs.filter(pl.col("query") != log[0]).iter_slices(1):
        assert len(_orders(row)) == len(set(_orders(row))), "one rank an order"
    clash = seed(shell, folder, *DRAW, "--retrieved", "live.csv", "--endpoint", "live=http://127.0.0.1:9/{query}")
    assert clash.code == 2
    assert "--endpoint live: a candidate file has an order of that name" in clash.err


def _orders(pairs: pl.DataFrame) -> list[str]:
    return [part.partition(":")[0] for ranks in pairs["ranks"] for part in ranks.split()]


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
    assert "no document was found for any of 1 drawn queries" in end.err
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


def test_the_plan_says_grades_hours_and_the_better_buy(shell: Shell) -> None:
    end = shell.here("plan-humans", "--overlap", "0", "--pool", "50000", "--seconds", "36", "--renewals", "2")
    assert end.code == 0, end.said
    assert "verdict 88 880 880 880 8.8" in end.said
    assert "a year of renewals: 2 x 440 = 880 grades, 8.8 hours" in end.said
    assert "the better buy for 50,000 pairs: a seed and a judge" in end.said
    assert max(map(len, end.out.splitlines()[:9])) <= 80
    few = shell.here("plan-humans", "--pool", "900")
    assert "the better buy for 900 pairs: people's grades alone" in few.said
    panel = shell.here("plan-humans", "--policy", "panel")
    assert "60 holdout queries are 50% of 120, x 4 pairs, 3 people each" in panel.said
    assert shell.here("plan-humans", "--policy", "lax").code == 2
    assert shell.here("plan-humans", "--pool", "0").code == 2
    for option in ("--seconds", "--hourly-usd", "--label-usd"):
        for value in ("nan", "inf", "-1", "1e308"):
            end = shell.here("plan-humans", f"{option}={value}")
            assert end.code == 2, end.said
            assert end.err.startswith("error: expected an overlap of 0 to 1")
