-- Replies whose cost is already booked, so that a resumed run books the rest and nothing twice.
-- Grain:   one row per request key and model that answered; a request that failed costs nothing until it is sent again
-- Params:  none
-- Columns: request_key, model_reported
select distinct
    j.request_key,
    j.model_reported
from judgements as j
where j.outcome not in ('failed', 'over_cap', 'rejected', 'unanswerable') and j.model_reported is not null
order by j.request_key, j.model_reported
