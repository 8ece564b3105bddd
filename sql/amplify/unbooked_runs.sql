-- What runs paid for or stored and never booked: they were killed between judgements, labels and books.
-- Grain:   one row per run, day and collection, and of its labels judge version and verdict (null where it stored none)
-- Params:  none
-- Columns: judge_version, verdict_id, run_id, day, collection, labels, requests, input_tokens, cached_tokens,
--          output_tokens, cost_usd, ended_at
with paid as (
    select
        p.run_id,
        p.day,
        p.collection,
        p.ended_at,
        greatest(p.requests - coalesce(b.requests, 0), 0) as requests,
        greatest(p.input_tokens - coalesce(b.input_tokens, 0), 0) as input_tokens,
        greatest(p.cached_tokens - coalesce(b.cached_tokens, 0), 0) as cached_tokens,
        greatest(p.output_tokens - coalesce(b.output_tokens, 0), 0) as output_tokens,
        greatest(p.cost_usd - coalesce(b.cost_usd, 0), 0) as cost_usd
    from day_payments as p
    left join day_books as b
        on p.run_id = b.run_id and p.day = b.day and p.collection = b.collection
    where p.requests > coalesce(b.requests, 0) or p.cost_usd > coalesce(b.cost_usd, 0) + 1e-9
)

select
    s.judge_version,
    s.verdict_id,
    coalesce(s.run_id, p.run_id) as run_id,
    coalesce(s.day, p.day) as day,
    coalesce(s.collection, p.collection) as collection,
    coalesce(s.labels, 0)::bigint as labels,
    coalesce(p.requests, 0)::bigint as requests,
    coalesce(p.input_tokens, 0)::bigint as input_tokens,
    coalesce(p.cached_tokens, 0)::bigint as cached_tokens,
    coalesce(p.output_tokens, 0)::bigint as output_tokens,
    coalesce(p.cost_usd, 0)::double as cost_usd,
    greatest(s.ended_at, p.ended_at) as ended_at
from unbooked_labels as s
full outer join paid as p
    on s.run_id = p.run_id and s.day = p.day and s.collection = p.collection
order by run_id, day, collection, s.judge_version, s.verdict_id
