-- Queries with gold that were dealt to no split: nothing may be tuned or tested on them.
-- Grain:   one row per query
-- Params:  none
-- Columns: task, collection, query_id
-- Asset:   seed_splits
select distinct
    g.task,
    g.collection,
    g.query_id
from gold as g
left join splits as s
    on g.task = s.task and g.collection = s.collection and g.query_id = s.query_id
where s.split is null
order by g.task, g.collection, g.query_id
