-- Plants: A run whose pairs are one more than their outcomes.
update label_runs
set pairs_in = pairs_in + 1
