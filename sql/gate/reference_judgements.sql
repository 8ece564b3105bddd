-- What a certified judge said about the holdout in the epoch of its certificate, and about the anchor soon afterwards.
-- Grain:   one row per pair and vote, of a pair asked again the newest reply; anchor rows are those of the first anchor
--          epoch after the certificate, where that began by $anchor_until; no reply of another model; a text that the
--          endpoint rejects counts, though no model spoke
-- Params:  $member_hash, $model_served, $epoch, $anchor_until
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, request_key, sample_index, outcome, grade,
--          expected_grade, detail, model_reported, cost_usd, reused
with of_this_judge as (
    select
        j.task,
        j.collection,
        j.query_id,
        j.doc_id,
        j.doc_version,
        j.context_id,
        j.purpose,
        j.epoch,
        j.judged_at,
        j.request_key,
        j.sample_index,
        j.outcome,
        j.grade,
        j.expected_grade,
        j.detail,
        j.model_reported,
        j.cost_usd,
        j.reused
    from judgements as j
    where
        j.member_hash = $member_hash
        and coalesce(j.model_reported, $model_served) = $model_served
        and j.outcome not in ('failed', 'over_cap', 'wrong_model')
),

first_anchor as (
    select min(o.epoch) as epoch
    from of_this_judge as o
    where o.purpose = 'anchor' and o.epoch > $epoch and cast(o.judged_at as date) <= $anchor_until
),

ranked as (
    select
        o.task,
        o.collection,
        o.query_id,
        o.doc_id,
        o.doc_version,
        o.context_id,
        o.request_key,
        o.sample_index,
        o.outcome,
        o.grade,
        o.expected_grade,
        o.detail,
        o.model_reported,
        o.cost_usd,
        o.reused,
        row_number() over (
            partition by
                o.task, o.collection, o.query_id, o.doc_id, o.doc_version, o.context_id, o.sample_index
            order by (o.purpose = 'gate') desc, o.judged_at desc, o.request_key asc, o.reused asc
        ) as age_rank
    from of_this_judge as o
    where
        (o.purpose = 'gate' and o.epoch = $epoch)
        or (o.purpose = 'anchor' and o.epoch = (select f.epoch from first_anchor as f))
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
