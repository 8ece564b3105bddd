-- Days whose candidates no run has in its books as a whole: it was killed, met a lock, or never came.
-- Grain:   one row per day and collection of candidates
-- Params:  none
-- Columns: day, collection, candidates, booked
with held as (
    select
        c.arrived_on as day,
        c.collection,
        count(*) as candidates
    from candidates as c
    group by c.arrived_on, c.collection
),

covered as (
    select
        b.day,
        b.collection,
        max(b.pairs_in) as booked
    from day_books as b
    group by b.day, b.collection
)

select
    h.day,
    h.collection,
    h.candidates,
    coalesce(f.booked, 0)::bigint as booked
from held as h
left join covered as f
    on h.day = f.day and h.collection = f.collection
where coalesce(f.booked, 0) < h.candidates
order by h.day, h.collection
