"""compare: losses by hand, the one-standard-error rule on losses whose paired error is known, and who is left out.

The candidates agree with the humans wherever they can be read, so that their calibrator is the identity and a loss is
100 for each unreadable pair: losses, differences and standard errors follow from counting.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import cohen_kappa_score

from label_pipeline.core.catalogue import LEADERBOARD
from label_pipeline.core.errors import JudgeError, NotApplicableError
from label_pipeline.core.judge import pair_grades
from label_pipeline.stages.calibrate import Candidate, Entry, board, compare
from label_pipeline_tests.stages import judged
from label_pipeline_tests.stages.judged import SCALE, Grade

QUERIES = 60
HUMAN = [0, 1, 2, 3, 0, 1, 2, 3, 1, 2] * QUERIES
N = len(HUMAN)


def unread(queries: Sequence[int]) -> list[Grade]:
    """The humans' grades, with one unreadable reply in each of ``queries``."""
    return [None if i % 10 == 0 and i // 10 in queries else grade for i, grade in enumerate(HUMAN)]


def candidate(
    name: str, replies: Sequence[Grade | Sequence[Grade]] | None, usd: float, trouble: str | None = None
) -> Candidate:
    return Candidate(name, f"hash-{name}", None if replies is None else judged.grades(replies), usd, trouble)


def ranked(*candidates: Candidate, gold: pl.DataFrame | None = None, folds: int = 5) -> dict[str, Entry]:
    """The leaderboard by name, in its order; the same whatever the order of the candidates and of the rows."""
    truth = judged.gold(HUMAN) if gold is None else gold
    entries = compare(truth, candidates, SCALE, folds=folds, rng=np.random.default_rng(0))
    assert sum(entry.chosen for entry in entries) == 1
    mirrored = compare(truth.reverse(), candidates[::-1], SCALE, folds=folds, rng=np.random.default_rng(0))
    assert [(e.candidate.name, e.chosen, e.reason) for e in entries if e.n_pairs] == [
        (e.candidate.name, e.chosen, e.reason) for e in mirrored if e.n_pairs
    ]
    return {entry.candidate.name: entry for entry in entries}


def chosen(entries: Mapping[str, Entry]) -> str:
    return next(name for name, entry in entries.items() if entry.chosen)


THREE, FOUR, TEN = range(0, 3), range(3, 7), range(10, 20)
"""Queries with an unreadable reply: four more in other queries than three differ by 1 (se sqrt 7), ten by 7 (3.6)."""


def test_losses_differences_and_errors_by_counting() -> None:
    found = ranked(candidate("three", unread(THREE), 2), candidate("ten", unread(TEN), 1))
    assert list(found) == ["three", "ten"]
    assert found["three"].loss.value == pytest.approx(3 * 100 / N)
    assert found["ten"].loss.value == pytest.approx(10 * 100 / N)
    assert found["ten"].loss.low < found["ten"].loss.value < found["ten"].loss.high
    difference = 7 * 100 / N
    assert found["ten"].difference == pytest.approx(difference)
    # sqrt(Q / (Q - 1) sum over queries of (S_q - theta N_q)^2) / N with S = +-100 in 13 queries
    squares = 13 * 100**2 - QUERIES * (10 * difference) ** 2
    assert found["ten"].difference_se == pytest.approx(math.sqrt(QUERIES / (QUERIES - 1) * squares) / N)
    assert (found["three"].difference, found["three"].difference_se) == (0, 0)
    assert found["ten"].ungraded_share == pytest.approx(10 / N)
    assert found["ten"].n_pairs == N


CASES: dict[str, tuple[Mapping[str, float], str, str]] = {
    # prices of the candidates with 3, 4 and 10 unreadable pairs
    "the cheapest within one standard error": (
        {"three": 3, "four": 1, "ten": 0.1}, "four",
        "cheapest within one standard error of three: $1.000 a thousand pairs",
    ),
    "never a dearer one": ({"three": 1, "four": 3, "ten": 9}, "three", "lowest loss"),
    "at equal prices the lower loss": ({"three": 1, "four": 1, "ten": 1}, "three", "lowest loss"),
    "free is not within one standard error": ({"three": 5, "ten": 0}, "three", "lowest loss"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_one_standard_error_rule(case: str) -> None:
    prices, winner, reason = CASES[case]
    queries = {"three": THREE, "four": FOUR, "ten": TEN}
    found = ranked(*(candidate(name, unread(queries[name]), usd) for name, usd in prices.items()))
    assert chosen(found) == winner
    assert found[winner].reason == reason


def test_every_candidate_has_its_reason() -> None:
    found = ranked(
        candidate("best", unread(THREE), 2), candidate("as good", unread(FOUR), 2), candidate("worse", unread(TEN), 1),
        candidate("away", None, math.nan, "401 bad key"),
    )  # fmt: skip
    assert {name: entry.reason for name, entry in found.items()} == {
        "best": "lowest loss",
        "as good": "within one standard error of the best, but its loss is higher",
        "worse": "more than one standard error behind best",
        "away": "could not be asked: 401 bad key",
    }
    assert list(found)[-1] == "away"


def test_two_alike_go_by_name() -> None:
    assert chosen(ranked(candidate("b", unread(THREE), 1), candidate("a", unread(THREE), 1))) == "a"


VOTES = [[grade, None, grade] for grade in HUMAN]  # every pair is read, every third reply is not


def test_an_unreadable_candidate_is_passed_over_while_another_is_eligible() -> None:
    """The gate would refuse it, however good and cheap it is."""
    found = ranked(candidate("mumbles", VOTES, 0), candidate("ten", unread(TEN), 5))
    assert found["mumbles"].loss.value == 0
    assert found["mumbles"].ungraded_share == pytest.approx(1 / 3)
    assert found["mumbles"].reason == "33.3% unreadable replies, limit 2%"
    assert found["mumbles"].difference == pytest.approx(-10 * 100 / N)  # paired against the best eligible one
    assert chosen(found) == "ten"
    assert found["ten"].reason == "lowest loss"


@pytest.mark.parametrize(("unreadable", "winner"), [(12, "cheap"), (13, "dear")])
def test_the_limit_is_two_percent_of_the_replies(unreadable: int, winner: str) -> None:
    """24 of 1,200 votes are 2 %. The cheap one reads every pair, the dear one does not: only the limit can decide."""
    cheap = [[g, g] if g is not None else [HUMAN[i], None] for i, g in enumerate(unread(range(2 * unreadable)))]
    found = ranked(candidate("cheap", cheap, 1), candidate("dear", unread(range(1)), 2))
    assert found["cheap"].ungraded_share == pytest.approx(2 * unreadable / (2 * N))
    assert chosen(found) == winner


def test_when_all_mumble_one_is_chosen_still() -> None:
    """The gate, not the leaderboard, refuses it, and then says why."""
    assert chosen(ranked(candidate("mumbles", VOTES, 1), candidate("worse", unread(range(13)), 9))) == "mumbles"


def test_a_candidate_without_a_grade_never_wins_and_says_so() -> None:
    found = ranked(candidate("silent", [None] * N, 1), candidate("poor", unread(range(13)), 9))
    assert chosen(found) == "poor"
    assert found["silent"].reason == "no reply holds a grade"
    alone = [candidate("silent", [None] * N, 1)]
    assert not any(
        entry.chosen for entry in compare(judged.gold(HUMAN), alone, SCALE, folds=5, rng=np.random.default_rng(0))
    )


def test_a_pair_that_was_never_asked_is_an_unreadable_one() -> None:
    entry = ranked(candidate("half", HUMAN[: N // 2], 1))["half"]
    assert entry.loss.value == pytest.approx(50)
    assert entry.ungraded_share == 0.5


def test_a_candidate_that_could_not_be_asked_stays_on_the_board_without_figures() -> None:
    away = ranked(candidate("away", None, math.nan, "model gpt-9 is unknown"), candidate("here", HUMAN, 1))["away"]
    assert (away.n_pairs, away.chosen) == (0, False)
    figures = (*away.loss, away.difference, away.difference_se, away.pairwise_accuracy, away.quadratic_kappa)
    assert all(math.isnan(figure) for figure in figures)


def test_nobody_could_be_asked() -> None:
    candidates = [candidate("a", None, 1, "401 bad key"), candidate("b", None, 1, "no answer")]
    with pytest.raises(JudgeError, match="none of 2 candidates could be asked: a: 401 bad key; b: no answer"):
        compare(judged.gold(HUMAN), candidates, SCALE, folds=5, rng=np.random.default_rng(0))


def test_no_gold() -> None:
    with pytest.raises(NotApplicableError, match="no graded pair on a train or dev query; put human labels under"):
        compare(judged.gold([]), [candidate("a", HUMAN, 1)], SCALE, folds=5, rng=np.random.default_rng(0))


def test_the_loss_is_of_a_calibrator_that_never_saw_the_query() -> None:
    """Two queries, the judge says 1 throughout: a constant calibrates to the mean gold of the *other* query."""
    gold = judged.gold([0, 2, 3, 3], per_query=2)
    grades = judged.grades([1, 1, 1, 1], per_query=2)
    entry = ranked(Candidate("one", "h", grades, 1.0), gold=gold)["one"]
    # query 1 (0, 2) is predicted 3: 9 + 1; query 2 (3, 3) is predicted 1: 4 + 4; mean 4.5 of R^2 = 9
    assert entry.loss.value == pytest.approx(50)
    assert math.isnan(entry.loss.low)  # two queries are no sample
    missing = judged.grades([1, 1, 1, None], per_query=2)
    # query 1 is still predicted 3; the unreadable pair costs 9: (9 + 1 + 4 + 9) / 4 = 5.75
    assert ranked(Candidate("one", "h", missing, 1.0), gold=gold)["one"].loss.value == pytest.approx(100 * 5.75 / 9)


def test_a_calibrator_is_of_one_collection() -> None:
    """Generous by one here and severe by one there: one line for both would leave an error of 1."""
    middle = [1, 2] * 80
    gold = pl.concat([judged.gold(middle), judged.gold(middle, collection="mail")])
    up, down = [g + 1 for g in middle], [g - 1 for g in middle]
    grades = pl.concat([judged.grades(up), judged.grades(down, collection="mail")])
    assert ranked(Candidate("one", "h", grades, 1.0), gold=gold)["one"].loss.value == pytest.approx(0, abs=1e-9)


def test_order_and_agreement_are_of_the_grade_a_ranker_would_learn() -> None:
    """Both figures ignore the calibrator: quarters of the expected grade or, where raw grades train, those."""
    gold = judged.gold([0, 1, 2, 3], per_query=4)
    said = judged.judgements([0, 1, 2, 3], per_query=4).with_columns(expected_grade=pl.Series([0.1, 1.6, 1.6, 2.2]))
    one = Candidate("one", "h", pair_grades(said), 1.0)
    leaning = ranked(one, gold=gold)["one"]
    assert leaning.pairwise_accuracy == pytest.approx(5.5 / 6)  # 0 1.5 1.5 2.25: a tie of six pairs
    assert leaning.quadratic_kappa == pytest.approx(cohen_kappa_score([0, 1, 2, 3], [0, 2, 2, 2], weights="quadratic"))
    [raw] = compare(gold, [one], SCALE, folds=5, rng=np.random.default_rng(0), trains_on="raw")
    assert (raw.pairwise_accuracy, raw.quadratic_kappa) == (1, 1)  # the replies said 0 1 2 3


def upside_down(replies: Sequence[Grade]) -> list[Grade]:
    return [None if grade is None else 3 - grade for grade in replies]


def test_a_candidate_that_reads_the_scale_upside_down_is_never_chosen_however_cheap_and_right() -> None:
    """Its loss after calibration is that of the dearer one, grade for grade: the one-SE rule alone would take it."""
    found = ranked(candidate("dear", unread(THREE), 2), candidate("cheap", upside_down(unread(THREE)), 1))
    assert chosen(found) == "dear"
    assert found["cheap"].loss.value == pytest.approx(found["dear"].loss.value)
    assert found["cheap"].reason == (
        "human grades rise by -1.00 a grade of its own, 95 % bound -1.00, needs above 0: it may read the scale upside "
        "down"
    )


def test_where_human_grades_rise_with_nobodys_nobody_is_chosen() -> None:
    guessing = candidate("guess", [int(g) for g in np.random.default_rng(4).integers(0, 4, N)], 1)
    entries = compare(
        judged.gold(HUMAN), [guessing, candidate("turned", upside_down(HUMAN), 1)], SCALE, folds=5,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    assert not any(entry.chosen for entry in entries)
    assert all("human grades rise by" in entry.reason for entry in entries)


@pytest.mark.parametrize(("turned", "taken"), [(False, True), (True, False)])
def test_below_twenty_queries_the_slope_itself_decides(turned: bool, taken: bool) -> None:
    replies: list[Grade] = [0, 1, 2, 3, 0, 1, 2, 3, 1, 2]
    one = candidate("one", upside_down(replies) if turned else replies, 1)
    [entry] = compare(judged.gold(HUMAN[:10]), [one], SCALE, folds=5, rng=np.random.default_rng(0))
    assert math.isnan(entry.slope_low)
    assert entry.chosen == taken


def test_the_table_has_nulls_where_nothing_is_known() -> None:
    found = ranked(candidate("here", unread(THREE), 1), candidate("away", None, math.nan, "401"))
    now = datetime(2026, 3, 1, tzinfo=UTC)
    table = board(list(found.values()), "c1", 0, now)
    assert table.schema == LEADERBOARD.schema
    here, away = table.iter_rows(named=True)
    assert (here["calibration_id"], here["candidate"], here["member_hash"], here["chosen"]) == (
        "c1", "here", "hash-here", True,
    )  # fmt: skip
    assert here["loss"] == found["here"].loss.value
    assert (here["n_pairs"], here["cost_per_1000_usd"], here["calibrated_at"]) == (N, 1.0, now)
    assert [name for name, value in away.items() if value is None] == [
        "loss", "loss_low", "loss_high", "difference", "difference_se", "pairwise_accuracy", "quadratic_kappa",
        "unreadable_share", "slope", "slope_low", "cost_per_1000_usd",
    ]  # fmt: skip
    assert away["reason"] == "could not be asked: 401"
