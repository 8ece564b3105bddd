-- Labels that no books count: a chunk's labels are stored before its books, so they are newer than all of their day.
-- Grain:   one row per run, day, collection, judge version and verdict
-- Params:  none
-- Columns: run_id, day, collection, judge_version, verdict_id, labels, ended_at
select
    l.run_id,
    l.day,
    l.collection,
    l.judge_version,
    l.verdict_id,
    count(*) as labels,
    max(l.labelled_at) as ended_at
from labels as l
left join day_books as b
    on l.run_id = b.run_id and l.day = b.day and l.collection = b.collection
where l.status = 'provisional' and (b.run_id is null or l.labelled_at > b.finished_at)
group by l.run_id, l.day, l.collection, l.judge_version, l.verdict_id
order by l.run_id, l.day, l.collection, l.judge_version, l.verdict_id
