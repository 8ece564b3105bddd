-- Human grades that test the ranker: holdout and anchor queries only.
-- Grain:   one row per pair
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, grade, features, incumbent_score
select
    e.task,
    e.collection,
    e.query_id,
    e.doc_id,
    e.doc_version,
    e.context_id,
    e.grade,
    e.features,
    e.incumbent_score
from evaluation as e
inner join splits as s
    on e.task = s.task and e.collection = s.collection and e.query_id = s.query_id
where s.split in ('holdout', 'anchor')
order by e.task, e.collection, e.query_id, e.doc_id, e.doc_version, e.context_id
