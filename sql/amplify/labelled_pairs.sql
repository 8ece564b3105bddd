-- Pairs that hold a usable label of one judge version.
-- Grain:   one row per pair; its newest label row decides, and at one moment the one that takes a label back
-- Params:  $judge_version
-- Columns: task, collection, query_id, doc_id, doc_version, context_id
with newest as (
    select
        l.task,
        l.collection,
        l.query_id,
        l.doc_id,
        l.doc_version,
        l.context_id,
        l.status,
        row_number() over (
            partition by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id
            order by
                l.labelled_at desc,
                list_position(['provisional', 'confirmed', 'superseded', 'recalled'], l.status) desc
        ) as age_rank
    from labels as l
    where l.judge_version = $judge_version
)

select
    n.task,
    n.collection,
    n.query_id,
    n.doc_id,
    n.doc_version,
    n.context_id
from newest as n
where n.age_rank = 1 and n.status in ('provisional', 'confirmed')
order by n.task, n.collection, n.query_id, n.doc_id, n.doc_version, n.context_id
