-- Plants: A document whose text changed after its candidates were loaded.
update documents
set doc_version = 'v2'
where doc_id = 'd1'
