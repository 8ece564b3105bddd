-- Which day holds labels of which judge version: staleness alone does not tell.
-- Grain:   one row per collection and day of candidates, and judge version with usable labels there; null = none
-- Params:  none
-- Columns: collection, day, judge_version, candidates, labelled, outside_seed
with pairs as (
    select
        c.collection,
        c.arrived_on as day,
        count(*) as candidates
    from candidates as c
    group by c.collection, c.arrived_on
),

labelled as (
    select
        c.collection,
        c.arrived_on as day,
        l.judge_version,
        count(*) as labelled,
        count(*) filter (where l.outside_seed <> '[]') as outside_seed
    from candidates as c
    inner join current_labels as l
        on
            c.task = l.task
            and c.collection = l.collection
            and c.query_id = l.query_id
            and c.doc_id = l.doc_id
            and c.doc_version = l.doc_version
            and c.context_id is not distinct from l.context_id
    where l.status in ('provisional', 'confirmed')
    group by c.collection, c.arrived_on, l.judge_version
)

select
    p.collection,
    p.day,
    f.judge_version,
    p.candidates,
    coalesce(f.labelled, 0) as labelled,
    coalesce(f.outside_seed, 0) as outside_seed
from pairs as p
left join labelled as f
    on p.collection = f.collection and p.day = f.day
order by p.collection, p.day, f.judge_version
