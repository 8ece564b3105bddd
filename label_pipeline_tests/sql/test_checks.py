"""Every check of sql/checks/: silent on a healthy world, loud after its planted offender, and right row by row."""

import duckdb
import pytest

from label_pipeline.adapters import queries
from label_pipeline.defs.build import build
from label_pipeline.settings import load
from label_pipeline_tests.sql.frames import DAY, ask, healthy, table

CHECKS = [name for name in queries.names() if name.startswith("checks/")]
FOLDER = queries.sql_root() / "checks"


def planted(name: str) -> str:
    return (queries.sql_root() / f"{name}.bad.sql").read_text(encoding="utf-8")


def offenders(name: str, *, bad: bool) -> int:
    """Rows the check finds in the healthy world, before or after its offender was planted there."""
    with duckdb.connect(":memory:") as connection:
        for table_name, frame in healthy().items():
            connection.register("given", frame.to_arrow())
            connection.execute(f"create table {table_name} as select * from given")  # noqa: S608
        if bad:
            [statement] = duckdb.extract_statements(planted(name))
            connection.execute(statement)
        return len(connection.execute(queries.load(name).statement).fetchall())


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_is_silent_on_healthy_rows_then_loud(name: str) -> None:
    assert offenders(name, bad=False) == 0
    assert offenders(name, bad=True) > 0


@pytest.mark.parametrize("name", CHECKS)
def test_silence_on_healthy_rows_is_not_that_of_empty_tables(name: str) -> None:
    assert [t for t in queries.load(name).reads if healthy()[t].is_empty()] == []


def test_every_planted_offender_belongs_to_a_check() -> None:
    assert {path.name.removesuffix(".bad.sql") for path in FOLDER.glob("*.bad.sql")} == {
        name.removeprefix("checks/") for name in CHECKS
    }


def test_every_check_is_attached_to_an_asset() -> None:
    # a misspelt asset in a header would drop the check without a word
    attached = {key.name for found in build(load()).asset_checks or () for key in found.check_keys}
    assert {name.removeprefix("checks/") for name in CHECKS} <= attached


RIGHT = {"pairs_in": 9, "labelled": 3, "reused": 2, "abstained": 1, "failed": 1, "refused": 2, "skipped": 2}


@pytest.mark.parametrize(
    ("change", "accounted"),
    [
        ({"pairs_in": 10}, 9),
        ({"skipped": 1}, 8),  # each outcome counts
        ({"refused": 1}, 8),
        ({"failed": 0}, 8),
        ({"abstained": 0}, 8),
        ({"reused": 4}, 9),  # more re-used than labelled
    ],
)
def test_books_that_do_not_add_up(change: dict[str, int], accounted: int) -> None:
    found = ask("checks/books_do_not_add_up", table("label_runs", RIGHT, {**RIGHT, "run_id": "run-2", **change}))
    assert found == [("run-2", DAY, "main", change.get("pairs_in", 9), accounted)]


def test_candidates_whose_query_or_document_text_is_gone() -> None:
    found = ask(
        "checks/candidate_without_text",
        table("queries", {"query_id": "q1"}, {"query_id": "q3", "collection": "other"}),
        table("documents", {"doc_id": "d1"}, {"doc_id": "d2", "doc_version": "v2"}),
        table(
            "candidates", {}, {"query_id": "q2"}, {"doc_id": "d2"}, {"query_id": "q3"}, {"doc_id": "d3"},
            {"context_id": "de"},
        ),
    )  # fmt: skip
    assert found == [
        ("relevance", "main", "q1", "d2", "v1", DAY),  # its text changed
        ("relevance", "main", "q1", "d3", "v1", DAY),  # it left
        ("relevance", "main", "q2", "d1", "v1", DAY),
        ("relevance", "main", "q3", "d1", "v1", DAY),  # a query of another collection is another query
    ]


def test_gold_queries_that_were_dealt_to_no_split() -> None:
    found = ask(
        "checks/gold_query_without_split",
        table(
            "gold", {}, {"query_id": "q2", "doc_id": "a"}, {"query_id": "q2", "doc_id": "b"}, {"collection": "other"}
        ),
        table("splits", {"query_id": "q1"}),
    )
    assert found == [("relevance", "main", "q2"), ("relevance", "other", "q1")]


def test_gold_that_no_human_grade_backs() -> None:
    found = ask(
        "checks/gold_without_human_label",
        table("gold", {}, {"context_id": "de"}, {"doc_id": "d2"}, {"doc_id": "d3", "context_id": "de"}),
        table(
            "human_labels",
            {},
            {"annotator_id": "second"},  # a panel backs a pair once
            {"doc_id": "d2", "doc_version": "v2"},  # a grade of new text backs no gold of the old one
            {"doc_id": "d3", "context_id": "de"},
        ),
    )
    assert found == [("relevance", "main", "q1", "d1", "v1"), ("relevance", "main", "q1", "d2", "v1")]


def test_human_grades_of_customer_text() -> None:
    found = ask(
        "checks/human_label_of_customer_text",
        table("documents", {"doc_id": "d1"}, {"doc_id": "d2", "boundary": "customer", "doc_version": "v2"}),
        table("human_labels", {}, {"doc_id": "d2"}),
    )
    assert found == [("relevance", "main", "q1", "d2", "annotator_id")]  # whatever version was graded


@pytest.mark.parametrize(
    "verdict",
    [
        None,  # a missing verdict offends too
        {"open": False, "state": "closed"},
        {"kind": "suspension"},
        {"judge_version": "judge-b"},
        {"collection": "other"},
    ],
)
def test_labels_that_no_open_verdict_allowed(verdict: dict[str, object] | None) -> None:
    labels = table("labels", {}, {"doc_id": "d2"}, {"verdict_id": "verdict-9"})
    verdicts = table("verdicts", {"verdict_id": "verdict-9"}, *([] if verdict is None else [verdict]))
    assert ask("checks/label_without_open_verdict", labels, verdicts) == [("judge-a", "main", "verdict-1", 2)]


def test_pairs_labelled_twice() -> None:
    once = {"context_id": "de"}
    found = ask(
        "checks/labelled_twice",
        table(
            "labels", {}, {}, once, {"doc_version": "v2"}, {"judge_version": "judge-b"}, {"status": "confirmed"},
            {"doc_id": "d2", **once}, {"doc_id": "d2", **once}, {"doc_id": "d2", **once},
        ),
    )  # fmt: skip
    assert found == [
        ("relevance", "main", "q1", "d1", "judge-a", "provisional", 2),
        ("relevance", "main", "q1", "d2", "judge-a", "provisional", 3),
    ]


def test_a_label_that_was_taken_back_may_be_given_once_more() -> None:
    life = [{"status": status} for status in ("provisional", "confirmed", "recalled", "provisional", "confirmed")]
    assert ask("checks/labelled_twice", table("labels", *life)) == []
    again = table("labels", *life, {"status": "provisional"})
    assert ask("checks/labelled_twice", again) == [("relevance", "main", "q1", "d1", "judge-a", "provisional", 3)]
    # taken back twice, given once
    taken = table("labels", {}, {"status": "recalled"}, {"status": "recalled"})
    assert ask("checks/labelled_twice", taken) == [("relevance", "main", "q1", "d1", "judge-a", "recalled", 2)]


def test_labels_that_were_booked_and_never_stored() -> None:
    run = {"labelled": 3, "reused": 1}
    found = ask(
        "checks/labels_missing_from_run",
        table("label_runs", run, {**run, "run_id": "run-2"}, {**run, "collection": "other"}),
        table("labels", {}, {"doc_id": "d2"}, {"run_id": "run-2"}, {"run_id": "run-2", "status": "confirmed"}),
    )
    # run-1 stored its two; a confirmation is no new label; nothing at all was stored in the other collection
    assert found == [("run-1", DAY, "other", 2, 0), ("run-2", DAY, "main", 2, 1)]


def test_training_sets_that_rest_on_no_open_decision() -> None:
    found = ask(
        "checks/training_verdict_unknown",
        table(
            "training_sets",
            {"training_set_id": "t1", "verdict_ids": '["verdict-1", "verdict-2"]'},
            {"training_set_id": "t2", "verdict_ids": '["verdict-3", "verdict-4"]'},
            {"training_set_id": "t3", "arm": "seed_only", "verdict_ids": "[]"},
        ),
        table(
            "verdicts",
            {},
            {"verdict_id": "verdict-2", "open": False},
            {"verdict_id": "verdict-3", "kind": "suspension"},
        ),
    )
    assert found == [("t1", "verdict-2"), ("t2", "verdict-3"), ("t2", "verdict-4")]
