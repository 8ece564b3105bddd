-- What every amplification of a day has paid for its labels.
-- Grain:   one row per run, day and collection
-- Params:  none
-- Columns: run_id, day, collection, requests, input_tokens, cached_tokens, output_tokens, cost_usd, ended_at
select
    p.run_id,
    p.day,
    p.collection,
    sum(p.requests) as requests,
    sum(p.input_tokens) as input_tokens,
    sum(p.cached_tokens) as cached_tokens,
    sum(p.output_tokens) as output_tokens,
    sum(p.cost_usd) as cost_usd,
    max(p.paid_at) as ended_at
from payments as p
where p.purpose = 'amplify'
group by p.run_id, p.day, p.collection
order by p.run_id, p.day, p.collection
