-- The epoch a new calibration belongs to unless it is told to start a fresh one: the newest there has been.
-- Grain:   one row, always; epochs of other purposes (anchor, canary, recall) never make a calibration ask again
-- Params:  none
-- Columns: epoch
with known as (
    select e.epoch
    from epochs as e
    where e.purpose = 'calibrate'
    union all
    select j.epoch
    from judgements as j
    where j.purpose = 'calibrate'
)

select coalesce(max(k.epoch), 0) as epoch
from known as k
