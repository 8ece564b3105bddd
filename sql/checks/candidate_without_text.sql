-- Candidates to label whose query or document text is gone: load candidate_pairs again after the inputs changed.
-- Grain:   one row per candidate pair that has no usable label: what is labelled needs no text any more
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, arrived_on
-- Asset:   candidate_pairs
-- Recent:  candidates.arrived_on, labels.query_id
select
    c.task,
    c.collection,
    c.query_id,
    c.doc_id,
    c.doc_version,
    c.arrived_on
from candidates as c
left join queries as q
    on c.task = q.task and c.collection = q.collection and c.query_id = q.query_id
left join documents as d
    on c.doc_id = d.doc_id and c.doc_version = d.doc_version
left join current_labels as l
    on
        c.task = l.task
        and c.collection = l.collection
        and c.query_id = l.query_id
        and c.doc_id = l.doc_id
        and c.doc_version = l.doc_version
        and c.context_id is not distinct from l.context_id
        and l.status in ('provisional', 'confirmed')
where (q.query_id is null or d.doc_id is null) and l.query_id is null
order by c.task, c.collection, c.query_id, c.doc_id, c.doc_version, c.arrived_on
