-- One frozen judge, in its newest epoch.
-- Grain:   at most one row
-- Params:  $judge_version
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
where j.judge_version = $judge_version
order by j.epoch desc, j.created_at desc
limit 1
