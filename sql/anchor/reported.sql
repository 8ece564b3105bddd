-- What the replies of one judge reported since its calibration, and which of it was there when it was certified.
-- Grain:   one row per model and fingerprint; the newest run is the one that sent the newest request, newest_epoch the
--          first of that run's epochs (null for what it did not report)
-- Params:  $member_hash, $epoch
-- Columns: model_reported, fingerprint, certified, in_newest_run, first_epoch, newest_epoch, first_at, last_at
with since as (
    select
        j.model_reported,
        j.fingerprint,
        j.epoch,
        j.judged_at,
        j.reused,
        j.epoch = $epoch and j.purpose in ('calibrate', 'gate') as certified,
        not j.reused
        and j.run_id = first_value(j.run_id) over (
            order by j.reused asc, j.judged_at desc, j.run_id asc
        ) as in_newest_run
    from judgements as j
    where j.member_hash = $member_hash and j.epoch >= $epoch and j.model_reported is not null
)

select
    s.model_reported,
    s.fingerprint,
    bool_or(s.certified) as certified,
    bool_or(s.in_newest_run) as in_newest_run,
    min(s.epoch) as first_epoch,
    min(s.epoch) filter (where s.in_newest_run) as newest_epoch,
    min(s.judged_at) as first_at,
    max(s.judged_at) filter (where not s.reused) as last_at
from since as s
group by s.model_reported, s.fingerprint
order by first_at, s.model_reported, s.fingerprint nulls first
