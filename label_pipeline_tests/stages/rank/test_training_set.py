from datetime import timedelta
from typing import Literal

import polars as pl
import pytest

from label_pipeline.core.catalogue import TRAINING_SETS
from label_pipeline.core.errors import (
    AccessDeniedError,
    LabelPipelineError,
    NotApplicableError,
    SettingsError,
    TableError,
)
from label_pipeline.core.scale import Scale
from label_pipeline.stages.rank import training_set
from label_pipeline.stages.rank.crosswalk import RubricInForce
from label_pipeline.stages.rank.training_set import MOST_ROWS, TrainingSets, build_training_sets, most_rows
from label_pipeline_tests.stages.rank import world

SCALE = Scale(0, 3)
SPLITS = world.splits({"t1": "train", "t2": "dev", "h1": "holdout", "a1": "anchor"})
LABELS = [
    ("t1", "d1", 3.0), ("t1", "d2", 0.0), ("t2", "d1", 1.0), ("t2", "d3", 2.0),
    ("new", "d1", 0.0), ("new", "d2", 1.0),  # a query no human ever saw
    ("h1", "d1", 3.0), ("a1", "d1", 3.0), ("a1", "d2", 0.0),
]  # fmt: skip
GOLD = [("t1", "d1", 1.0), ("t1", "d4", 0.0), ("t2", "d1", 2.0), ("t2", "d4", 0.0), ("h1", "d2", 3.0)]


def build(
    labels: pl.DataFrame | None = None,
    gold: pl.DataFrame | None = None,
    documents: pl.DataFrame | None = None,
    grades: Literal["auto", "raw", "quarter"] = "auto",
) -> TrainingSets:
    machine = world.labels(LABELS) if labels is None else labels
    human = world.gold(GOLD) if gold is None else gold
    return build_training_sets(machine, human, SPLITS, SCALE, world.NOW, documents=documents, grades=grades)


def rows(sets: TrainingSets, arm: str) -> set[tuple[str, str, int, str]]:
    return set(sets.rows_by_arm[arm].select("query_id", "doc_id", "label", "origin").iter_rows())


def test_every_query_but_holdout_and_anchor_and_a_human_grade_replaces_a_machine_grade() -> None:
    sets = build()
    human = {("t1", "d1", 1, "human"), ("t1", "d4", 0, "human"), ("t2", "d1", 2, "human"), ("t2", "d4", 0, "human")}
    assert rows(sets, "seed_only") == human
    assert rows(sets, "amplified") == human | {
        ("t1", "d2", 0, "machine"), ("t2", "d3", 2, "machine"),
        ("new", "d1", 0, "machine"), ("new", "d2", 1, "machine"),
    }  # fmt: skip
    assert sets.grades == "raw"
    assert sets.gains == (0, 1, 3, 7)


def test_the_manifest_fits_its_table_and_names_judges_verdicts_and_what_was_kept_out() -> None:
    manifests = build().manifests
    assert TRAINING_SETS.conform(manifests).equals(manifests)
    amplified = manifests.row(by_predicate=pl.col("arm") == "amplified", named=True)
    assert (amplified["n_queries"], amplified["n_labels"], amplified["excluded_queries"]) == (3, 8, 2)
    assert (amplified["judge_versions"], amplified["verdict_ids"]) == ('["judge-1"]', '["verdict-1"]')
    seed = manifests.row(by_predicate=pl.col("arm") == "seed_only", named=True)
    assert (seed["n_labels"], seed["judge_versions"], seed["excluded_queries"]) == (4, "[]", 1)


def test_the_id_is_the_content_not_the_order() -> None:
    first = build().training_set_id("amplified")
    assert build(world.labels(LABELS[::-1]), world.gold(GOLD[::-1])).training_set_id("amplified") == first
    # a changed grade, judge or verdict is another training set; a changed grade of a test query is not
    changed = [("t2", "d3", 3.0) if row[:2] == ("t2", "d3") else row for row in LABELS]
    assert build(world.labels(changed)).training_set_id("amplified") != first
    assert build(world.labels(changed)).training_set_id("seed_only") == build().training_set_id("seed_only")
    other_judge = world.labels(LABELS).with_columns(judge_version=pl.lit("judge-2"))
    assert build(other_judge).training_set_id("amplified") != first
    other_verdict = world.labels(LABELS).with_columns(verdict_id=pl.lit("verdict-2"))
    assert build(other_verdict).training_set_id("amplified") != first
    # a label given again after a recall is another label, though all else is the same; a confirmation is none
    again = world.labels(LABELS).with_columns(given_at=pl.col("given_at") + timedelta(hours=1))
    assert build(again).training_set_id("amplified") != first
    assert build(again).training_set_id("seed_only") == build().training_set_id("seed_only")
    confirmed = world.labels(LABELS, status="confirmed").with_columns(labelled_at=pl.lit(world.NOW + timedelta(days=1)))
    assert build(confirmed).training_set_id("amplified") == first
    hidden = [("h1", "d1", 0.0) if row[0] == "h1" else row for row in LABELS]
    assert build(world.labels(hidden)).training_set_id("amplified") == first


def test_a_test_query_inside_is_found_and_refused() -> None:
    inside = pl.concat(
        [build().rows_by_arm["amplified"], build().rows_by_arm["seed_only"].with_columns(query_id=pl.lit("a1"))]
    )
    assert set(training_set.test_query_inside(inside, SPLITS)["query_id"]) == {"a1"}
    with pytest.raises(
        AccessDeniedError, match=r"4 training rows belong to 1 holdout or anchor queries, e\.g\. \['a1'\]"
    ):
        training_set.refuse_test_queries(inside, SPLITS)
    training_set.refuse_test_queries(build().rows_by_arm["amplified"], SPLITS)


def test_fractional_grades_become_quarters_and_are_never_calibrated() -> None:
    # 1.3 -> 5.2 -> 5 quarters; 2.125 -> 8.5 -> 9 (half up); the calibrated grade, half of that, is not looked at
    fractional = world.labels([("t1", "d2", 1.3), ("t1", "d3", 2.125), *LABELS[2:]])
    sets = build(fractional)
    assert sets.grades == "quarter"
    assert len(sets.gains) == 13
    assert sets.gains[::4] == (0, 1, 3, 7)
    found = {(q, d): label for q, d, label, _ in rows(sets, "amplified")}
    assert (found["t1", "d2"], found["t1", "d3"], found["t1", "d1"]) == (5, 9, 4)


def test_a_panel_mean_between_two_grades_asks_for_quarters_too() -> None:
    panel = world.gold([*GOLD, ("t1", "d5", 4 / 3)])
    assert build(gold=panel).grades == "quarter"
    found = {(q, d): label for q, d, label, _ in rows(build(gold=panel, grades="raw"), "seed_only")}
    assert found["t1", "d5"] == 1


def test_grades_count_from_the_scales_lowest() -> None:
    labels = world.labels([(q, d, g + 1) for q, d, g in LABELS])
    gold = world.gold([(q, d, g + 1) for q, d, g in GOLD])
    shifted = build_training_sets(labels, gold, SPLITS, Scale(1, 4), world.NOW)
    assert rows(shifted, "amplified") == rows(build(), "amplified")


def test_queries_with_one_label_throughout_are_counted_and_dropped() -> None:
    flat = world.labels([*LABELS, ("flat", "d1", 2.0), ("flat", "d2", 2.0)])
    sets = build(flat)
    assert "flat" not in set(sets.rows_by_arm["amplified"]["query_id"])
    assert sets.notes == ("amplified: 1 of 4 queries have one label throughout and are left out.",)


def test_labels_of_a_text_that_changed_are_left_out_when_documents_are_given() -> None:
    documents = world.documents({"d1": "x", "d2": "x", "d4": "x"})  # d3 is gone
    sets = build(documents=documents)
    assert "d3" not in set(sets.rows_by_arm["amplified"]["doc_id"])
    assert sets.notes == ("amplified: 1 labels of texts that have changed or are gone are left out.",)


def test_features_of_the_pair_travel_along() -> None:
    own = world.labels(LABELS).with_columns(features=pl.lit('{"feature_x": 1}'), incumbent_score=pl.lit(0.5))
    machine = build(own).rows_by_arm["amplified"].filter(pl.col("origin") == "machine")
    assert set(machine["features"]) == {'{"feature_x": 1}'}
    assert set(machine["incumbent_score"]) == {0.5}


@pytest.mark.parametrize(
    ("labels", "grades", "error", "message"),
    [
        (world.labels(LABELS, status="recalled"), "auto", TableError, "recalled.*only .*provisional.*confirmed"),
        (world.labels(LABELS, status="superseded"), "auto", TableError, "superseded"),
        (world.labels([*LABELS, LABELS[0]]), "auto", TableError, "2 label rows share a pair"),
        (world.labels([*LABELS, ("t1", "d9", 4.0)]), "auto", TableError, "1 of 10 machine grades lie outside 0 to 3"),
        (world.labels([*LABELS, ("t1", "d9", 1.5)]), "raw", TableError, "1 of 10 raw grades are fractional"),
        (world.labels(LABELS).clear(), "auto", NotApplicableError, "no production label to train on"),
        (world.labels(LABELS).drop("given_at"), "auto", TableError, "labels come without given_at"),
    ],
)  # fmt: skip
def test_unusable_labels_are_refused(
    labels: pl.DataFrame, grades: Literal["auto", "raw"], error: type[LabelPipelineError], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(labels, grades=grades)


def test_a_seed_without_two_orderable_queries_is_refused() -> None:
    with pytest.raises(NotApplicableError, match="seed_only training set has 1 queries with two distinct labels"):
        build(gold=world.gold([*GOLD[:2], ("t2", "d1", 0.0), ("t2", "d4", 0.0)]))


def test_inputs_are_not_changed() -> None:
    labels, gold = world.labels(LABELS), world.gold(GOLD)
    before = labels.clone(), gold.clone()
    build(labels, gold)
    assert labels.equals(before[0])
    assert gold.equals(before[1])


def under(version: str, labels: list[tuple[str, str, float]], hours: int = 0, judge: str = "judge-1") -> pl.DataFrame:
    """Labels of another rubric, given so many hours later."""
    given = pl.col("given_at") + timedelta(hours=hours)
    return world.labels(labels).with_columns(
        given, rubric_version=pl.lit(version), judge_version=pl.lit(judge)
    )  # fmt: skip


def by_rubric(labels: pl.DataFrame, crosswalk: dict[str, dict[int, int]] | None = None) -> TrainingSets:
    rubric = RubricInForce("r", crosswalk or {})
    return build_training_sets(labels, world.gold(GOLD), SPLITS, SCALE, world.NOW, rubric=rubric)


OLD = [("t1", "d2", 1.0), ("old", "d1", 0.0), ("old", "d2", 3.0)]
"""Under an older rubric: a pair that was labelled again, later than under today's, and a query that was not."""


def test_labels_of_another_rubric_do_not_train_and_are_counted() -> None:
    labels = pl.concat([world.labels(LABELS), under("r0", OLD, hours=5)])
    sets = by_rubric(labels)
    assert rows(sets, "amplified") == rows(build(), "amplified")
    assert sets.training_set_id("amplified") == build().training_set_id("amplified")
    counted = dict(sets.manifests.select("arm", "other_rubric_labels").rows())
    assert counted == {"amplified": 2, "seed_only": 0}
    assert (
        "amplified: 2 labels of rubric r0 are left out, the rubric is now r; where its grades still mean something, "
        "state rank.crosswalk."
    ) in sets.notes
    with pytest.raises(
        NotApplicableError, match=r"no production label to train on.*2 labels of rubric r0 are left out"
    ):
        by_rubric(under("r0", OLD[1:]))


def test_a_crosswalk_brings_them_in_in_todays_grades_and_a_label_of_today_goes_before() -> None:
    labels = pl.concat([world.labels(LABELS), under("r0", OLD, hours=5)])
    sets = by_rubric(labels, {"r0": {0: 1, 1: 1, 3: 2}})
    assert rows(sets, "amplified") == rows(build(), "amplified") | {
        ("old", "d1", 1, "machine"), ("old", "d2", 2, "machine"),
    }  # fmt: skip
    assert "amplified: 2 labels of rubric r0 came in by rank.crosswalk." in sets.notes


def test_of_two_older_rubrics_the_label_given_last_comes_in_and_a_grade_between_two_lies_between_their_images() -> None:
    labels = pl.concat(
        [
            world.labels(LABELS), under("r0", [("old", "d1", 2.5), ("old", "d2", 0.0)], hours=5, judge="judge-0"),
            under("r1", [("old", "d2", 3.0)], hours=6),
        ]
    )  # fmt: skip
    sets = by_rubric(labels, {"r0": {0: 0, 2: 1, 3: 2}, "r1": {3: 3}})
    assert sets.grades == "quarter"
    found = {row for row in rows(sets, "amplified") if row[0] == "old"}
    assert found == {("old", "d1", 6, "machine"), ("old", "d2", 12, "machine")}


@pytest.mark.parametrize(
    ("grades", "sentence"),
    [
        ({0: 0, 3: 4}, r"rank.crosswalk of rubric r0 maps to \[4\], expected grades of the scale 0 to 3"),
        ({0: 0, 1: 1}, r"rank.crosswalk of rubric r0 says nothing of \[3\], which its labels have"),
    ],
)
def test_a_crosswalk_that_does_not_fit_is_refused(grades: dict[int, int], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        by_rubric(pl.concat([world.labels(LABELS), under("r0", OLD)]), {"r0": grades})


def test_a_query_keeps_as_many_rows_as_lightgbm_takes_and_its_human_ones_first() -> None:
    notes: list[str] = []
    made = pl.DataFrame(
        [
            {"task": "relevance", "collection": "main", "query_id": query, "doc_id": f"d{i}", "doc_version": "v",
             "context_id": None, "label": i % 2, "origin": "human" if i < 3 else "machine"}
            for query, count in (("large", 20), ("small", 8)) for i in range(count)
        ],
        schema_overrides={"context_id": pl.String},
    )  # fmt: skip
    kept = most_rows(made, "amplified", notes, most=10)
    assert dict(kept.group_by("query_id").len().iter_rows()) == {"large": 10, "small": 8}
    assert kept.filter(origin="human").height == 6
    assert notes == ["amplified: 10 rows of 1 queries are left out, for LightGBM takes at most 10 rows a query."]
    assert most_rows(made.reverse(), "amplified", [], most=10).equals(kept), "whatever their order"
    assert most_rows(made, "amplified", notes).equals(made)
    assert MOST_ROWS == 10_000
