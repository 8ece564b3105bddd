-- What one judge was shown and answered in amplification and still stands, with texts and what the documents are.
-- Grain:   one row per pair with a usable label of that judge, whose document still has the text it was shown
-- Params:  $judge_version
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, raw_grade, query, title, source, document
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
    d.document
from current_labels as l
inner join queries as q
    on l.task = q.task and l.collection = q.collection and l.query_id = q.query_id
inner join document_texts as d
    on l.doc_id = d.doc_id and l.doc_version = d.doc_version
where l.judge_version = $judge_version and l.status in ('provisional', 'confirmed')
order by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id
