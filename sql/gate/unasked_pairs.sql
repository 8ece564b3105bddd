-- Human-graded pairs one candidate was not asked about in one epoch, by the stage that would ask.
-- Grain:   one row per pair of train, dev or holdout, whose document still has the text the humans saw
-- Params:  $member_hash, $epoch
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, stage, customer
with asked as (
    select
        j.purpose,
        j.task,
        j.collection,
        j.query_id,
        j.doc_id,
        j.doc_version,
        j.context_id
    from judgements as j
    where j.member_hash = $member_hash and j.epoch = $epoch
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
    g.customer
from graded as g
where
    not exists (
        select 1
        from asked as a
        where
            a.purpose = g.stage
            and a.task = g.task
            and a.collection = g.collection
            and a.query_id = g.query_id
            and a.doc_id = g.doc_id
            and a.doc_version = g.doc_version
            and a.context_id is not distinct from g.context_id
    )
order by g.task, g.collection, g.query_id, g.doc_id, g.doc_version, g.context_id
