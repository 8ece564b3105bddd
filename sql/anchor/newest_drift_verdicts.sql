-- The newest drift verdict of every collection: the one on its latest run, of several on one run the last decided.
-- Grain:   one row per collection
-- Params:  none
-- Columns: drift_id, judge_version, collection, epoch, baseline_epoch, state, cause, action, signals, suspends,
--          healthy, change_point, decided_at
with by_age as (
    select
        d.drift_id,
        d.judge_version,
        d.collection,
        d.epoch,
        d.baseline_epoch,
        d.state,
        d.cause,
        d.action,
        d.signals,
        d.suspends,
        d.healthy,
        d.change_point,
        d.decided_at,
        row_number() over (partition by d.collection order by d.epoch desc, d.decided_at desc) as age_rank
    from drift_verdicts as d
)

select
    a.drift_id,
    a.judge_version,
    a.collection,
    a.epoch,
    a.baseline_epoch,
    a.state,
    a.cause,
    a.action,
    a.signals,
    a.suspends,
    a.healthy,
    a.change_point,
    a.decided_at
from by_age as a
where a.age_rank = 1
order by a.collection
