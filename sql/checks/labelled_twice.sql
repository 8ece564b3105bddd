-- Pairs with more than one label of one judge version and status. Delta has no primary keys.
-- Grain:   one row per pair, judge version and status
-- Params:  none
-- Columns: task, collection, query_id, doc_id, judge_version, status, labels
-- Asset:   amplified_labels
select
    l.task,
    l.collection,
    l.query_id,
    l.doc_id,
    l.judge_version,
    l.status,
    count(*) as labels
from labels as l
group by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id, l.judge_version, l.status
having count(*) > 1
order by l.task, l.collection, l.query_id, l.doc_id, l.judge_version, l.status
