-- The epoch a new calibration belongs to unless it is told to start a fresh one: the newest there has been.
-- Grain:   one row, always
-- Params:  none
-- Columns: epoch
select coalesce(max(j.epoch), 0) as epoch
from judgements as j
