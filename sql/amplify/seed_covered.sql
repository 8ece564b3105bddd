-- What the human seed covered: its pairs' lengths, languages and sources, and the grades one judge gave them.
-- Grain:   one row per pair with gold whose document still has the text the humans saw; null grade: it gave none
-- Params:  $member_hash, $epoch
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, grade, source, language, query_language,
--          characters
with given as (
    select
        j.task,
        j.collection,
        j.query_id,
        j.doc_id,
        j.doc_version,
        j.context_id,
        avg(coalesce(j.expected_grade, j.grade)) as grade
    from judgements as j
    where
        j.member_hash = $member_hash
        and j.epoch = $epoch
        and j.purpose in ('calibrate', 'gate')
        and j.outcome = 'graded'
    group by j.task, j.collection, j.query_id, j.doc_id, j.doc_version, j.context_id
)

select
    g.task,
    g.collection,
    g.query_id,
    g.doc_id,
    g.doc_version,
    g.context_id,
    s.grade,
    d.source,
    d.language,
    q.language as query_language,
    length(d.document) as characters
from gold as g
inner join queries as q
    on g.task = q.task and g.collection = q.collection and g.query_id = q.query_id
inner join document_texts as d
    on g.doc_id = d.doc_id and g.doc_version = d.doc_version
left join given as s
    on
        g.task = s.task
        and g.collection = s.collection
        and g.query_id = s.query_id
        and g.doc_id = s.doc_id
        and g.doc_version = s.doc_version
        and g.context_id is not distinct from s.context_id
order by g.task, g.collection, g.query_id, g.doc_id, g.doc_version, g.context_id
