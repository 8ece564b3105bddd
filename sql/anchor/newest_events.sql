-- The newest event each table of decisions and books has seen: no clock may be earlier.
-- Grain:   one row per table that has rows; what is big and never stored alone is left out (labels, judgements, ...)
-- Params:  none
-- Columns: table_name, newest
with events as (
    select
        'leaderboard' as table_name,
        l.calibrated_at as happened_at
    from leaderboard as l
    union all
    select
        'judge_versions' as table_name,
        j.created_at as happened_at
    from judge_versions as j
    union all
    select
        'epochs' as table_name,
        e.opened_at as happened_at
    from epochs as e
    union all
    select
        'holdout_looks' as table_name,
        h.looked_at as happened_at
    from holdout_looks as h
    union all
    select
        'verdicts' as table_name,
        v.decided_at as happened_at
    from verdicts as v
    union all
    select
        'label_runs' as table_name,
        r.finished_at as happened_at
    from label_runs as r
    union all
    select
        'rankers' as table_name,
        k.created_at as happened_at
    from rankers as k
    union all
    select
        'ranker_metrics' as table_name,
        m.evaluated_at as happened_at
    from ranker_metrics as m
    union all
    select
        'anchor_runs' as table_name,
        a.ran_at as happened_at
    from anchor_runs as a
    union all
    select
        'drift_verdicts' as table_name,
        d.decided_at as happened_at
    from drift_verdicts as d
    union all
    select
        'rubrics' as table_name,
        u.known_at as happened_at
    from rubrics as u
    union all
    select
        'payments' as table_name,
        p.paid_at as happened_at
    from payments as p
)

select
    e.table_name,
    max(e.happened_at) as newest
from events as e
group by e.table_name
order by newest desc, e.table_name asc
