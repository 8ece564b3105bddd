"""What people have to grade before a claim can be made, and when their grades alone are the better buy.

Pure arithmetic, printed before anyone grades.
"""

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

ANCHOR_PAIRS = 300
"""Pairs the drift detectors are simulated at (statistics.md section 7)."""

PROOF_DEPTH = 20
"""Graded pairs per query that nDCG@10 of a ranker is proven on: the top 20 of all arms (section 9)."""

PROOF_QUERIES = {0.05: 65, 0.02: 400}
"""Difference in nDCG@10 to the unseen queries that show it (section 14); both follow 2.8 sd / sqrt(Q) at sd .143."""

HUMAN_ENOUGH, HUMAN_EQUAL = 1500, 3000
"""Human pairs from which a seed-trained ranker nearly keeps up with labels of an admitted judge (+.014 nDCG@10, the
interval holds 0), and at which nothing of the win was left, both on TREC DL (section 14)."""

MEASURED_WIN = {200: (0.115, 0.105), 400: (0.073, 0.054), 800: (0.040, 0.031), 1500: (0.014, 0.015)}
"""Human seed pairs to what an admitted judge's labels added to nDCG@10 there, on TREC DL and on ANTIQUE."""


@dataclass(frozen=True)
class Needs:
    """What a gate policy needs in the holdout, and how queries are shared out.

    Attributes:
        queries: holdout queries.
        pairs: graded pairs per query.
        graders: people a pair.
        holdout: share of the queries that end up there.
        anchor: share of the queries that end up in the anchor.
        overlap: share of the pairs that get one more person, for the agreement estimate.
        spare: share of queries drawn beyond what is needed: a query that loses a pair nobody could judge, or whose
            document is gone, does not count, and 7 of 10 draws of 88 had such a one in the holdout.
    """

    queries: int = 44
    pairs: int = 10
    graders: int = 1
    holdout: float = 0.50
    anchor: float = 0.15
    overlap: float = 0.20
    spare: float = 0.05

    @property
    def training_pairs(self) -> int:
        """Pairs a ranker may train on: those of queries in train and dev (308 of 880)."""
        return math.floor(round(self.seed_queries * (1 - self.holdout - self.anchor), 9) * self.pairs)

    @property
    def seed_queries(self) -> int:
        """Queries to grade so that the holdout gets its share: 88 for 44 at one half."""
        return math.ceil(round(self.queries / self.holdout, 9))

    def people(self, pairs: int) -> int:
        """Grades of ``pairs`` pairs, the overlap included where a pair has one grader."""
        extra = self.overlap if self.graders == 1 else 0.0
        return math.ceil(round(pairs * (self.graders + extra), 9))


class Claim(NamedTuple):
    """One thing to be able to say, what it takes *on top of the claims before it*, and how that is counted."""

    claim: str
    queries: int
    pairs: int
    grades: int
    how: str


def claims(needs: Needs) -> tuple[Claim, ...]:
    """Pairs and grades each claim adds, in the order a project buys them.

    * verdict: holdout queries / holdout share = all queries, times pairs per query (44 / .5 x 10 = 880).
    * spare: 5 % of the queries more, for those that come short of their pairs.
    * anchor: 300 pairs, of which the verdict's grades hold anchor share x queries x pairs (13 x 10).
    * proof: 20 pairs on each unseen (holdout or anchor) query, less those graded already; where there are too few
      unseen queries, more queries for all splits. 65 show +.05 nDCG@10, 400 show +.02.
    * renewal: a holdout lasts five looks or twelve months; a fresh one is its queries and pairs again (44 x 10 = 440).

    Sources: statistics.md sections 4, 7, 9, 11 and 14.
    """
    queries = needs.seed_queries
    verdict = queries * needs.pairs
    anchored = math.floor(queries * needs.anchor) * needs.pairs
    anchor = max(0, ANCHOR_PAIRS - anchored)
    unseen_share = needs.holdout + needs.anchor
    graded_unseen = needs.queries * needs.pairs + anchored + anchor
    counted = f"{needs.queries} holdout queries are {needs.holdout:.0%} of {queries}, x {needs.pairs} pairs"
    spare = math.ceil(round(queries * needs.spare, 9))
    kept = f"{ANCHOR_PAIRS} pairs; {anchored} of them are the verdict's"
    found = [
        Claim("verdict", queries, verdict, needs.people(verdict), f"{counted}, {_graders(needs)}"),
        Claim(
            "spare queries",
            spare,
            spare * needs.pairs,
            needs.people(spare * needs.pairs),
            f"{needs.spare:.0%} more: a query that comes short of {needs.pairs} pairs does not count",
        ),
        Claim("anchor", 0, anchor, needs.people(anchor), kept),
    ]
    for lift, unseen in sorted(PROOF_QUERIES.items(), reverse=True):
        wanted = math.ceil(round(unseen / unseen_share, 9))
        more = max(0, wanted - queries)
        seen_pairs = more * needs.pairs  # new queries go to every split: a third of them trains and selects
        unseen_new = max(0, unseen - math.floor(queries * unseen_share))
        deeper = max(0, unseen * PROOF_DEPTH - graded_unseen - unseen_new * needs.pairs)
        pairs = seen_pairs + deeper
        how = f"{unseen} unseen queries ({unseen_share:.0%} of {max(wanted, queries)}) x {PROOF_DEPTH} pairs"
        found.append(Claim(f"ranker better by {lift:+.2f} nDCG@10", more, pairs, pairs, how))
        queries, graded_unseen = max(queries, wanted), max(graded_unseen, unseen * PROOF_DEPTH)
    renewal = needs.queries * needs.pairs
    found.append(
        Claim("each renewal of the holdout", needs.queries, renewal, needs.people(renewal),
              "after five looks or twelve months: fresh queries from current traffic")
    )  # fmt: skip
    return tuple(found)


def _graders(needs: Needs) -> str:
    if needs.graders > 1:
        return f"{needs.graders} people each"
    return f"{needs.overlap:.0%} of them by two people"


@dataclass(frozen=True)
class Prices:
    """What a grade and a label cost.

    Attributes:
        seconds: a grade takes.
        hourly_usd: an annotator costs.
        label_usd_per_1000: a thousand labels of the judge cost, votes and re-reads included.
    """

    seconds: float = 30
    hourly_usd: float = 25
    label_usd_per_1000: float = 2

    def hours(self, grades: int) -> float:
        """Hours that people grade."""
        return grades * self.seconds / 3600

    def people_usd(self, grades: int) -> float:
        """What the people cost, in dollars."""
        return self.hours(grades) * self.hourly_usd

    def labels_usd(self, labels: int) -> float:
        """What the judge's labels cost, in dollars."""
        return labels * self.label_usd_per_1000 / 1000


@dataclass(frozen=True)
class Purchase:
    """Whether to buy people's grades alone, or a seed and a judge.

    Attributes:
        better: ``humans``, ``either`` (about the same) or ``seed``.
        reasons: sentences.
        humans_usd: one grade on every wanted pair.
        seed_usd: the seed's grades and the judge's labels.
        break_even: wanted pairs above which the seed is cheaper; None where it never is.
    """

    better: Literal["humans", "either", "seed"]
    reasons: tuple[str, ...]
    humans_usd: float
    seed_usd: float
    break_even: int | None


def measured_win(training_pairs: int) -> tuple[float, float]:
    """What an admitted judge's labels add to a ranker trained on so many human pairs: nDCG@10 on TREC DL, on ANTIQUE.

    Between the measured sizes linear in the logarithm of the pairs; 0 from 3,000 on, where nothing was left on TREC DL;
    below 200 pairs the value at 200, which is the least it can be.
    """
    sizes = [math.log(size) for size in (*MEASURED_WIN, HUMAN_EQUAL)]
    at = math.log(max(training_pairs, 1))
    trec, antique = (
        float(np.interp(at, sizes, [*(win[column] for win in MEASURED_WIN.values()), 0.0])) for column in (0, 1)
    )
    return trec, antique


def better_buy(pool: int, seed_grades: int, training_pairs: int, prices: Prices) -> Purchase:
    """Compares grading the ``pool`` wanted pairs by people with a seed of ``seed_grades`` and a judge for the pool.

    Humans alone: where they cost no more than seed and judge (pool x grade <= seed x grade + pool x label), or the pool
    is at most 1,500 pairs. About the same: up to 3,000 pairs, where the measured win of an admitted judge's labels over
    as many human grades was gone, or where the seed's own training part is that large. Break-even pool =
    seed x grade / (grade - label).

    Args:
        pool: pairs that shall have a label.
        seed_grades: human grades bought for verdict and anchor.
        training_pairs: pairs of the seed a ranker may train on (queries of train and dev).
        prices: what things cost.
    """
    grade, label = prices.people_usd(1), prices.labels_usd(1)
    humans = prices.people_usd(pool)
    seed = prices.people_usd(seed_grades) + prices.labels_usd(pool)
    even = math.ceil(round(seed_grades * grade / (grade - label), 6)) if grade > label else None
    costs = (
        f"people grade all {pool:,} pairs for ${humans:,.0f} ({prices.hours(pool):,.0f} hours); the seed "
        f"({seed_grades:,} grades) and a judge cost ${seed:,.0f}",
        "a label of the judge costs as much as a grade: a judge never pays" if even is None
        else f"the seed pays for itself from {even:,} pairs on",
    )  # fmt: skip
    better: Literal["humans", "either", "seed"]
    if humans <= seed:
        better, why = "humans", "grade the pool itself: that is the cheaper label, and the safer one"
    elif pool <= HUMAN_ENOUGH:
        better, why = (
            "humans",
            (
                f"with {HUMAN_ENOUGH:,} pairs or fewer, people's grades train nearly as good a ranker: a judge's "
                "labels added +.014 nDCG@10 there on TREC DL, which cannot be told from 0"
            ),
        )
    elif pool <= HUMAN_EQUAL or training_pairs >= HUMAN_EQUAL:
        better, why = "either", f"at {HUMAN_EQUAL:,} human pairs nothing was left of a judge's win: money decides"
    else:
        trec, antique = measured_win(training_pairs)
        better, why = (
            "seed",
            (
                f"the seed and a judge save ${humans - seed:,.0f}; if the gate admits the judge, its labels added "
                f"+{trec:.3f} (TREC DL) and +{antique:.3f} (ANTIQUE) nDCG@10 to a ranker trained on {training_pairs:,} "
                "human pairs, as many as the seed leaves for training"
            ),
        )
    return Purchase(better, (*costs, why), humans, seed, even)
