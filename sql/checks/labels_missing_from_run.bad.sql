-- Plants: Labels that were booked and never stored.
delete from labels
where status = 'provisional'
