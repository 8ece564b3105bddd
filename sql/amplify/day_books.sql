-- The books of every amplification of a day.
-- Grain:   one row per run, day and collection, the newest last
-- Params:  none
-- Columns: run_id, day, collection, judge_version, verdict_id, pairs_in, labelled, reused, abstained, failed, refused,
--          skipped, requests, input_tokens, cached_tokens, output_tokens, cost_usd, seconds, refused_by, reason,
--          finished_at
select
    b.run_id,
    b.day,
    b.collection,
    b.judge_version,
    b.verdict_id,
    b.pairs_in,
    b.labelled,
    b.reused,
    b.abstained,
    b.failed,
    b.refused,
    b.skipped,
    b.requests,
    b.input_tokens,
    b.cached_tokens,
    b.output_tokens,
    b.cost_usd,
    b.seconds,
    b.refused_by,
    b.reason,
    b.finished_at
from day_books as b
order by b.finished_at, b.run_id, b.day, b.collection
