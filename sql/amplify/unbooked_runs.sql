-- What runs paid for or stored and never booked: they were killed between judgements, labels and books.
-- Grain:   one row per run, day and collection, and of its labels judge version and verdict (null where it stored none)
-- Params:  none
-- Columns: judge_version, verdict_id, run_id, day, collection, labels, requests, input_tokens, cached_tokens,
--          output_tokens, cost_usd, ended_at
with booked as (
    select
        r.run_id,
        r.day,
        r.collection,
        sum(r.requests) as requests,
        sum(r.input_tokens) as input_tokens,
        sum(r.cached_tokens) as cached_tokens,
        sum(r.output_tokens) as output_tokens,
        sum(r.cost_usd) as cost_usd,
        max(r.finished_at) as finished_at
    from label_runs as r
    group by r.run_id, r.day, r.collection
),

-- a chunk's labels are stored before its books: those that are newer than all books of their day have none
stored as (
    select
        l.run_id,
        l.day,
        l.collection,
        l.judge_version,
        l.verdict_id,
        count(*) as labels,
        max(l.labelled_at) as ended_at
    from labels as l
    left join booked as b
        on l.run_id = b.run_id and l.day = b.day and l.collection = b.collection
    where l.status = 'provisional' and (b.run_id is null or l.labelled_at > b.finished_at)
    group by l.run_id, l.day, l.collection, l.judge_version, l.verdict_id
),

spent as (
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
),

paid as (
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
    from spent as p
    left join booked as b
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
from stored as s
full outer join paid as p
    on s.run_id = p.run_id and s.day = p.day and s.collection = p.collection
order by run_id, day, collection, s.judge_version, s.verdict_id
