-- What became of every label: its newest row, for a status is no later label, and when its judge gave it last.
-- Grain:   one row per pair and judge version; at one moment the row that takes a label back wins
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, raw_grade, expected_grade, judge_version,
--          verdict_id, rubric_version, outside_seed, status, labelled_at, given_at
with by_age as (
    select
        l.task,
        l.collection,
        l.query_id,
        l.doc_id,
        l.doc_version,
        l.context_id,
        l.raw_grade,
        l.expected_grade,
        l.judge_version,
        l.verdict_id,
        l.rubric_version,
        l.outside_seed,
        l.status,
        l.labelled_at,
        max(case when l.status = 'provisional' then l.labelled_at end) over pair as provisional_at,
        row_number() over (
            pair
            order by
                l.labelled_at desc,
                list_position(['provisional', 'confirmed', 'superseded', 'recalled'], l.status) desc,
                l.verdict_id asc
        ) as age_rank
    from labels as l
    window pair as (
        partition by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id, l.judge_version
    )
)

select
    a.task,
    a.collection,
    a.query_id,
    a.doc_id,
    a.doc_version,
    a.context_id,
    a.raw_grade,
    a.expected_grade,
    a.judge_version,
    a.verdict_id,
    a.rubric_version,
    a.outside_seed,
    a.status,
    a.labelled_at,
    coalesce(a.provisional_at, a.labelled_at) as given_at
from by_age as a
where a.age_rank = 1
order by a.task, a.collection, a.query_id, a.doc_id, a.doc_version, a.context_id, a.judge_version
