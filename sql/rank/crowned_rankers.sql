-- Amplified rankers that beat the seed-only one when they were evaluated: each was champion or may be again.
-- Grain:   one row per ranker, the one evaluated last first
-- Params:  none
-- Columns: ranker_id, evaluated_at
with proven as (
    select d.evaluation_id
    from ranker_metrics as d
    where d.arm = 'amplified - seed_only' and d.metric = 'nDCG@10 exponential gain' and d.low > 0
)

select
    m.ranker_id,
    max(m.evaluated_at) as evaluated_at
from ranker_metrics as m
inner join proven as p
    on m.evaluation_id = p.evaluation_id
where m.arm = 'amplified' and m.ranker_id is not null
group by m.ranker_id
order by max(m.evaluated_at) desc, m.ranker_id asc
