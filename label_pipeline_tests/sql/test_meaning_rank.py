"""What the questions of sql/rank/ answer, whole rows compared."""

import pytest

from label_pipeline_tests.sql.frames import ask, at, frame_of, table

PAIR = ("relevance", "main", "q1")
SPLITS = table(
    "splits",
    {"query_id": "q1", "split": "train"},
    {"query_id": "q2", "split": "dev"},
    {"query_id": "q3", "split": "holdout"},
    {"query_id": "q4", "split": "anchor"},
)


def test_human_seed_is_the_gold_of_train_and_dev_queries() -> None:
    gold = table(
        "gold",
        {"context_id": "de", "gold_mean": 1.5, "n_grades": 2, "gold_grade": 2, "features": '{"feature_a": 1.0}'},
        {"query_id": "q2", "gold_mean": 3.0, "gold_variance": 0.5, "n_grades": 3, "gold_grade": 3},
        {"query_id": "q3"}, {"query_id": "q4"}, {"query_id": "q5"}, {"collection": "other"},
    )  # fmt: skip
    assert ask("rank/human_seed", gold, SPLITS) == [
        (*PAIR, "d1", "v1", "de", 1.5, None, 2, 2, "panel", '{"feature_a": 1.0}', None),
        ("relevance", "main", "q2", "d1", "v1", None, 3.0, 0.5, 3, 3, "panel", None, None),
    ]


def test_test_grades_are_those_of_holdout_and_anchor_queries() -> None:
    evaluation = table(
        "evaluation",
        {"query_id": "q3", "grade": 3, "incumbent_score": 0.5}, {"query_id": "q4", "context_id": "de", "grade": 0},
        {"query_id": "q1"}, {"query_id": "q2"}, {"query_id": "q5"}, {"query_id": "q3", "collection": "other"},
    )  # fmt: skip
    assert ask("rank/test_grades", evaluation, SPLITS) == [
        ("relevance", "main", "q3", "d1", "v1", None, 3, None, 0.5),
        ("relevance", "main", "q4", "d1", "v1", "de", 0, None, None),
    ]


def label(raw: float, hour: int = 12, **more: object) -> dict[str, object]:
    return {"raw_grade": raw, "expected_grade": raw, "labelled_at": at(hour), **more}


def test_the_newest_label_of_a_pair_trains_with_the_features_of_its_candidate() -> None:
    labels = table(
        "labels",
        label(1.0, 9), label(2.0, 10, judge_version="judge-b", verdict_id="verdict-2"),
        label(3.0, context_id="de", status="confirmed"),
        label(0.0, doc_version="v2"),
    )  # fmt: skip
    candidates = table(
        "candidates",
        {"features": '{"feature_a": 1.0}', "incumbent_score": 0.5},
        {"features": '{"feature_a": 2.0}', "context_id": "de"},
        {"features": '{"feature_a": 3.0}', "doc_version": "v3"},  # of another text: never joined
    )
    assert ask("rank/training_labels", labels, candidates) == [
        (*PAIR, "d1", "v1", "de", 3.0, 3.0, "judge-a", "verdict-1", "rubric_version", "confirmed", at(12), at(12),
         '{"feature_a": 2.0}', None),
        (*PAIR, "d1", "v1", None, 2.0, 2.0, "judge-b", "verdict-2", "rubric_version", "provisional", at(10), at(10),
         '{"feature_a": 1.0}', 0.5),
        (*PAIR, "d1", "v2", None, 0.0, 0.0, "judge-a", "verdict-1", "rubric_version", "provisional", at(12), at(12),
         None, None),
    ]  # fmt: skip


def test_a_pair_has_one_label_under_each_rubric() -> None:
    """Which of them trains is decided by the rubric in force, not by the clock."""
    old, new = {"rubric_version": "1-a"}, {"rubric_version": "2-b"}
    labels = table(
        "labels",
        label(1.0, 9, **old), label(2.0, 10, judge_version="judge-b", **old),
        label(3.0, 8, judge_version="judge-c", **new),
    )  # fmt: skip
    found = frame_of("rank/training_labels", labels, table("candidates"))
    assert found.select("rubric_version", "raw_grade").rows() == [("1-a", 2.0), ("2-b", 3.0)]


def test_a_confirmation_does_not_give_a_label_again_and_a_second_giving_does() -> None:
    life = [label(1.0, 9), label(1.0, 10, status="confirmed")]
    asked = frame_of("rank/training_labels", table("labels", *life)).select("labelled_at", "given_at")
    assert asked.rows() == [(at(10), at(9))]
    life += [label(1.0, 11, status="recalled"), label(1.0, 12), label(1.0, 13, status="confirmed")]
    asked = frame_of("rank/training_labels", table("labels", *life)).select("labelled_at", "given_at")
    assert asked.rows() == [(at(13), at(12))]


@pytest.mark.parametrize("taken_back", ["recalled", "superseded"])
def test_a_label_that_was_taken_back_never_trains(taken_back: str) -> None:
    first, taken = label(1.0, 9), label(1.0, 10, status=taken_back)
    assert ask("rank/training_labels", table("labels", taken)) == []
    assert ask("rank/training_labels", table("labels", first, taken)) == []
    # nor does an older judge's label come back instead of it
    older = label(2.0, 8, judge_version="judge-b")
    assert ask("rank/training_labels", table("labels", older, first, taken)) == []


def test_a_pair_that_was_labelled_again_trains_on_the_new_label() -> None:
    again = label(3.0, 11, judge_version="judge-b")
    old = label(1.0, 9), label(1.0, 10, status="superseded")
    found = frame_of("rank/training_labels", table("labels", again, *old))
    assert found.select("raw_grade", "judge_version", "status").rows() == [(3.0, "judge-b", "provisional")]


def test_a_later_status_is_no_later_label() -> None:
    """An older judge's label is confirmed, or recalled, after a newer judge labelled the pair: the newer one trains."""
    old, new = label(1.0, 9), label(2.0, 10, judge_version="judge-b")
    for status in ("confirmed", "recalled"):
        found = frame_of("rank/training_labels", table("labels", old, new, label(1.0, 11, status=status)))
        assert found.select("raw_grade", "judge_version", "status").rows() == [(2.0, "judge-b", "provisional")]


def test_a_recalled_label_given_again_by_its_judge_trains() -> None:
    life = label(1.0, 9), label(1.0, 10, status="recalled"), label(3.0, 11)
    assert frame_of("rank/training_labels", table("labels", *life))["raw_grade"].to_list() == [3.0]


def test_crowned_rankers_beat_the_seed_and_the_newest_comes_first() -> None:
    def evaluation(name: str, ranker: str, low: float, hour: int) -> list[dict[str, object]]:
        shared = {"evaluation_id": name, "metric": "nDCG@10 exponential gain", "evaluated_at": at(hour)}
        return [
            {**shared, "arm": "amplified", "ranker_id": ranker},
            {**shared, "arm": "seed_only", "ranker_id": "seed"},
            {**shared, "arm": "amplified - seed_only", "low": low},
            {**shared, "arm": "amplified - bm25", "low": 1.0},
        ]

    metrics = table(
        "ranker_metrics", *evaluation("e1", "r1", 0.1, 9), *evaluation("e2", "r2", 0.2, 11),
        *evaluation("e3", "r3", 0.0, 12), *evaluation("e4", "r1", 0.1, 10),
    )  # fmt: skip
    assert ask("rank/crowned_rankers", metrics) == [("r2", at(11)), ("r1", at(10))]


def test_at_one_moment_the_row_that_takes_a_label_back_decides_in_any_order() -> None:
    given, taken = label(1.0), label(1.0, status="recalled")
    assert ask("rank/training_labels", table("labels", given, taken)) == []
    assert ask("rank/training_labels", table("labels", taken, given)) == []


def test_of_labels_of_one_moment_the_same_one_trains_in_any_order() -> None:
    by_a, by_b = label(1.0), label(2.0, judge_version="judge-b")
    earlier_verdict = label(3.0, verdict_id="verdict-0")
    for order in ([by_a, by_b, earlier_verdict], [earlier_verdict, by_b, by_a]):
        found = frame_of("rank/training_labels", table("labels", *order))
        assert found.select("raw_grade", "judge_version", "verdict_id").rows() == [(3.0, "judge-a", "verdict-0")]


def test_the_newest_rankers_are_those_of_the_last_training_one_an_arm() -> None:
    rankers = table(
        "rankers",
        {"ranker_id": "r1", "arm": "amplified", "created_at": at(9)},
        {"ranker_id": "r3", "arm": "seed_only", "created_at": at(10)},
        {"ranker_id": "r2", "arm": "amplified", "created_at": at(10), "mlflow_uri": "models:/2"},
    )
    rest = ("lambdamart", "parameters", "features", "model")
    assert ask("rank/newest_rankers", rankers) == [
        ("r2", "training_set_id", "amplified", *rest, "models:/2", at(10)),
        ("r3", "training_set_id", "seed_only", *rest, None, at(10)),
    ]
    assert ask("rank/newest_rankers") == []
