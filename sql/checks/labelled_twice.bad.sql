-- Plants: A confirmation written as one more new label.
update labels
set status = 'provisional'
