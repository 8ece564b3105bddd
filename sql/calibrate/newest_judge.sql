-- The newest frozen judge: the one the gate decides on.
-- Grain:   at most one row
-- Params:  none
-- Columns: judge_version, candidate, calibration_id, epoch, members, calibrators, rubric_version, model_served,
--          cost_per_1000_usd, parent, created_at
select
    j.judge_version,
    j.candidate,
    j.calibration_id,
    j.epoch,
    j.members,
    j.calibrators,
    j.rubric_version,
    j.model_served,
    j.cost_per_1000_usd,
    j.parent,
    j.created_at
from judge_versions as j
order by j.epoch desc, j.created_at desc, j.judge_version asc
limit 1
