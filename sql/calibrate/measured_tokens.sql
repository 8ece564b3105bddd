-- What votes of a member took, with the texts they were about: what the next ones are planned by.
-- Grain:   one row per answered vote, the newest $most of them
-- Params:  $member_hash, $most
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, query, document, customer, input_tokens,
--          cached_tokens, output_tokens, requests
with answered as (
    select
        j.task,
        j.collection,
        j.query_id,
        j.doc_id,
        j.doc_version,
        j.context_id,
        j.input_tokens,
        j.cached_tokens,
        j.output_tokens,
        j.attempt,
        j.judged_at,
        j.request_key
    from judgements as j
    where
        j.member_hash = $member_hash
        and j.model_reported is not null
        and j.outcome <> 'wrong_model'
        and not j.reused
)

select
    a.task,
    a.collection,
    a.query_id,
    a.doc_id,
    a.doc_version,
    a.context_id,
    q.query,
    d.document,
    d.customer,
    a.input_tokens,
    a.cached_tokens,
    a.output_tokens,
    a.attempt + 1 as requests
from answered as a
inner join queries as q
    on a.task = q.task and a.collection = q.collection and a.query_id = q.query_id
inner join document_texts as d
    on a.doc_id = d.doc_id and a.doc_version = d.doc_version
order by a.judged_at desc, a.request_key asc, a.query_id asc, a.doc_id asc
limit $most
