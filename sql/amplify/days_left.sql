-- Days of one collection with candidate pairs that have no usable label of one judge version.
-- Grain:   one row per day with such a pair
-- Params:  $collection, $judge_version
-- Columns: day, pairs
select
    c.arrived_on as day,
    count(*) as pairs
from candidates as c
where
    c.collection = $collection
    and not exists (
        select 1
        from usable_labels as l
        where
            l.judge_version = $judge_version
            and c.task = l.task and c.collection = l.collection and c.query_id = l.query_id
            and c.doc_id = l.doc_id and c.doc_version = l.doc_version
            and c.context_id is not distinct from l.context_id
    )
group by c.arrived_on
order by c.arrived_on
