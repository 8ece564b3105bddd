-- What one member said about pairs for one purpose: of a pair asked again in one epoch the newest reply, if any.
-- Grain:   one row per epoch, pair and vote
-- Params:  $member_hash, $purpose, $epochs
-- Columns: epoch, task, collection, query_id, doc_id, doc_version, context_id, request_key, sample_index, outcome,
--          grade, expected_grade, detail, model_reported, fingerprint, cost_usd, reused
with ranked as (
    select
        j.epoch,
        j.task,
        j.collection,
        j.query_id,
        j.doc_id,
        j.doc_version,
        j.context_id,
        j.request_key,
        j.sample_index,
        j.outcome,
        j.grade,
        j.expected_grade,
        j.detail,
        j.model_reported,
        j.fingerprint,
        j.cost_usd,
        j.reused,
        row_number() over (
            partition by
                j.epoch, j.task, j.collection, j.query_id, j.doc_id, j.doc_version, j.context_id, j.sample_index
            order by (j.outcome in ('failed', 'over_cap')) asc, j.judged_at desc, j.request_key asc, j.reused asc
        ) as age_rank
    from judgements as j
    where j.member_hash = $member_hash and j.purpose = $purpose and j.epoch in (select unnest($epochs))
)

select
    r.epoch,
    r.task,
    r.collection,
    r.query_id,
    r.doc_id,
    r.doc_version,
    r.context_id,
    r.request_key,
    r.sample_index,
    r.outcome,
    r.grade,
    r.expected_grade,
    r.detail,
    r.model_reported,
    r.fingerprint,
    r.cost_usd,
    r.reused
from ranked as r
where r.age_rank = 1
order by
    r.epoch, r.task, r.collection, r.query_id, r.doc_id, r.doc_version, r.context_id, r.sample_index
