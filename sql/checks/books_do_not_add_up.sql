-- Amplifications whose pairs in are not the sum of their outcomes, or that re-used more than they labelled.
-- Grain:   one row per run, day and collection
-- Params:  none
-- Columns: run_id, day, collection, pairs_in, accounted
-- Asset:   amplified_labels
select
    r.run_id,
    r.day,
    r.collection,
    r.pairs_in,
    r.labelled + r.abstained + r.failed + r.refused + r.skipped as accounted
from label_runs as r
where
    r.pairs_in <> r.labelled + r.abstained + r.failed + r.refused + r.skipped
    or r.reused > r.labelled
order by r.run_id, r.day, r.collection
