-- The current machine label of every pair under every rubric, with the pair's own features.
-- Grain:   one row per pair and rubric; the judge that labelled it last decides, and only provisional and confirmed
--          ones train
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, raw_grade, expected_grade, judge_version,
--          verdict_id, rubric_version, status, labelled_at, given_at, features, incumbent_score
with newest as (
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
        l.status,
        l.labelled_at,
        l.given_at,
        row_number() over (
            partition by
                l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id, l.rubric_version
            order by l.given_at desc, l.judge_version asc
        ) as judge_rank
    from current_labels as l
)

select
    n.task,
    n.collection,
    n.query_id,
    n.doc_id,
    n.doc_version,
    n.context_id,
    n.raw_grade,
    n.expected_grade,
    n.judge_version,
    n.verdict_id,
    n.rubric_version,
    n.status,
    n.labelled_at,
    n.given_at,
    c.features,
    c.incumbent_score
from newest as n
left join candidates as c
    on
        n.task = c.task
        and n.collection = c.collection
        and n.query_id = c.query_id
        and n.doc_id = c.doc_id
        and n.doc_version = c.doc_version
        and n.context_id is not distinct from c.context_id
where n.judge_rank = 1 and n.status in ('provisional', 'confirmed')
order by n.task, n.collection, n.query_id, n.doc_id, n.doc_version, n.context_id, n.rubric_version
