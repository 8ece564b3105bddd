-- Plants: A training set that rests on a suspension.
update training_sets
set verdict_ids = '["verdict-2"]'
where training_set_id = 't1'
