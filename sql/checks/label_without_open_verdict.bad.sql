-- Plants: A verdict that was lost after it had let a judge label.
delete from verdicts
where verdict_id = 'verdict-1'
