-- Labels that break their contract: a grade outside the judge's scale, an unknown status, judge or run, no request.
-- Grain:   one row per pair, judge version and status
-- Params:  none
-- Columns: task, collection, query_id, doc_id, judge_version, status, raw_grade, expected_grade, run_id
-- Asset:   amplified_labels
-- Recent:  labels.day, label_runs.day
with scales as (
    select distinct
        v.judge_version,
        (v.members -> '$[0].scale[0]')::double as lowest,
        (v.members -> '$[0].scale[1]')::double as highest
    from judge_versions as v
),

booked as (
    select distinct
        r.run_id,
        r.day,
        r.collection
    from label_runs as r
)

select distinct
    l.task,
    l.collection,
    l.query_id,
    l.doc_id,
    l.judge_version,
    l.status,
    l.raw_grade,
    l.expected_grade,
    l.run_id
from labels as l
left join scales as s
    on l.judge_version = s.judge_version
left join booked as b
    on l.run_id = b.run_id and l.day = b.day and l.collection = b.collection
where
    s.judge_version is null
    or b.run_id is null
    or l.raw_grade not between s.lowest and s.highest
    or l.expected_grade not between s.lowest and s.highest
    or l.status not in ('provisional', 'confirmed', 'superseded', 'recalled')
    or l.request_keys = '[]'
order by l.task, l.collection, l.query_id, l.doc_id, l.judge_version, l.status, l.run_id
