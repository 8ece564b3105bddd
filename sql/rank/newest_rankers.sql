-- The rankers trained last, one per arm.
-- Grain:   one row per arm
-- Params:  none
-- Columns: ranker_id, training_set_id, arm, family, parameters, features, model, mlflow_uri, created_at
select
    r.ranker_id,
    r.training_set_id,
    r.arm,
    r.family,
    r.parameters,
    r.features,
    r.model,
    r.mlflow_uri,
    r.created_at
from rankers as r
where r.created_at = (select max(s.created_at) from rankers as s)
order by r.arm
