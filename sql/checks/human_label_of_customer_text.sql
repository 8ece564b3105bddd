-- Human grades of customer text: it must never reach people.
-- Grain:   one row per pair and annotator
-- Params:  none
-- Columns: task, collection, query_id, doc_id, annotator_id
-- Asset:   seed_inputs
select
    h.task,
    h.collection,
    h.query_id,
    h.doc_id,
    h.annotator_id
from human_labels as h
inner join documents as d
    on h.doc_id = d.doc_id
where d.boundary = 'customer'
order by h.task, h.collection, h.query_id, h.doc_id, h.annotator_id
