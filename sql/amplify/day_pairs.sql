-- Candidate pairs of one day with the texts a judge is shown.
-- Grain:   one row per candidate pair; query or document is null when the inputs changed since the day was loaded
-- Params:  $day
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, query, document, source,
--          language, query_language, customer, characters
select
    c.task,
    c.collection,
    c.query_id,
    c.doc_id,
    c.doc_version,
    c.context_id,
    q.query,
    d.document,
    d.source,
    d.language,
    q.language as query_language,
    coalesce(d.customer, false) as customer,
    length(d.document) as characters
from candidates as c
left join queries as q
    on c.task = q.task and c.collection = q.collection and c.query_id = q.query_id
left join document_texts as d
    on c.doc_id = d.doc_id and c.doc_version = d.doc_version
where c.arrived_on = $day
order by c.task, c.collection, c.query_id, c.doc_id, c.doc_version, c.context_id
