-- Labels that stand: given, and not taken back since.
-- Grain:   one row per pair and judge version
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, judge_version
select
    l.task,
    l.collection,
    l.query_id,
    l.doc_id,
    l.doc_version,
    l.context_id,
    l.judge_version
from current_labels as l
where l.status in ('provisional', 'confirmed')
order by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id, l.judge_version
