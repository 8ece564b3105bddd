-- As unbooked_runs, for a project whose table payments is empty: an older version inferred what was paid.
-- Grain:   one row per run, day and collection, and of its labels judge version and verdict (null where it stored none)
-- Params:  none
-- Columns: judge_version, verdict_id, run_id, day, collection, labels, requests, input_tokens, cached_tokens,
--          output_tokens, cost_usd, ended_at
with
-- a run books what it asked right afterwards: where it booked nothing since, it was killed
last_books as (
    select
        r.run_id,
        max(r.finished_at) as finished_at
    from label_runs as r
    group by r.run_id
),

asked as (
    select
        j.run_id,
        c.arrived_on as day,
        j.collection,
        j.input_tokens,
        j.cached_tokens,
        j.output_tokens,
        j.cost_usd,
        j.judged_at,
        not j.reused or j.cost_usd > 0 as paid,
        j.attempt + case when j.outcome = 'over_cap' then 0 else 1 end as requests,
        row_number() over (
            partition by j.run_id, j.request_key, j.outcome
            order by j.reused asc, j.cost_usd desc
        ) as use
    from judgements as j
    inner join candidates as c
        on
            j.task = c.task
            and j.collection = c.collection
            and j.query_id = c.query_id
            and j.doc_id = c.doc_id
            and j.doc_version = c.doc_version
            and j.context_id is not distinct from c.context_id
    left join last_books as b
        on j.run_id = b.run_id
    where j.purpose = 'amplify' and (b.run_id is null or b.finished_at < j.judged_at)
),

paid as (
    select
        a.run_id,
        a.day,
        a.collection,
        sum(case when a.paid and a.use = 1 then a.requests else 0 end) as requests,
        sum(case when a.paid then a.input_tokens else 0 end) as input_tokens,
        sum(case when a.paid then a.cached_tokens else 0 end) as cached_tokens,
        sum(case when a.paid then a.output_tokens else 0 end) as output_tokens,
        sum(a.cost_usd) as cost_usd,
        max(a.judged_at) as ended_at
    from asked as a
    group by a.run_id, a.day, a.collection
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
