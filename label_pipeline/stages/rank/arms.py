"""The arms of the experiment: what is trained on what, and how strong the regularisation is.

Strength, and for the seed also the learner, are chosen by cross-validation over the training queries, never on a test
query.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

import numpy as np
import polars as pl

from label_pipeline.core.catalogue import RANKERS
from label_pipeline.core.codes.ranking import AMPLIFIED, AMPLIFIED_L2, PERMUTED, SEED_ONLY
from label_pipeline.core.errors import TableError
from label_pipeline.core.pairs import query_codes
from label_pipeline.core.ranker import Floats, Ranker, RankerTrainer, RankingRows
from label_pipeline.core.ranking import ndcg_by_query
from label_pipeline.core.words import TOKENISER
from label_pipeline.stages.rank.features import FeatureSpace
from label_pipeline.stages.rank.ridge import RidgeTrainer
from label_pipeline.stages.rank.training_set import TrainingSets

FOLDS = 5

TOKENISED_BY = "tokeniser"
"""Parameter of a ranker: version of the words it was trained on, 1 where it does not say."""


class Chosen(NamedTuple):
    """A trained ranker and its cross-validated nDCG@10 on the labels of held-out training queries."""

    ranker: Ranker
    validated_ndcg: float


@dataclass(frozen=True, eq=False)
class TrainedArms:
    """The trained ranker of every arm.

    Attributes:
        rankers: arm to ranker: ``amplified``, ``seed_only``, ``permuted``, ``amplified_l2``.
        ids: arm to ranker_id.
        features: names of the features they score, in order.
        frame: RANKERS rows without ``mlflow_uri``.
        notes: what was chosen and how, as sentences.
        tokeniser: the version whose words they were trained on, and which they must be scored with.
    """

    rankers: Mapping[str, Ranker]
    ids: Mapping[str, str]
    features: tuple[str, ...]
    frame: pl.DataFrame
    notes: tuple[str, ...] = ()
    tokeniser: int = TOKENISER


def train(
    training_sets: TrainingSets, feature_space: FeatureSpace, trainer: RankerTrainer, rng_seed: int, now: datetime
) -> TrainedArms:
    """Trains one ranker per arm.

    * ``amplified``: ``trainer`` (LambdaMART) on machine labels and the human seed;
    * ``seed_only``: the better of ``trainer`` and ridge on the human seed, so that the comparison is not with a
      straw man;
    * ``permuted``: as amplified, with the labels shuffled over the whole set: the negative control;
    * ``amplified_l2``: ridge on the amplified labels, for information.

    Args:
        training_sets: from `build_training_sets`.
        feature_space: holds every document and query of the training sets.
        trainer: LambdaMART behind the protocol.
        rng_seed: of folds, permutation and learner.
        now: when.

    Raises:
        TableError: when a training pair is not in the feature space.
    """
    ridge = RidgeTrainer()
    rows = {
        arm: ranking_rows(frame, feature_space, training_sets.gains) for arm, frame in training_sets.rows_by_arm.items()
    }
    amplified = rows[AMPLIFIED]
    order = np.random.default_rng(rng_seed).permutation(len(amplified.labels))
    shuffled = RankingRows(amplified.features, amplified.labels[order], amplified.query_index, amplified.gains)
    plan: dict[str, tuple[str, RankingRows, tuple[RankerTrainer, ...]]] = {
        AMPLIFIED: (AMPLIFIED, amplified, (trainer,)),
        SEED_ONLY: (SEED_ONLY, rows[SEED_ONLY], (trainer, ridge)),
        PERMUTED: (AMPLIFIED, shuffled, (trainer,)),
        AMPLIFIED_L2: (AMPLIFIED, amplified, (ridge,)),
    }
    rankers, ids, records, notes = {}, {}, [], []
    for arm, (source, data, trainers) in plan.items():
        chosen = choose(data, trainers, rng_seed)
        parameters = {
            **chosen.ranker.parameters,
            "rng_seed": rng_seed,
            "grades": training_sets.grades,
            TOKENISED_BY: feature_space.tokeniser,
            "validated_ndcg_at_10": round(chosen.validated_ndcg, 6),
        }
        record = ranker_row(
            chosen.ranker, arm, training_sets.training_set_id(source), feature_space.names, parameters, now
        )
        rankers[arm], ids[arm] = chosen.ranker, str(record["ranker_id"])
        records.append(record)
        notes.append(
            f"{arm}: {chosen.ranker.family} on {len(data.labels)} labels of {len(data.group_sizes)} queries, "
            f"nDCG@10 {chosen.validated_ndcg:.3f} on the labels of held-out training queries."
        )
    frame = RANKERS.conform(pl.DataFrame(records, infer_schema_length=None))
    return TrainedArms(rankers, ids, feature_space.names, frame, tuple(notes), feature_space.tokeniser)


def load_trained(rankers: pl.DataFrame, trainer: RankerTrainer) -> TrainedArms:
    """The arms stored as RANKERS rows (one per arm), ready to score.

    Raises:
        TableError: when there is none, an arm occurs twice, the rankers use different features or tokenisers, or a
            family is unknown.
    """
    learners: dict[str, RankerTrainer] = {learner.family: learner for learner in (RidgeTrainer(), trainer)}
    if not rankers.height:
        raise TableError("no trained ranker is stored; materialise the training set and the ranker first")
    unknown = sorted(set(rankers["family"]) - set(learners))
    if unknown or rankers["arm"].is_duplicated().any() or rankers["features"].n_unique() > 1:
        raise TableError(
            f"stored rankers need one row an arm, one feature list and a family among {sorted(learners)}; found arms "
            f"{rankers['arm'].to_list()}, {rankers['features'].n_unique()} feature lists, unknown families {unknown}; "
            "select the rows of one training run"
        )
    records = list(rankers.iter_rows(named=True))
    tokenisers = {json.loads(row["parameters"]).get(TOKENISED_BY, 1) for row in records}
    if len(tokenisers) > 1:
        raise TableError(
            f"stored rankers were trained on words of tokenisers {sorted(tokenisers)}; train all of them again"
        )
    return TrainedArms(
        rankers={row["arm"]: learners[row["family"]].load(row["model"]) for row in records},
        ids={row["arm"]: row["ranker_id"] for row in records},
        features=tuple(json.loads(records[0]["features"])),
        frame=rankers,
        tokeniser=tokenisers.pop(),
    )


def ranking_rows(rows: pl.DataFrame, feature_space: FeatureSpace, gains: tuple[float, ...]) -> RankingRows:
    """Training rows as arrays, sorted by query."""
    codes = query_codes(rows)
    order = np.argsort(codes, kind="stable")
    values = feature_space.matrix(rows).values
    return RankingRows(values[order], rows["label"].to_numpy()[order], codes[order], gains)


def choose(rows: RankingRows, trainers: Sequence[RankerTrainer], seed: int) -> Chosen:
    """The learner and strength with the best cross-validated nDCG@10, trained on all rows; ties to the stronger."""
    means = [validated(rows, trainer, seed) for trainer in trainers]
    best = int(np.argmax([strengths.max() for strengths in means]))
    place = int(np.argmax(means[best]))
    return Chosen(trainers[best].path(rows, seed)[place], float(means[best][place]))


def validated(rows: RankingRows, trainer: RankerTrainer, seed: int) -> Floats:
    """(S,) mean nDCG@10 of each strength over the queries, each scored by a ranker that did not see it.

    Gains are those the learner is trained with. A fold whose training part has one label throughout is no worry:
    its rankers are constant and score what chance does.
    """
    queries = np.unique(rows.query_index)
    folds = np.empty(queries.size, dtype=np.int64)
    folds[np.random.default_rng(seed).permutation(queries.size)] = np.arange(queries.size) % min(FOLDS, queries.size)
    fold = folds[np.searchsorted(queries, rows.query_index)]
    gains = np.asarray(rows.gains)
    by_query = []
    for held_out in range(int(fold.max()) + 1):
        tested = rows.where(fold == held_out)
        _, index = np.unique(tested.query_index, return_inverse=True)
        n = int(index.max()) + 1
        scores = [ranker.score(tested.features) for ranker in trainer.path(rows.where(fold != held_out), seed)]
        by_query.append([ndcg_by_query(score, gains[tested.labels], index, n, gain="linear") for score in scores])
    means = np.nanmean(np.concatenate(by_query, axis=1), axis=1)
    return np.asarray(means, dtype=np.float64).round(9)  # what differs by rounding error is a tie


def ranker_row(
    ranker: Ranker,
    arm: str,
    training_set_id: str,
    features: Sequence[str],
    parameters: Mapping[str, object],
    now: datetime,
) -> dict[str, object]:
    """One RANKERS row; the id covers training set, arm, features, parameters and the model itself."""
    content = {
        "training_set_id": training_set_id,
        "arm": arm,
        "family": ranker.family,
        "parameters": json.dumps(dict(parameters), sort_keys=True),
        "features": json.dumps(list(features)),
        "model": ranker.text,
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {"ranker_id": digest[:16], **content, "created_at": now}
