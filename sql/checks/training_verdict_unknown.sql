-- Training sets that name a verdict which is not an open decision.
-- Grain:   one row per training set and verdict
-- Params:  none
-- Columns: training_set_id, verdict_id
-- Asset:   training_set
with named as (
    select
        t.training_set_id,
        unnest(from_json(t.verdict_ids, '["varchar"]')) as verdict_id
    from training_sets as t
)

select
    n.training_set_id,
    n.verdict_id
from named as n
left join verdicts as v
    on n.verdict_id = v.verdict_id and v.kind = 'decision'
where v.open is distinct from true
order by n.training_set_id, n.verdict_id
