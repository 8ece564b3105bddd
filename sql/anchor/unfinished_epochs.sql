-- Epochs of one purpose that were opened and came to nothing yet: no leaderboard, no anchor run.
-- Grain:   one row per epoch, newest first; none before a suspension: older replies do not say what the judge is now
-- Params:  $purpose
-- Columns: epoch, collection, opened_at
with opened as (
    select
        e.epoch,
        e.collection,
        e.opened_at
    from epochs as e
    where e.purpose = $purpose
),

ended as (
    select l.epoch
    from leaderboard as l
    union all
    select a.epoch
    from anchor_runs as a
),

suspended as (
    select coalesce(max(v.epoch), -1) as epoch
    from verdicts as v
    where v.kind = 'suspension'
)

select
    o.epoch,
    o.collection,
    o.opened_at
from opened as o
cross join suspended as s
left join ended as n
    on o.epoch = n.epoch
where n.epoch is null and o.epoch > s.epoch
order by o.epoch desc
