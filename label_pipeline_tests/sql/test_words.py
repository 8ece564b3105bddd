"""The law of words in SQL: what it compares a column of a closed set with is one of the column's words."""

from pathlib import Path

import pytest

from label_pipeline.adapters import queries
from label_pipeline_tests.sql.words import Use, unknown, uses

FILES = sorted(queries.sql_root().rglob("*.sql"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(queries.sql_root()).as_posix())
def test_sql_knows_no_other_words_than_its_columns(path: Path) -> None:
    assert unknown(path.read_text(encoding="utf-8") if path.stem.endswith(".bad") else statement_of(path)) == set()


def statement_of(path: Path) -> str:
    """What is run of a file: words that meet a column of a view are seen through it."""
    return queries.load(path.relative_to(queries.sql_root()).with_suffix("").as_posix()).statement


CAUGHT: list[tuple[str, set[Use]]] = [
    ("select l.run_id from labels as l where l.status = 'provisonal'", {Use("labels", "status", "provisonal")}),
    ("select run_id from labels where 'provisonal' <> status", {Use("labels", "status", "provisonal")}),
    ("select l.run_id from labels as l where l.status in ('confirmed', 'kept')", {Use("labels", "status", "kept")}),
    ("select l.run_id from labels as l where l.status not in ('kept')", {Use("labels", "status", "kept")}),
    ("select l.run_id from labels as l where l.status is distinct from 'kept'", {Use("labels", "status", "kept")}),
    ("select l.run_id from labels as l where l.status like 'conf%'", {Use("labels", "status", "conf%")}),
    (
        "select coalesce(d.boundary, 'inside') = 'customer' as c from documents as d",
        {Use("documents", "boundary", "inside")},
    ),
    ("select case s.split when 'test' then 1 end as t from splits as s", {Use("splits", "split", "test")}),
    ("select case when s.split = 'test' then 1 end as t from splits as s", {Use("splits", "split", "test")}),
    ("select list_position(['confirmed', 'kept'], l.status) as p from labels as l", {Use("labels", "status", "kept")}),
    (
        "select count(*) filter (where j.outcome = 'lost') as n from judgements as j",
        {Use("judgements", "outcome", "lost")},
    ),
    (
        "with a as (select m.metric as called from ranker_metrics as m), b as (select a.called from a) "
        "select b.called from b where b.called = 'nDCG@10 as of old'",
        {Use("ranker_metrics", "metric", "nDCG@10 as of old")},
    ),
    (
        "select q.state from (select v.state from verdicts as v union all select d.state from drift_verdicts as d) "
        "as q where q.state = 'open'",
        {Use("drift_verdicts", "state", "open")},
    ),
    (
        "select v.verdict_id from verdicts as v "
        "where exists (select 1 from labels as l where v.kind = 'judgement' and l.status = 'recalled')",
        {Use("verdicts", "kind", "judgement")},
    ),
    (
        "with a as (select case s.split when 'holdout' then 'exam' else 'calibrate' end as stage from splits as s) "
        "select j.run_id from judgements as j inner join a on j.purpose = a.stage",
        {Use("judgements", "purpose", "exam")},
    ),
    ("select max(j.outcome) over () = 'lost' as x from judgements as j", {Use("judgements", "outcome", "lost")}),
    ("select 'lost' as outcome", {Use("judgements", "outcome", "lost")}),
    ("update labels set status = 'kept' where doc_id = 'd'", {Use("labels", "status", "kept")}),
    ("delete from labels where status = 'kept'", {Use("labels", "status", "kept")}),
]  # fmt: skip


@pytest.mark.parametrize(("text", "caught"), CAUGHT, ids=[text[:60] for text, _ in CAUGHT])
def test_a_word_nobody_declared_is_caught(text: str, caught: set[Use]) -> None:
    assert unknown(text) == caught


def test_words_of_other_columns_and_ids_are_left_alone() -> None:
    text = "select l.run_id, 'labels' as table_name from labels as l where l.doc_id = 'kept' and l.status = 'confirmed'"
    assert uses(text) == {Use("labels", "status", "confirmed")}
