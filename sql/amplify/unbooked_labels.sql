-- Labels of one day whose run never wrote its books: it was killed between the two.
-- Grain:   one row per run, collection, judge version and verdict
-- Params:  $day
-- Columns: run_id, collection, judge_version, verdict_id, labels, requests, input_tokens, cached_tokens, output_tokens,
--          cost_usd
with orphans as (
    select
        l.run_id,
        l.collection,
        l.judge_version,
        l.verdict_id,
        count(*) as labels
    from labels as l
    left join label_runs as r
        on l.run_id = r.run_id and l.day = r.day and l.collection = r.collection
    where l.day = $day and l.status = 'provisional' and r.run_id is null
    group by l.run_id, l.collection, l.judge_version, l.verdict_id
),

paid as (
    select
        j.run_id,
        j.collection,
        count(distinct case when j.reused then null else j.request_key end) as requests,
        sum(case when j.reused then 0 else j.input_tokens end) as input_tokens,
        sum(case when j.reused then 0 else j.cached_tokens end) as cached_tokens,
        sum(case when j.reused then 0 else j.output_tokens end) as output_tokens,
        sum(j.cost_usd) as cost_usd
    from judgements as j
    inner join candidates as c
        on
            j.task = c.task
            and j.collection = c.collection
            and j.query_id = c.query_id
            and j.doc_id = c.doc_id
            and j.doc_version = c.doc_version
            and j.context_id is not distinct from c.context_id
    where j.purpose = 'amplify' and c.arrived_on = $day
    group by j.run_id, j.collection
)

select
    o.run_id,
    o.collection,
    o.judge_version,
    o.verdict_id,
    o.labels,
    coalesce(p.requests, 0)::bigint as requests,
    coalesce(p.input_tokens, 0)::bigint as input_tokens,
    coalesce(p.cached_tokens, 0)::bigint as cached_tokens,
    coalesce(p.output_tokens, 0)::bigint as output_tokens,
    coalesce(p.cost_usd, 0)::double as cost_usd
from orphans as o
left join paid as p
    on o.run_id = p.run_id and o.collection = p.collection
order by o.run_id, o.collection, o.judge_version, o.verdict_id
