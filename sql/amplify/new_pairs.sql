-- Candidate pairs of one day and collection without a usable label of one judge version, without their texts.
-- Grain:   one row per candidate pair
-- Params:  $day, $collection, $judge_version
-- Columns: task, collection, query_id, doc_id, doc_version, context_id
select
    c.task,
    c.collection,
    c.query_id,
    c.doc_id,
    c.doc_version,
    c.context_id
from candidates as c
where
    c.arrived_on = $day and c.collection = $collection
    and not exists (
        select 1
        from usable_labels as l
        where
            l.judge_version = $judge_version
            and c.task = l.task and c.collection = l.collection and c.query_id = l.query_id
            and c.doc_id = l.doc_id and c.doc_version = l.doc_version
            and c.context_id is not distinct from l.context_id
    )
order by c.collection, c.query_id, c.task, c.doc_id, c.doc_version, c.context_id
