-- What decides whether a candidate pair of one day may be sent, without its texts: are they there, and whose are they.
-- Grain:   one row per candidate pair
-- Params:  $day
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, told, customer
select
    c.task,
    c.collection,
    c.query_id,
    c.doc_id,
    c.doc_version,
    c.context_id,
    q.query_id is not null and d.doc_id is not null as told,
    coalesce(d.boundary = 'customer', false) as customer
from candidates as c
left join queries as q
    on c.task = q.task and c.collection = q.collection and c.query_id = q.query_id
left join documents as d
    on c.doc_id = d.doc_id and c.doc_version = d.doc_version
where c.arrived_on = $day
order by c.task, c.collection, c.query_id, c.doc_id, c.doc_version, c.context_id
