-- What kept requests of one run from a label, by cause, with the words of one of them.
-- Grain:   one row per collection and outcome other than a grade
-- Params:  $run_id
-- Columns: collection, outcome, requests, example
select
    j.collection,
    j.outcome,
    count(*) as requests,
    min(j.detail) as example
from judgements as j
where j.run_id = $run_id and j.purpose = 'amplify' and j.outcome <> 'graded'
group by j.collection, j.outcome
order by j.collection, j.outcome
