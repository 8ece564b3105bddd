-- Requests whose cost is already booked, so that a resumed run books the rest and nothing twice.
-- Grain:   one row per request key that was answered; a request that failed costs nothing until it is sent again
-- Params:  none
-- Columns: request_key
select distinct j.request_key
from judgements as j
where j.outcome not in ('failed', 'over_cap', 'wrong_model', 'rejected', 'unanswerable')
order by j.request_key
