-- Every document as a judge is shown it: title, blank line, text; the text alone where there is none or an empty one.
-- Grain:   one row per document
-- Params:  none
-- Columns: doc_id, doc_version, title, source, language, created_on, document, customer
select
    d.doc_id,
    d.doc_version,
    d.title,
    d.source,
    d.language,
    d.created_on,
    case when coalesce(d.title, '') = '' then d.text else d.title || chr(10) || chr(10) || d.text end as document,
    coalesce(d.boundary = 'customer', false) as customer
from documents as d
order by d.doc_id, d.doc_version
