-- One day's candidate pairs in slices of whole queries, about $size pairs each, in the order of the queries.
-- Grain:   one row per collection and slice
-- Params:  $day, $size
-- Columns: collection, first_query, last_query, pairs
with queries_of_day as (
    select
        c.collection,
        c.query_id,
        count(*) as pairs
    from candidates as c
    where c.arrived_on = $day
    group by c.collection, c.query_id
),

placed as (
    select
        d.collection,
        d.query_id,
        d.pairs,
        (sum(d.pairs) over (partition by d.collection order by d.query_id) - d.pairs) // $size as slice
    from queries_of_day as d
)

select
    p.collection,
    min(p.query_id) as first_query,
    max(p.query_id) as last_query,
    sum(p.pairs)::bigint as pairs
from placed as p
group by p.collection, p.slice
order by p.collection, p.slice
