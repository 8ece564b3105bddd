-- Candidate pairs of one day with the texts a judge is shown.
-- Grain:   one row per candidate pair; query or document is null when the inputs changed since the day was loaded
-- Params:  $day
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, query, document, customer
select
    c.task,
    c.collection,
    c.query_id,
    c.doc_id,
    c.doc_version,
    c.context_id,
    q.query,
    case when d.title is null then d.text else d.title || chr(10) || chr(10) || d.text end as document,
    coalesce(d.boundary = 'customer', false) as customer
from candidates as c
left join queries as q
    on c.task = q.task and c.collection = q.collection and c.query_id = q.query_id
left join documents as d
    on c.doc_id = d.doc_id and c.doc_version = d.doc_version
where c.arrived_on = $day
order by c.task, c.collection, c.query_id, c.doc_id, c.doc_version, c.context_id
