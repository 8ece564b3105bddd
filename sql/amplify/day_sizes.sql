-- How many candidate pairs every day has, by collection.
-- Grain:   one row per day and collection of candidates
-- Params:  none
-- Columns: day, collection, pairs
select
    c.arrived_on as day,
    c.collection,
    count(*) as pairs
from candidates as c
group by c.arrived_on, c.collection
order by c.arrived_on, c.collection
