"""Which rubric a human grade was given by, and what becomes of grades of another one; a panel's mean with its count."""

from collections.abc import Sequence

import polars as pl
import pytest

from label_pipeline.core.catalogue import GRADE_RUBRICS
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import (
    Assembled,
    GradeFact,
    GradeRubric,
    annotator_agreement,
    assemble,
    gold_labels,
    rubric_fact,
)
from label_pipeline.stages.seed.rubrics import label_of
from label_pipeline_tests.sql.frames import NOON
from label_pipeline_tests.stages.seed.test_inputs import label
from label_pipeline_tests.stages.seed.world import Row, healthy, raw

SCALE = Scale(0, 3)


def loaded(labels: Sequence[Row], rubric: GradeRubric, evaluation: Sequence[Row] = ()) -> Assembled:
    found = assemble(healthy(human_labels=labels, evaluation=evaluation), SCALE, rubric=rubric)
    assert found.balanced
    return found


def remembered(found: Assembled) -> pl.DataFrame:
    return GRADE_RUBRICS.conform(found.first_loaded.with_columns(first_loaded_at=pl.lit(NOON)))


def test_a_grade_that_does_not_say_is_of_the_rubric_in_force_when_it_was_first_loaded() -> None:
    first = loaded([label(), label(who="a2", grade=2)], GradeRubric("1"), [label(query="q3", who=None)])
    assert first.human_labels["rubric_label"].to_list() == ["1", "1"]
    assert first.evaluation["rubric_label"].to_list() == ["1"]
    memory = remembered(first)
    assert sorted(memory["input"]) == ["evaluation", "human_labels", "human_labels"]
    # under the next rubric they wait; one more grade that came later is of that one
    later = [label(), label(who="a2", grade=2), label(who="a3", grade=2)]
    second = loaded(later, GradeRubric("2", memory), [label(query="q3", who=None)])
    assert second.human_labels.select("annotator_id", "rubric_label").rows() == [("a3", "2")]
    assert second.evaluation.is_empty()
    assert second.first_loaded.height == 1
    told = second.quarantine.filter(input="human_labels")["reason"].to_list()
    assert told[0] == (
        "graded by rubric '1', the rubric is now 2; have it graded again, or state under inputs.rubric_crosswalk what "
        "its grade '1' means now"
    )
    books = second.book_rows.row(by_predicate=pl.col("input") == "human_labels", named=True)
    assert (books["quarantined"], books["other_rubric"], books["kept"]) == (2, 2, 1)


def test_the_first_load_is_remembered_whatever_the_text_of_the_document_is_later() -> None:
    memory = remembered(loaded([label()], GradeRubric("1")))
    changed = [{"doc_id": "d1", "text": "quite another text"}]
    found = assemble(healthy(documents=changed, human_labels=[label()], evaluation=[]), SCALE,
                     rubric=GradeRubric("2", memory))  # fmt: skip
    assert found.human_labels.is_empty()


def fact(found: Assembled, label: str) -> GradeFact:
    books = found.book_rows.row(by_predicate=pl.col("input") == "human_labels", named=True)
    return rubric_fact(label, graded_by=found.human_labels["rubric_label"], books=books, crosswalks=(), agreed=True,
                       agreed_by=())  # fmt: skip


def test_grades_given_anew_that_came_out_the_same_cannot_be_told_and_nothing_is_paid_on_the_others() -> None:
    """Four grades given anew under rubric 2, three of them as before: without a column, only the changed one counts."""
    before = [label(who=f"a{n}", grade=n) for n in range(4)]
    memory = remembered(loaded(before, GradeRubric("1")))
    anew = [*before[:3], label(who="a3", grade=0)]
    mixed = fact(loaded(anew, GradeRubric("2", memory)), "2")
    assert mixed.stops
    assert mixed.sentence.startswith("1 human rows were first loaded under rubric 2 and 3 under an earlier one")
    assert mixed.sentence.endswith("Add column rubric_version to the files")
    said = loaded([row | {"rubric_version": "2"} for row in anew], GradeRubric("2", memory))
    assert said.human_labels.height == 4
    assert fact(said, "2").sentence == "4 human rows are of rubric 2"
    assert not fact(loaded(before, GradeRubric("1", memory)), "1").stops


def test_a_project_that_was_not_loaded_says_that() -> None:
    found = rubric_fact("2", graded_by=pl.Series([], dtype=pl.String), books=None, crosswalks=(), agreed=True,
                        agreed_by=())  # fmt: skip
    assert (found.stops, found.sentence) == (False, "no human grade is loaded yet")


def test_grades_an_older_version_loaded_are_of_no_known_rubric() -> None:
    found = rubric_fact("2", graded_by=pl.Series([None] * 5, dtype=pl.String), books=None, crosswalks=(), agreed=True,
                        agreed_by=())  # fmt: skip
    assert found.stops
    assert "of no rubric that is known (5 rows), the rubric is now 2: load the seed again" in found.sentence


def test_a_version_that_looks_like_a_hash_is_a_version() -> None:
    odd = "rubric-3f2a9c1b7e4d"
    found = loaded([label(rubric_version=odd), label(who="a2", rubric_version=f"{odd}-0123456789ab")], GradeRubric(odd))
    assert found.human_labels.height == 2


def test_a_grade_is_remembered_as_its_file_writes_it() -> None:
    """Another mapping of the file's grades is no new grade."""
    mapped = [
        raw("human_labels", [label(grade=2)], grades={2: 2}),
        raw("human_labels", [label(grade=2)], grades={2: 3}),
    ]
    others = healthy(human_labels=[], evaluation=[])
    first = assemble([*others, mapped[0]], SCALE, rubric=GradeRubric("1"))
    assert first.human_labels["grade"].to_list() == [2]
    second = assemble([*others, mapped[1]], SCALE, rubric=GradeRubric("2", remembered(first)))
    assert second.human_labels.is_empty()


def test_a_mean_lies_between_what_its_neighbours_mean_now() -> None:
    mean = {"query_id": "q1", "doc_id": "d1", "annotator_id": None, "n_grades": 4, "rubric_version": "1"}
    whole = GradeRubric("2", crosswalk={"1": {0: 0, 1: 1, 2: 3, 3: 3}})
    assert loaded([mean | {"grade": 1.25}], whole).human_labels["grade_mean"].to_list() == [1.5]
    half = GradeRubric("2", crosswalk={"1": {0: 0, 1: 1}})
    assert loaded([mean | {"grade": 1.25}], half).human_labels.is_empty()


def test_a_count_beside_named_annotators_makes_no_means_of_their_grades() -> None:
    rows = [label(who=f"a{n}", grade=grade, n_grades=3) for n, grade in enumerate((0, 3, 0))]
    found = assemble(healthy(human_labels=rows), SCALE)
    gold = gold_labels(found.human_labels).row(0, named=True)
    assert (gold["gold_mean"], gold["n_grades"], gold["gold_variance"]) == (1.0, 3, 3.0)


def test_another_grade_of_the_same_person_is_another_grade() -> None:
    memory = remembered(loaded([label(grade=1)], GradeRubric("1")))
    again = loaded([label(grade=3)], GradeRubric("2", memory))
    assert again.human_labels["rubric_label"].to_list() == ["2"]


def test_a_file_that_says_its_rubric_is_believed_and_its_text_does_not_matter() -> None:
    said = [label(rubric_version="2"), label(who="a2", rubric_version="2-0123456789ab"),
            label(who="a3", rubric_version=" 1-ba9876543210 ")]  # fmt: skip
    found = loaded(said, GradeRubric("2"))
    assert found.human_labels["annotator_id"].to_list() == ["a1", "a2"]
    assert found.first_loaded.is_empty(), "nothing to remember of a file that says it"


@pytest.mark.parametrize(("version", "label"), [("2", "2"), ("v-2", "v-2"), ("v-2-0123456789ab", "v-2")])
def test_the_author_s_label_is_the_version_without_its_hash(version: str, label: str) -> None:
    assert label_of(version) == label


def test_a_crosswalk_says_what_older_grades_mean_and_a_grade_it_lacks_waits() -> None:
    old = [label(grade=grade, who=f"a{grade}", rubric_version="1") for grade in range(4)]
    rubric = GradeRubric("2", crosswalk={"1": {0: 3, 1: 2, 3: 0}})
    found = loaded(old, rubric)
    assert found.human_labels.select("annotator_id", "grade", "rubric_label").rows() == [
        ("a0", 3, "1"), ("a1", 2, "1"), ("a3", 0, "1"),
    ]  # fmt: skip
    assert [line for line, _ in found.quarantine.select("line", "reason").iter_rows()] == [4]
    mine = loaded([label(grade=1, rubric_version="2")], rubric)
    assert mine.human_labels["grade"].to_list() == [1], "grades of the rubric in force are left alone"


def test_the_reversed_rubric_of_the_issue() -> None:
    """Every definition reversed, the grades untouched: nothing of them is gold."""
    memory = remembered(loaded([label(), label(query="q2")], GradeRubric("1")))
    assert gold_labels(loaded([label(), label(query="q2")], GradeRubric("2 reversed", memory)).human_labels).is_empty()


def test_a_mean_with_its_count_is_gold_as_the_grades_behind_it() -> None:
    apart = [label(who=f"a{n}", grade=grade) for n, grade in enumerate((1, 2, 2))]
    mean = [label(who=None, grade=5 / 3, n_grades=3)]
    golds = [gold_labels(assemble(healthy(human_labels=rows), SCALE).human_labels) for rows in (apart, mean)]
    for gold in golds:
        assert gold.select("query_id", "doc_id", "n_grades", "gold_grade").rows() == [("q1", "d1", 3, 2)]
        assert gold["gold_mean"].to_list() == pytest.approx([5 / 3])
    assert golds[0]["gold_variance"].to_list() == pytest.approx([1 / 3])
    assert golds[1]["gold_variance"].to_list() == [None], "a mean hides how far people differ"


def test_a_mean_and_a_single_grade_of_one_pair_count_as_their_people() -> None:
    both = [label(who=None, grade=1.5, n_grades=4), label(who="a9", grade=3)]
    found = assemble(healthy(human_labels=both), SCALE)
    gold = gold_labels(found.human_labels).row(0, named=True)
    assert (gold["gold_mean"], gold["n_grades"]) == (pytest.approx((4 * 1.5 + 3) / 5), 5)
    assert found.human_labels.select("grade", "grade_mean", "n_grades").rows() == [(2, 1.5, 4), (3, None, None)]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (
            {"grade": 1.5},
            "where it is the mean of several people, name no annotator and say of how many",
        ),
        ({"grade": 1.5, "n_grades": 1}, "grade '1.5' is not a whole number"),
        ({"grade": 1.5, "n_grades": "some"}, "n_grades 'some' is no number of people; expected 1 to 10000"),
        ({"grade": 1.5, "n_grades": "1e30"}, "is no number of people"),
        ({"grade": 1.5, "n_grades": 2.5}, "is no number of people"),
        ({"grade": 1.5, "n_grades": 0}, "n_grades '0' is no number of people"),
        ({"grade": 3.5, "n_grades": 2}, "is outside the scale"),
    ],
)
def test_a_fraction_without_its_people_is_refused_and_says_what_to_add(row: Row, told: str) -> None:
    found = assemble(healthy(human_labels=[{"query_id": "q1", "doc_id": "d1", "annotator_id": None} | row]), SCALE)
    assert found.human_labels.is_empty()
    assert told in found.quarantine["reason"][0]


def test_agreement_of_means_is_not_applicable_and_says_why() -> None:
    import numpy as np

    means = [label(query=f"q{n}", who=None, grade=1.5, n_grades=3) for n in (1, 2)]
    found = annotator_agreement(assemble(healthy(human_labels=means), SCALE).human_labels, SCALE,
                                np.random.default_rng(0))  # fmt: skip
    assert found["status"].unique().to_list() == ["not applicable"]
    assert "2 rows are means of several people" in found["reason"][0]
