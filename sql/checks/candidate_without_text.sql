-- Candidate pairs whose query or document text is gone: load candidate_pairs again after the inputs changed.
-- Grain:   one row per candidate pair
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, arrived_on
-- Asset:   candidate_pairs
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
where q.query_id is null or d.doc_id is null
order by c.task, c.collection, c.query_id, c.doc_id, c.doc_version, c.arrived_on
