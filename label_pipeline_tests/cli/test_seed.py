"""`seed draw | guide | export | import` and `plan-humans`, as a person types them, on a project that `init` made."""

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.operations.project import Project
from label_pipeline.settings import load
from label_pipeline_tests.adapters.test_search import Engine, hits, running
from label_pipeline_tests.cli.commands import Shell
from label_pipeline_tests.cli.drawing import DRAW, drawable, files, filled, seed, table


@pytest.fixture
def folder(shell: Shell) -> Path:
    return drawable(shell)


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
        "queries.csv", "draw.csv", "pairs.csv", "assignments.csv", "strata.csv", "merged.csv", "rejected.csv",
        "draw.json",
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
    nothing = seed(shell, folder, "seed", "import", *sheets)
    assert nothing.code == 2
    assert "no answer in ann.csv, bea.csv, cid.csv" in nothing.said
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
    assert end.code == 2, "nothing was taken"
    assert "answers counts; the reasons are above" in end.said
    encoded = sheet.with_name("ann-16.csv")
    encoded.write_bytes(sheet.read_text().encode("utf-16"))
    assert "set `encoding:` (the file's first bytes say utf-16" in seed(shell, folder, "seed", "import", encoded).said
    again = seed(shell, folder, "seed", "import", encoded, "--encoding", "utf-16", "--accept-rubric", old)
    assert again.code == 0, again.said
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
