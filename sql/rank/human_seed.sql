-- Human gold of train and dev queries: the seed-only arm, and human rows of the training set.
-- Grain:   one row per pair
-- Params:  none
-- Columns: task, collection, query_id, doc_id, doc_version, context_id, gold_mean, gold_variance, n_grades, gold_grade,
--          gold_source, features, incumbent_score
select
    g.task,
    g.collection,
    g.query_id,
    g.doc_id,
    g.doc_version,
    g.context_id,
    g.gold_mean,
    g.gold_variance,
    g.n_grades,
    g.gold_grade,
    g.gold_source,
    g.features,
    g.incumbent_score
from gold as g
inner join splits as s
    on g.task = s.task and g.collection = s.collection and g.query_id = s.query_id
where s.split in ('train', 'dev')
order by g.task, g.collection, g.query_id, g.doc_id, g.doc_version, g.context_id
