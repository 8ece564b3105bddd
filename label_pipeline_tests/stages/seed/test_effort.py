"""What people have to grade: the published figures, and when their grades alone are the better buy."""

import pytest

from label_pipeline.stages.seed.effort import MEASURED_WIN, Needs, Prices, better_buy, claims, measured_win

SINGLE = Needs(overlap=0)


def by_claim(needs: Needs) -> dict[str, tuple[int, int, int]]:
    return {claim.claim: (claim.queries, claim.pairs, claim.grades) for claim in claims(needs)}


def test_the_figures_of_the_design() -> None:
    found = by_claim(SINGLE)
    assert found["verdict"] == (88, 880, 880), "44 holdout queries x 10 are half of all"
    assert found["spare queries"] == (5, 50, 50), "a twentieth more: two or three of them reach the holdout"
    assert found["anchor"] == (0, 170, 170), "300 pairs, 13 anchor queries x 10 are there"
    assert found["each renewal of the holdout"] == (44, 440, 440)
    proof = found["ranker better by +0.05 nDCG@10"]
    assert proof[0] == 12, "65 unseen queries are 65 % of 100"
    bought = 880 + 170 + proof[1]
    assert 1500 <= bought <= 2000, "statistics.md section 11: 1,500-2,000 with anchor and proof"
    # the second proof: 400 unseen x 20 in all, of which 65 x 20 are there, and 516 more queries for all splits
    second = found["ranker better by +0.02 nDCG@10"]
    assert second[:2] == (516, 516 * 10 + 400 * 20 - 65 * 20 - 335 * 10)


def test_overlap_costs_grades_and_a_panel_pays_every_pair_three_times() -> None:
    assert by_claim(Needs(overlap=0.2))["verdict"] == (88, 880, 1056)
    panel = by_claim(Needs(queries=60, pairs=4, graders=3, overlap=0.5))
    assert panel["verdict"] == (120, 480, 1440), "100 x 4 x 3 recommended, 60 x 4 x 3 the least"
    assert Needs().training_pairs == 308


def test_hours_and_dollars_are_products() -> None:
    prices = Prices(seconds=45, hourly_usd=20, label_usd_per_1000=3)
    assert prices.hours(880) == pytest.approx(11)
    assert prices.people_usd(880) == pytest.approx(220)
    assert prices.labels_usd(100_000) == pytest.approx(300)


def test_the_measured_win_is_the_published_one_and_shrinks_to_nothing() -> None:
    for pairs, win in MEASURED_WIN.items():
        assert measured_win(pairs) == pytest.approx(win)
    assert measured_win(3000) == measured_win(50_000) == (0, 0)
    assert measured_win(0) == measured_win(200)
    wins = [measured_win(pairs)[0] for pairs in range(200, 3001, 100)]
    assert wins == sorted(wins, reverse=True)


@pytest.mark.parametrize(
    ("pool", "training", "better", "why"),
    [
        (1000, 308, "humans", "grade the pool itself"),
        (1060, 308, "humans", "grade the pool itself"),
        (1400, 308, "humans", "cannot be told from 0"),
        (1501, 308, "either", "money decides"),
        (3000, 308, "either", "money decides"),
        (3001, 308, "seed", "+0.089 (TREC DL)"),
        (100_000, 308, "seed", "save $20,"),
        (100_000, 3000, "either", "money decides"),
    ],
)
def test_what_is_the_better_buy(pool: int, training: int, better: str, why: str) -> None:
    found = better_buy(pool, 1050, training, Prices())
    assert found.better == better
    assert why in found.reasons[-1]


def test_break_even_is_where_both_cost_the_same() -> None:
    prices = Prices()
    even = better_buy(10_000, 1050, 308, prices).break_even
    assert even == 1061
    grade = prices.people_usd(1)
    assert even * grade >= 1050 * grade + prices.labels_usd(even)
    assert (even - 1) * grade < 1050 * grade + prices.labels_usd(even - 1)


def test_a_judge_as_dear_as_a_person_never_pays() -> None:
    found = better_buy(100_000, 1050, 308, Prices(seconds=1, hourly_usd=7.2, label_usd_per_1000=2))
    assert (found.better, found.break_even) == ("humans", None)
    assert "a judge never pays" in found.reasons[1]
