-- Epochs of one purpose that were opened and came to nothing yet: no leaderboard, no anchor run.
-- Grain:   one row per epoch, newest first; none before a suspension or the newest judge: older replies do not say what
--          the judge is now, and a baseline begins after the judge it is of
-- Params:  $purpose
-- Columns: epoch, collection, run_id, opened_at
with opened as (
    select
        e.epoch,
        e.collection,
        e.run_id,
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

news as (
    select v.epoch
    from verdicts as v
    where v.kind = 'suspension'
    union all
    select j.epoch
    from judge_versions as j
),

newest as (
    select coalesce(max(s.epoch), -1) as epoch
    from news as s
)

select
    o.epoch,
    o.collection,
    o.run_id,
    o.opened_at
from opened as o
cross join newest as m
left join ended as n
    on o.epoch = n.epoch
where n.epoch is null and o.epoch > m.epoch
order by o.epoch desc
