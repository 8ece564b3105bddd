-- Gold grades that no human grade backs.
-- Grain:   one row per pair
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version
-- Asset:   gold_labels
select
    g.task,
    g.collection,
    g.query_id,
    g.doc_id,
    g.doc_version
from gold as g
left join human_labels as h
    on
        g.task = h.task
        and g.collection = h.collection
        and g.query_id = h.query_id
        and g.doc_id = h.doc_id
        and g.doc_version = h.doc_version
        and g.context_id is not distinct from h.context_id
where h.query_id is null
order by g.task, g.collection, g.query_id, g.doc_id, g.doc_version
