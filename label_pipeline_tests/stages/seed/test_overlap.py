"""Who grades what: the wanted number of people, evenly, and how well agreement will be known."""

from itertools import combinations

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.agreement import krippendorff_alpha
from label_pipeline.core.errors import InputError
from label_pipeline.stages.seed.draw import QueryPlan, draw_queries
from label_pipeline.stages.seed.overlap import OverlapPlan, agreement_half_width, seat
from label_pipeline.stages.seed.pool import PoolPlan, draw_pairs
from label_pipeline_tests.stages.seed.drawing import documents, orders, zipf_log

DRAWN = draw_queries(zipf_log().queries, QueryPlan(queries=60))
PAIRS = draw_pairs(DRAWN, orders(DRAWN), documents(), PoolPlan()).pairs
FIVE = OverlapPlan(("ann", "bea", "cid", "dan", "eve"))


def people(seats: pl.DataFrame) -> dict[str, set[str]]:
    return {task: set(names) for task, names in seats.group_by("task_id").agg("annotator_id").iter_rows()}


def test_a_fifth_of_the_pairs_gets_two_people_the_others_one_and_loads_are_even() -> None:
    seats = seat(PAIRS, FIVE)
    by_task = people(seats)
    sizes = np.array([len(names) for names in by_task.values()])
    assert len(by_task) == PAIRS.height == 720
    assert set(sizes) == {1, 2}
    assert (sizes == 2).mean() == pytest.approx(0.2, abs=0.05)
    assert seats.is_duplicated().sum() == 0
    loads = seats["annotator_id"].value_counts()["count"]
    assert loads.max() - loads.min() <= 15  # type: ignore[operator]  # counts
    met = [sum({one, two} <= names for names in by_task.values()) for one, two in combinations(FIVE.annotators, 2)]
    assert max(met) - min(met) <= 2, "any two meet about as often: a bad annotator shows against everybody"


def test_one_person_grades_a_query_and_a_second_one_only_the_overlap() -> None:
    seats = seat(PAIRS, FIVE).join(PAIRS.select("task_id", "query_id"), on="task_id")
    alone = seats.filter(pl.len().over("task_id") == 1)
    assert (alone.group_by("query_id").agg(pl.col("annotator_id").n_unique())["annotator_id"] == 1).all()


def test_a_panel_seats_three_people_on_every_pair() -> None:
    seats = seat(PAIRS, OverlapPlan(FIVE.annotators, graders=3, share=0, overlap_graders=3))
    assert {len(names) for names in people(seats).values()} == {3}
    loads = seats["annotator_id"].value_counts()["count"]
    assert loads.max() - loads.min() <= 24  # type: ignore[operator]  # counts


def test_extending_keeps_every_seat_and_new_people_take_over_the_new_work() -> None:
    first = seat(PAIRS.head(300), FIVE)
    more = OverlapPlan((*FIVE.annotators[1:], "fay"), share=0.4)
    second = seat(PAIRS, more, first)
    assert first.join(second, on=["task_id", "annotator_id"], how="anti").is_empty()
    loads = dict(second["annotator_id"].value_counts().iter_rows())
    assert loads["ann"] == dict(first["annotator_id"].value_counts().iter_rows())["ann"], "who left gets nothing new"
    assert loads["fay"] > 100
    by_task = people(second)
    assert np.mean([len(names) == 2 for names in by_task.values()]) == pytest.approx(0.4, abs=0.06)
    before = {task for task, names in people(first).items() if len(names) == 2}
    assert all(len(by_task[task]) == 2 for task in before)
    assert seat(PAIRS, FIVE).equals(seat(PAIRS, FIVE))


def test_too_few_people_or_one_named_twice_is_an_error() -> None:
    with pytest.raises(InputError, match="1 annotators are named and some pairs need 2"):
        OverlapPlan(("ann",))
    assert OverlapPlan(("ann",), share=0).annotators == ("ann",)
    with pytest.raises(InputError, match="named twice"):
        OverlapPlan(("ann", "ann", "bea"))
    with pytest.raises(InputError, match="named twice"):
        OverlapPlan(("Ann", "ann"))
    with pytest.raises(InputError, match="expected 1 <= graders"):
        OverlapPlan(("ann", "bea"), graders=3)


@pytest.mark.parametrize(
    "name", ["../ann", "a/b", "a\\b", "=cmd|'/C calc'!A0", ".hidden", "a\nb", "a|b", "-x", "x" * 101]
)
def test_a_name_that_could_be_no_file_s_or_would_run_in_a_sheet_is_an_error(name: str) -> None:
    with pytest.raises(InputError, match=r"annotator .*: expected a name of letters, digits"):
        OverlapPlan((name, "bea"))
    assert OverlapPlan(("Ann-Sofie O'Neill", "çelik@example.org", "7")).graders == 1


@pytest.mark.parametrize(("noise", "slips"), [(0.45, 0.0), (0.27, 0.03)])
def test_the_half_width_promised_is_about_the_one_alpha_has(noise: float, slips: float) -> None:
    """Two people on 0-3, no query effect: 300 simulated samples of 240 pairs."""
    rng = np.random.default_rng(1)
    alphas = []
    for _ in range(300):
        grades = np.clip(np.rint(rng.normal(1.5, 1.1, 240) + rng.normal(0, noise, (2, 240))), 0, 3)
        grades = np.where(rng.random((2, 240)) < slips, rng.integers(0, 4, (2, 240)), grades)
        alphas.append(krippendorff_alpha(grades))
    centre, half = float(np.mean(alphas)), 1.96 * float(np.std(alphas))
    assert 0.7 < centre < 0.9
    assert 0.7 < half / agreement_half_width(240, centre, design_effect=1) < 1.2
    assert np.isnan(agreement_half_width(0))
