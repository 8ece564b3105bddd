-- What one member said about pairs for one purpose in one epoch: of a pair asked again the newest reply, if any.
-- Grain:   one row per pair and vote
-- Params:  $member_hash, $epoch, $purpose
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, request_key, sample_index, outcome, grade,
--          expected_grade, detail, model_reported, cost_usd, reused
with ranked as (
    select
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
        j.cost_usd,
        j.reused,
        row_number() over (
            partition by
                j.task, j.collection, j.query_id, j.doc_id, j.doc_version, j.context_id, j.sample_index
            order by (j.outcome = 'failed') asc, j.judged_at desc, j.request_key asc, j.reused asc
        ) as age_rank
    from judgements as j
    where j.member_hash = $member_hash and j.epoch = $epoch and j.purpose = $purpose
)

select
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
    r.cost_usd,
    r.reused
from ranked as r
where r.age_rank = 1
order by r.task, r.collection, r.query_id, r.doc_id, r.doc_version, r.context_id, r.sample_index
