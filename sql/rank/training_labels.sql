-- The current machine label of every pair, with the pair's own features.
-- Grain:   one row per pair; the judge that labelled it last decides, by its newest row (a status is no later label; at
--          one moment the one that takes a label back wins), and only provisional and confirmed ones train
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, raw_grade, expected_grade, judge_version,
--          verdict_id, status, labelled_at, given_at, features, incumbent_score
with by_judge as (
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
        l.status,
        l.labelled_at,
        max(case when l.status = 'provisional' then l.labelled_at end) over pair as given_at,
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
),

newest as (
    select
        b.task,
        b.collection,
        b.query_id,
        b.doc_id,
        b.doc_version,
        b.context_id,
        b.raw_grade,
        b.expected_grade,
        b.judge_version,
        b.verdict_id,
        b.status,
        b.labelled_at,
        coalesce(b.given_at, b.labelled_at) as given_at,
        row_number() over (
            partition by b.task, b.collection, b.query_id, b.doc_id, b.doc_version, b.context_id
            order by coalesce(b.given_at, b.labelled_at) desc, b.judge_version asc
        ) as judge_rank
    from by_judge as b
    where b.age_rank = 1
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
order by n.task, n.collection, n.query_id, n.doc_id, n.doc_version, n.context_id
