-- Which documents may go where, as they are marked now.
-- Grain:   one row per document
-- Params:  none
-- Columns: doc_id, boundary
select
    d.doc_id,
    d.boundary
from documents as d
order by d.doc_id
