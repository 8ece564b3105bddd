-- Plants: A document whose text changed after its candidates were loaded, and before they were labelled.
update documents
set doc_version = 'v2'
where doc_id = 'secret'
