-- Labels that no open verdict of their judge and collection allowed. A missing verdict offends too.
-- Grain:   one row per judge version, collection and verdict id
-- Params:  none
-- Columns: judge_version, collection, verdict_id, labels
-- Asset:   amplified_labels
-- Recent:  labels.day
select
    l.judge_version,
    l.collection,
    l.verdict_id,
    count(*) as labels
from labels as l
left join verdicts as v
    on
        l.verdict_id = v.verdict_id
        and l.judge_version = v.judge_version
        and l.collection = v.collection
        and v.kind = 'decision'
where v.open is distinct from true
group by l.judge_version, l.collection, l.verdict_id
order by l.judge_version, l.collection, l.verdict_id
