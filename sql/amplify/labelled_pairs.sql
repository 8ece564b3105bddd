-- Pairs that hold a usable label of one judge version.
-- Grain:   one row per pair
-- Params:  $judge_version
-- Columns: task, collection, query_id, doc_id, doc_version, context_id
select
    l.task,
    l.collection,
    l.query_id,
    l.doc_id,
    l.doc_version,
    l.context_id
from usable_labels as l
where l.judge_version = $judge_version
order by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id
