-- What one judge was shown and answered in amplification, with texts and what the documents are.
-- Grain:   one row per pair with a label of that judge, whose document still has the text it was shown
-- Params:  $judge_version
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, raw_grade, query, title, source, document
with labelled as (
    select
        l.task,
        l.collection,
        l.query_id,
        l.doc_id,
        l.doc_version,
        l.context_id,
        l.raw_grade
    from labels as l
    where l.judge_version = $judge_version
    qualify row_number() over (
        partition by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id
        order by l.labelled_at desc, l.status asc, l.verdict_id asc
    ) = 1
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
from labelled as l
inner join queries as q
    on l.task = q.task and l.collection = q.collection and l.query_id = q.query_id
inner join documents as d
    on l.doc_id = d.doc_id and l.doc_version = d.doc_version
order by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id
