-- Human-graded pairs a candidate may be taught and certified on, and whether it answered about them in time.
-- Grain:   one row per pair of train, dev or holdout, whose document still has the text the humans saw; a request that
--          failed, or that another model answered, or that came after $until has not been answered
-- Params:  $member_hash, $epoch, $until
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, stage, customer, asked
with answered as (
    select distinct
        j.purpose,
        j.task,
        j.collection,
        j.query_id,
        j.doc_id,
        j.doc_version,
        j.context_id
    from judgements as j
    where
        j.member_hash = $member_hash
        and j.epoch = $epoch
        and j.judged_at <= $until
        and j.outcome not in ('failed', 'over_cap', 'wrong_model')
),

graded as (
    select
        g.task,
        g.collection,
        g.query_id,
        g.doc_id,
        g.doc_version,
        g.context_id,
        case s.split when 'holdout' then 'gate' else 'calibrate' end as stage,
        coalesce(d.boundary = 'customer', false) as customer
    from gold as g
    inner join splits as s
        on g.task = s.task and g.collection = s.collection and g.query_id = s.query_id
    inner join documents as d
        on g.doc_id = d.doc_id and g.doc_version = d.doc_version
    where s.split in ('train', 'dev', 'holdout')
)

select
    g.task,
    g.collection,
    g.query_id,
    g.doc_id,
    g.doc_version,
    g.context_id,
    g.stage,
    g.customer,
    a.purpose is not null as asked
from graded as g
left join answered as a
    on
        g.stage = a.purpose
        and g.task = a.task
        and g.collection = a.collection
        and g.query_id = a.query_id
        and g.doc_id = a.doc_id
        and g.doc_version = a.doc_version
        and g.context_id is not distinct from a.context_id
order by g.task, g.collection, g.query_id, g.doc_id, g.doc_version, g.context_id
