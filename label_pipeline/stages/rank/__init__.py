"""rank: do these labels make a better ranker than the human seed alone?

The verbs, in the order the assets call them:

* ``build_training_sets``  labels and seed of every query that is not a test query, with manifests  training_set.py
* ``RubricInForce``        which labels speak of today's rubric, or are mapped onto it                crosswalk.py
* ``label_orders``         whether labels order documents as people do, before anything is trained   label_order.py
* ``FeatureSpace.fit``     documents and queries to numbers                                         features.py
* ``train``                the arms: amplified, seed only, permuted control, L2                     arms.py
* ``load_trained``         the same arms from RANKERS rows                                          arms.py
* ``evaluate``             nDCG@10 on human grades of test queries, and the verdict                 evaluation.py
* ``members``              which labels an earlier training set held                                membership.py
* ``objection``            why a ranker may not be champion, now or again                           crown.py

Below the features: text.py (tokens), matching.py (words found), vectors.py (TF-IDF, LSA), collection.py (all of a
collection), reference.py (a query's own scale). Frames in, frames out. Keep out: LightGBM (behind core/ranker.py),
MLflow, files and Dagster.
"""

from label_pipeline.stages.rank.arms import TrainedArms, load_trained, train
from label_pipeline.stages.rank.crosswalk import RubricInForce
from label_pipeline.stages.rank.crown import objection, successor
from label_pipeline.stages.rank.evaluation import Evaluation, evaluate
from label_pipeline.stages.rank.features import FeatureMatrix, FeatureSpace
from label_pipeline.stages.rank.label_order import LabelOrder, label_orders, refuse_no_better_than_chance
from label_pipeline.stages.rank.membership import MembershipInputs, members, recalled_inside, usable_at
from label_pipeline.stages.rank.report import RankerVerdict, by_language, markdown
from label_pipeline.stages.rank.training_set import (
    TrainingSets,
    build_training_sets,
    refuse_test_queries,
    test_query_inside,
)

__all__ = [
    "Evaluation",
    "FeatureMatrix",
    "FeatureSpace",
    "LabelOrder",
    "MembershipInputs",
    "RankerVerdict",
    "RubricInForce",
    "TrainedArms",
    "TrainingSets",
    "build_training_sets",
    "by_language",
    "evaluate",
    "label_orders",
    "load_trained",
    "markdown",
    "members",
    "objection",
    "recalled_inside",
    "refuse_no_better_than_chance",
    "refuse_test_queries",
    "successor",
    "test_query_inside",
    "train",
    "usable_at",
]
