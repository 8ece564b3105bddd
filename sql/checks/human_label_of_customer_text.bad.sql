-- Plants: A graded document that turns out to be a customer's.
update documents
set boundary = 'customer'
where doc_id = 'd2'
