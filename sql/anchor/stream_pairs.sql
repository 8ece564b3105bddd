-- What one judge was shown and answered in amplification and still stands, with texts and what the documents are.
-- Grain:   one row per pair with a usable label of that judge, whose document still has the text it was shown; its
--          newest label row decides, and at one moment the one that takes a label back
-- Params:  $judge_version
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, raw_grade, query, title, source, document
with newest as (
    select
        l.task,
        l.collection,
        l.query_id,
        l.doc_id,
        l.doc_version,
        l.context_id,
        l.raw_grade,
        l.status,
        row_number() over (
            partition by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id
            order by
                l.labelled_at desc,
                list_position(['provisional', 'confirmed', 'superseded', 'recalled'], l.status) desc,
                l.verdict_id asc
        ) as age_rank
    from labels as l
    where l.judge_version = $judge_version
)

select
    l.task,
    l.collection,
    l.query_id,
    l.doc_id,
    l.doc_version,
    l.context_id,
    l.raw_grade,
    q.query,
    d.title,
    d.source,
    case when d.title is null then d.text else d.title || chr(10) || chr(10) || d.text end as document
from newest as l
inner join queries as q
    on l.task = q.task and l.collection = q.collection and l.query_id = q.query_id
inner join documents as d
    on l.doc_id = d.doc_id and l.doc_version = d.doc_version
where l.age_rank = 1 and l.status in ('provisional', 'confirmed')
order by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id
