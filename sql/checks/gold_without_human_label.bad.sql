-- Plants: Gold of a pair in a context in which nobody graded it.
update human_labels
set context_id = 'fr'
where context_id = 'de'
