"""Who grades what: how many people a pair gets, which of them, and how well their agreement will then be known.

One person grades a query's pairs, as TREC's assessors do: the judge is measured on the order *within* a query, and two
people's different strictness would blur it. A random share of the pairs goes to a second person besides.
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from label_pipeline.core.errors import InputError
from label_pipeline.core.sampling import permanent_number
from label_pipeline.core.tables import QUERY_KEY

SEATS = {"task_id": pl.String, "annotator_id": pl.String}
"""Columns of an assignment: this person grades this pair."""

_NAME = re.compile(r"\w[\w.@+' -]{0,99}")
"""A name becomes a file's, and stands in cells of spreadsheets."""

ALPHA_SPREAD = 2.4
"""sd(alpha) sqrt(pairs) / (1 - alpha): 1.5 to 2.9 in simulated worlds of 240 pairs, two people, four or five grades,
noise and slips (label_pipeline_tests simulates two of them); the more slips, the larger."""

DESIGN_EFFECT = 1.34
"""DEFF of pairs that share a query, at 5 a query (statistics.md section 3)."""


@dataclass(frozen=True)
class OverlapPlan:
    """How many people grade a pair.

    Attributes:
        annotators: who grades.
        graders: people on every pair; 3 for a panel.
        share: of the pairs (0-1) that get ``overlap_graders`` instead.
        overlap_graders: people on those.
        seed: another one chooses other pairs.

    Raises:
        InputError: fewer annotators than a pair needs, one named twice, or a name that could be no file's.
    """

    annotators: tuple[str, ...]
    graders: int = 1
    share: float = 0.2
    overlap_graders: int = 2
    seed: int = 7

    def __post_init__(self) -> None:
        if not (1 <= self.graders <= self.overlap_graders and 0 <= self.share <= 1):
            raise InputError(
                f"expected 1 <= graders <= overlap graders and a share of 0 to 1, got {self.graders}, "
                f"{self.overlap_graders} and {self.share:g}"
            )
        most = self.overlap_graders if self.share else self.graders
        if len(set(self.annotators)) < max(most, 1):
            raise InputError(
                f"{len(set(self.annotators))} annotators are named and some pairs need {most}; name more with "
                "--annotators, or plan fewer people a pair"
            )
        if len({name.casefold() for name in self.annotators}) < len(self.annotators):
            raise InputError(f"an annotator is named twice: {', '.join(self.annotators)}; name each once")
        bad = [name for name in self.annotators if not _NAME.fullmatch(name)]
        if bad:
            raise InputError(
                f"annotator {bad[0][:60]!r}: expected a name of letters, digits, spaces and . @ + ' _ -, a letter or "
                "digit first: it names a file too; write it otherwise"
            )

    def wanted(self, task_id: str) -> int:
        """People on this pair: its permanent number is below ``share`` or not, for good."""
        number = permanent_number(f"label_pipeline.draw.overlap.{self.seed}", task_id)
        return self.overlap_graders if number < self.share else self.graders


def seat(pairs: pl.DataFrame, plan: OverlapPlan, before: pl.DataFrame | None = None) -> pl.DataFrame:
    """Gives every pair its people, balanced: by number of grades, and by how often any two meet on a pair.

    Args:
        pairs: task_id and query key of every pair.
        plan: how many.
        before: SEATS of an earlier plan; all are kept and count as load, also of people who are not named any more.

    Returns:
        SEATS rows by query, then task id.
    """
    earlier = before if before is not None else pl.DataFrame(schema=SEATS)
    board = _Board(plan, earlier)
    salt = f"label_pipeline.draw.seats.{plan.seed}"
    groups = [(tuple(map(str, key)), part["task_id"].sort().to_list()) for key, part in pairs.group_by(QUERY_KEY)]
    rows: list[tuple[str, str]] = []
    for key, tasks in sorted(groups, key=lambda group: permanent_number(salt, *group[0])):
        ties = {name: permanent_number(salt, *key, name) for name in plan.annotators}
        first = board.first_choice(tasks, ties)
        for task in tasks:
            while len(board.seated[task]) < plan.wanted(task) and board.add(task, first, ties):
                pass
            rows += [(task, name) for name in board.seated[task]]
    return pl.DataFrame(rows, schema=SEATS, orient="row")


class _Board:
    """Who sits where so far, how much each has to do, and how often any two meet."""

    def __init__(self, plan: OverlapPlan, earlier: pl.DataFrame) -> None:
        self.plan = plan
        self.seated: dict[str, list[str]] = defaultdict(list)
        self.load: Counter[str] = Counter()
        self.met: Counter[frozenset[str]] = Counter()
        for task, name in earlier.select(SEATS.keys()).iter_rows():
            self._sit(task, name)

    def _sit(self, task: str, name: str) -> None:
        self.met.update(frozenset((name, other)) for other in self.seated[task])
        self.load[name] += 1
        self.seated[task].append(name)

    def first_choice(self, tasks: Sequence[str], ties: Mapping[str, float]) -> list[str]:
        """A query's own graders: those who have most of it already, then those with the least to do."""
        has = Counter(name for task in tasks for name in self.seated[task])
        order = sorted(self.plan.annotators, key=lambda name: (-has[name], self.load[name], ties[name]))
        return order[: self.plan.graders]

    def add(self, task: str, first: Sequence[str], ties: Mapping[str, float]) -> bool:
        """Seats one more: a grader of the query, else whoever met the others least; False when nobody is left."""
        there = self.seated[task]
        rest = [name for name in self.plan.annotators if name not in there]
        own = [name for name in first if name in rest]
        if not rest:
            return False

        def cost(name: str) -> tuple[int, int, float]:
            return sum(self.met[frozenset((name, other))] for other in there), self.load[name], ties[name]

        self._sit(task, own[0] if own else min(rest, key=cost))
        return True


def agreement_half_width(pairs: int, alpha: float = 0.8, design_effect: float = DESIGN_EFFECT) -> float:
    """About half the width of the 95 % interval of Krippendorff's alpha when ``pairs`` have two grades.

    1.96 x 2.4 (1 - alpha) sqrt(DEFF / n): alpha is 1 minus a ratio of means of squared differences, so its error
    shrinks with the disagreement itself. nan without pairs.
    """
    if pairs < 1:
        return math.nan
    return 1.96 * ALPHA_SPREAD * (1 - alpha) * math.sqrt(design_effect / pairs)
