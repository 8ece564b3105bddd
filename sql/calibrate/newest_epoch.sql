-- The newest epoch that was ever opened or used, whatever for: the next one is one higher.
-- Grain:   one row, always
-- Params:  none
-- Columns: epoch
with known as (
    select e.epoch
    from epochs as e
    union all
    select j.epoch
    from judgements as j
)

select coalesce(max(k.epoch), 0) as epoch
from known as k
