-- The books of one amplification of a day: its chunks added up.
-- Grain:   one row per run, day and collection; judge, verdict and what refused pairs of its last chunk that has them
-- Params:  none
-- Columns: run_id, day, collection, judge_version, verdict_id, pairs_in, labelled, reused, abstained, failed, refused,
--          skipped, requests, input_tokens, cached_tokens, output_tokens, cost_usd, seconds, refused_by, reason,
--          finished_at
select
    r.run_id,
    r.day,
    r.collection,
    max_by(r.judge_version, r.finished_at) filter (where r.judge_version is not null) as judge_version,
    max_by(r.verdict_id, r.finished_at) filter (where r.verdict_id is not null) as verdict_id,
    sum(r.pairs_in)::bigint as pairs_in,
    sum(r.labelled)::bigint as labelled,
    sum(r.reused)::bigint as reused,
    sum(r.abstained)::bigint as abstained,
    sum(r.failed)::bigint as failed,
    sum(r.refused)::bigint as refused,
    sum(r.skipped)::bigint as skipped,
    sum(r.requests)::bigint as requests,
    sum(r.input_tokens)::bigint as input_tokens,
    sum(r.cached_tokens)::bigint as cached_tokens,
    sum(r.output_tokens)::bigint as output_tokens,
    sum(r.cost_usd) as cost_usd,
    sum(r.seconds) as seconds,
    max_by(r.refused_by, r.finished_at) filter (where r.refused_by is not null) as refused_by,
    max_by(r.reason, r.finished_at) filter (where r.reason is not null) as reason,
    max(r.finished_at) as finished_at
from label_runs as r
group by r.run_id, r.day, r.collection
order by r.run_id, r.day, r.collection
