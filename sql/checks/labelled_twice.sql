-- Pairs with more labels of one judge version and status than there is reason for. Delta has no primary keys.
-- Grain:   one row per pair, judge version and status; a label that was taken back may be given once more
-- Params:  none
-- Columns: task, collection, query_id, doc_id, judge_version, status, labels
-- Asset:   amplified_labels
-- Recent:  labels.query_id
with counted as (
    select
        l.task,
        l.collection,
        l.query_id,
        l.doc_id,
        l.doc_version,
        l.context_id,
        l.judge_version,
        l.status,
        count(*) as labels
    from labels as l
    group by l.task, l.collection, l.query_id, l.doc_id, l.doc_version, l.context_id, l.judge_version, l.status
),

compared as (
    select
        c.task,
        c.collection,
        c.query_id,
        c.doc_id,
        c.judge_version,
        c.status,
        c.labels,
        sum(case when c.status in ('recalled', 'superseded') then c.labels else 0 end) over pair as taken_back,
        sum(case when c.status = 'provisional' then c.labels else 0 end) over pair as given
    from counted as c
    window pair as (
        partition by c.task, c.collection, c.query_id, c.doc_id, c.doc_version, c.context_id, c.judge_version
    )
)

select
    c.task,
    c.collection,
    c.query_id,
    c.doc_id,
    c.judge_version,
    c.status,
    c.labels
from compared as c
where
    (c.status in ('provisional', 'confirmed') and c.labels > 1 + c.taken_back)
    or (c.status in ('recalled', 'superseded') and c.labels > greatest(c.given, 1))
order by c.task, c.collection, c.query_id, c.doc_id, c.judge_version, c.status
