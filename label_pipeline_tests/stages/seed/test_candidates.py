"""assemble_candidates: by day or all at once, each pair once, and the books add up."""

import datetime as dt
import random

import polars as pl
import pytest

from label_pipeline.core.catalogue import CANDIDATES
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import AssembledCandidates, InputBooks, assemble, assemble_candidates
from label_pipeline_tests.stages.seed.world import Raw, Row, documents, healthy, queries, raw

SEED = assemble(healthy(documents=[*documents(3), {"doc_id": "d4", "text": "secret", "boundary": "customer"}]), Scale())
MONDAY, TUESDAY = dt.date(2026, 3, 2), dt.date(2026, 3, 3)


def load(rows: list[Row], day: dt.date | None = None, **options: dt.date | None) -> AssembledCandidates:
    found = assemble_candidates([raw("candidates", rows)], SEED.queries, SEED.documents, day, **options)
    assert found.books.balanced
    return found


def pair(query: str = "q1", doc: str = "d1", day: object = MONDAY, **more: object) -> Row:
    return {"query_id": query, "doc_id": doc, "arrived_on": day} | more


def test_candidates_carry_day_version_features_and_incumbent_and_may_be_customer_text() -> None:
    found = load([pair(feature_a=1, incumbent_score=2), pair(doc="d4", day="2026-03-03T01:00:00+02:00")])
    assert found.candidates.schema == CANDIDATES.schema
    assert found.candidates.select("doc_id", "arrived_on", "features", "incumbent_score").rows() == [
        ("d1", MONDAY, '{"feature_a":1.0}', 2.0),
        ("d4", MONDAY, None, None),
    ]
    assert found.candidates["doc_version"].to_list() == [
        SEED.documents.filter(doc_id=doc)["doc_version"].item() for doc in ("d1", "d4")
    ]
    assert found.quarantine.is_empty()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (pair(query="q9"), "query_id 'q9'"),
        (pair(doc="d9"), "doc_id 'd9'"),
        (pair(query=""), "no query_id"),
        (pair(day="yesterday"), "arrived_on 'yesterday' is no date, or could be two; expected YYYY-MM-DD"),
        (pair(day=None), "set `pool_date` for an undated pool"),
        (pair(day="2026-02-28"), "arrived_on 2026-02-28 is outside the range of days, which starts on 2026-03-01"),
        (pair(day="2026-04-01"), "ends on 2026-03-31"),
        ({"problem": "not valid JSON"}, "not valid JSON"),
    ],
)
def test_a_bad_candidate_is_quarantined(row: Row, reason: str) -> None:
    found = load([row, pair(doc="d2")], first_day=dt.date(2026, 3, 1), last_day=dt.date(2026, 3, 31))
    assert found.candidates["doc_id"].to_list() == ["d2"]
    assert found.quarantine.select("input", "partition", "source", "line").rows() == [
        ("candidates", "all", "candidates.csv", 2)
    ]
    assert reason in found.quarantine["reason"][0]


def test_an_undated_pool_is_one_day() -> None:
    found = load([pair(day=None), pair(doc="d2", day=TUESDAY)], pool_date=MONDAY)
    assert found.candidates["arrived_on"].to_list() == [MONDAY, TUESDAY]


def test_a_pair_that_arrives_again_is_one_candidate_of_its_first_day() -> None:
    rows = [pair(day=TUESDAY), pair(day=MONDAY, feature_a=1), pair(day=MONDAY, feature_a=2), pair(context_id="u1")]
    found = load(rows)
    assert found.candidates.select("context_id", "arrived_on", "features").rows() == [
        (None, MONDAY, '{"feature_a":1.0}'),
        ("u1", MONDAY, None),
    ]
    assert found.books == InputBooks("candidates", read=4, kept=2, merged=2)
    assert load(rows, TUESDAY).candidates.is_empty()


def test_the_loads_of_all_days_together_are_the_load_of_everything() -> None:
    rng = random.Random(3)
    days = ["2026-03-02", "2026-03-03", "2026-03-04", "?", None]
    rows = [pair(f"q{rng.randint(1, 4)}", f"d{rng.randint(1, 5)}", rng.choice(days), feature_a=1) for _ in range(80)]
    everything = load(rows)
    loads = [load(rows, dt.date(2026, 3, day)) for day in (2, 3, 4)]
    assert pl.concat(found.candidates for found in loads).equals(everything.candidates)
    undated = everything.quarantine.filter(
        pl.col("reason").str.starts_with("arrived_on") | pl.col("reason").str.starts_with("no arr")
    )
    for day, found in zip((2, 3, 4), loads, strict=True):
        assert found.quarantine["partition"].unique().to_list() == [f"2026-03-0{day}"]
        assert set(undated["line"]) <= set(found.quarantine["line"])
        assert found.books.other_day > 0
    dated = sum(found.books.quarantined - undated.height for found in loads)
    assert dated + undated.height == everything.books.quarantined


def test_300000_rows_are_all_counted() -> None:
    n_queries, n_docs = 300, 1000
    seed = assemble([raw("queries", queries(n_queries)), raw("documents", documents(n_docs))], Scale())
    ids = pl.DataFrame({"query_id": [f"q{i + 1}" for i in range(n_queries)]}).join(
        pl.DataFrame({"doc_id": [f"d{i + 1}" for i in range(n_docs)]}), how="cross"
    )
    one = raw("candidates", [pair(feature_a=0.5)]).frame.drop("query_id", "doc_id", "line")
    frame = ids.join(one, how="cross").with_row_index("line", 2).with_columns(pl.col("line").cast(pl.Int64))
    found = assemble_candidates([Raw("candidates", frame)], seed.queries, seed.documents)
    assert found.books == InputBooks("candidates", read=300_000, kept=300_000)
