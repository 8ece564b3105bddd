-- Which day holds labels of which judge version: staleness alone does not tell.
-- Grain:   one row per collection and day of candidates, and judge version with usable labels there; null = none
-- Params:  none
-- Columns: collection, day, judge_version, candidates, labelled
with pairs as (
    select
        c.collection,
        c.arrived_on as day,
        count(*) as candidates
    from candidates as c
    group by c.collection, c.arrived_on
),

newest as (
    select
        l.task,
        l.collection,
        l.query_id,
        l.doc_id,
        l.doc_version,
        l.context_id,
        l.judge_version,
        l.status,
        row_number() over (
            partition by
                l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id, l.judge_version
            order by
                l.labelled_at desc,
                list_position(['provisional', 'confirmed', 'superseded', 'recalled'], l.status) desc
        ) as age_rank
    from labels as l
),

labelled as (
    select
        c.collection,
        c.arrived_on as day,
        n.judge_version,
        count(*) as labelled
    from candidates as c
    inner join newest as n
        on
            c.task = n.task
            and c.collection = n.collection
            and c.query_id = n.query_id
            and c.doc_id = n.doc_id
            and c.doc_version = n.doc_version
            and c.context_id is not distinct from n.context_id
    where n.age_rank = 1 and n.status in ('provisional', 'confirmed')
    group by c.collection, c.arrived_on, n.judge_version
)

select
    p.collection,
    p.day,
    f.judge_version,
    p.candidates,
    coalesce(f.labelled, 0) as labelled
from pairs as p
left join labelled as f
    on p.collection = f.collection and p.day = f.day
order by p.collection, p.day, f.judge_version
