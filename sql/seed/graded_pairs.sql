-- Human-graded pairs of some splits, with the texts a judge is shown and what the documents are.
-- Grain:   one row per pair with gold, whose document still has the text the humans saw
-- Params:  $splits
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, gold_mean, n_grades, rubric_label, split,
--          query, title, source, created_on, document, customer
select
    g.task,
    g.collection,
    g.query_id,
    g.doc_id,
    g.doc_version,
    g.context_id,
    g.gold_mean,
    g.n_grades,
    g.rubric_label,
    s.split,
    q.query,
    d.title,
    d.source,
    d.created_on,
    d.document,
    d.customer
from gold as g
inner join splits as s
    on g.task = s.task and g.collection = s.collection and g.query_id = s.query_id
inner join queries as q
    on g.task = q.task and g.collection = q.collection and g.query_id = q.query_id
inner join document_texts as d
    on g.doc_id = d.doc_id and g.doc_version = d.doc_version
where s.split in (select unnest($splits))
order by g.task, g.collection, g.query_id, g.doc_id, g.doc_version, g.context_id
