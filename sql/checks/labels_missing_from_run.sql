-- Runs that booked new labels which are not in the labels table: a crash between the two writes.
-- Grain:   one row per run, day and collection
-- Params:  none
-- Columns: run_id, day, collection, booked, stored
-- Asset:   amplified_labels
-- Recent:  labels.day, label_runs.day
with stored as (
    select
        l.run_id,
        l.day,
        l.collection,
        count(*) as stored
    from labels as l
    where l.status = 'provisional'
    group by l.run_id, l.day, l.collection
)

select
    r.run_id,
    r.day,
    r.collection,
    r.labelled - r.reused as booked,
    coalesce(s.stored, 0) as stored
from day_books as r
left join stored as s
    on r.run_id = s.run_id and r.day = s.day and r.collection = s.collection
where coalesce(s.stored, 0) < r.labelled - r.reused
order by r.run_id, r.day, r.collection
