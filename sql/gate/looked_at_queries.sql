-- Queries a gate has asked a judge about, in whichever lane: what a retired holdout gives up.
-- Grain:   one row per query
-- Params:  none
-- Columns: task, collection, query_id
select distinct
    j.task,
    j.collection,
    j.query_id
from judgements as j
where j.purpose = 'gate'
order by j.task, j.collection, j.query_id
