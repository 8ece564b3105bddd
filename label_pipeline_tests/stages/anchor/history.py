"""Constructed histories of labels: judges label, are confirmed and recalled, and rankers are trained in between.

Beside the facts it writes, a history keeps its own plain account of who gave which label when and who was trained on
it: the oracle of what a recall must find. Keep out: expectations.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

import numpy as np
import polars as pl

from label_pipeline.core.catalogue import LABELS, RANKERS, TRAINING_SETS
from label_pipeline.core.scale import Scale
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages import anchor, rank
from label_pipeline_tests.sql.frames import frame_of, rows, table

SCALE = Scale(0, 3)
START = datetime(2026, 3, 1, tzinfo=UTC)
QUERIES = [f"q{i}" for i in range(8)]
DOCS = [f"d{i}" for i in range(4)]
TESTED = ("q6", "q7")
"""Holdout and anchor queries: labelled, and never trained on."""


class Given(NamedTuple):
    """One label somebody gave at a moment."""

    query_id: str
    doc_id: str
    judge: str
    at: datetime


@dataclass
class History:
    """Facts as the tables would hold them, and the account."""

    rng: np.random.Generator
    labels: pl.DataFrame = field(default_factory=LABELS.empty)
    training_sets: pl.DataFrame = field(default_factory=TRAINING_SETS.empty)
    rankers: pl.DataFrame = field(default_factory=RANKERS.empty)
    now: datetime = START
    alive: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    last: dict[tuple[str, str, str], datetime] = field(default_factory=dict)
    trained: dict[str, set[Given]] = field(default_factory=dict)

    @property
    def inputs(self) -> rank.MembershipInputs:
        """What training sets are made from. Humans graded two of the pairs themselves."""
        gold = rows("gold", *({"query_id": "q0", "doc_id": d, "gold_mean": g, "gold_grade": int(g), "n_grades": 1}
                              for d, g in (("d0", 0.0), ("d1", 3.0))),
                    *({"query_id": "q1", "doc_id": f"h{i}", "gold_mean": float(i), "gold_grade": i, "n_grades": 1}
                      for i in range(3)))  # fmt: skip
        splits = rows("splits", *({"query_id": q, "split": "train"} for q in QUERIES[:2]),
                      {"query_id": TESTED[0], "split": "holdout"}, {"query_id": TESTED[1], "split": "anchor"},
                      )  # fmt: skip
        documents = rows("documents", *({"doc_id": d} for d in (*DOCS, "h0", "h1", "h2")))
        return rank.MembershipInputs(self.labels, gold, splits, rows("queries"), documents, SCALE, "auto")

    def tick(self) -> None:
        """Some time passes."""
        self.now += timedelta(minutes=int(self.rng.integers(1, 600)))

    def give(self, judge: str, share: float = 0.4) -> None:
        """A judge labels some of the pairs that hold no usable label of it."""
        found = []
        for query in QUERIES:
            for doc in DOCS:
                if (query, doc, judge) not in self.alive and self.rng.random() < share:
                    grade = float(self.rng.integers(0, 4))
                    found.append({"query_id": query, "doc_id": doc, "judge_version": judge, "raw_grade": grade,
                                  "expected_grade": grade, "verdict_id": f"verdict of {judge}",
                                  "labelled_at": self.now})  # fmt: skip
                    self.alive[query, doc, judge] = self.last[query, doc, judge] = self.now
        self.labels = pl.concat([self.labels, rows("labels", *found)])

    def confirm(self, judge: str) -> None:
        """A healthy run: every provisional label of the judge is confirmed."""
        later = anchor.confirmed(self.labels, judge_version=judge, collection="main", before=self.now, now=self.now)
        self.labels = pl.concat([self.labels, later])

    def recall(self, judge: str, since: datetime, until: datetime) -> None:
        """What still stands of the judge's labels of a window is recalled, by the account."""
        gone = [key for key, at in self.alive.items() if key[2] == judge and since <= at < until]
        taken = anchor.usable(self.labels, judge_version=judge, since=since, until=until)
        assert {(q, d, j) for q, d, j in taken["query_id", "doc_id", "judge_version"].rows()} == set(gone)
        self.labels = pl.concat([self.labels, anchor.recalled(taken, self.now)])
        for key in gone:
            del self.alive[key]

    def train(self) -> str:
        """Trains two rankers on what counts now (by the SQL); the account remembers what they learnt from."""
        usable = frame_of("rank/training_labels", ("labels", self.labels), table("candidates"))
        inputs = self.inputs
        built = rank.build_training_sets(
            usable, inputs.gold, inputs.splits, SCALE, self.now, documents=inputs.documents
        )  # fmt: skip
        name = built.training_set_id("amplified")
        machine = built.rows_by_arm["amplified"].filter(pl.col("origin") == "machine")
        learnt = {
            Given(q, d, j, self.last[q, d, j]) for q, d, j in machine["query_id", "doc_id", "judge_version"].rows()
        }
        self.trained[name] = learnt
        self.training_sets = pl.concat([self.training_sets, built.manifests])
        made = rows("rankers", *({"ranker_id": f"{name} {arm}", "training_set_id": name, "arm": arm,
                                  "created_at": self.now} for arm in ("amplified", "permuted")))  # fmt: skip
        self.rankers = pl.concat([self.rankers, made])
        return name

    def usable(self, judge: str, since: datetime, until: datetime) -> set[Given]:
        """By the account: the judge's labels of a window that nobody took back."""
        return {Given(*key, at) for key, at in self.alive.items() if key[2] == judge and since <= at < until}


def taken_as_given(taken: pl.DataFrame) -> set[Given]:
    """Rows of ``anchor.usable`` in the account's words."""
    return {Given(*row) for row in taken["query_id", "doc_id", "judge_version", "given_at"].rows()}


def pair_of(given: Given) -> dict[str, object]:
    """The pair key of one label."""
    return dict(zip(PAIR_KEY, ("relevance", "main", given.query_id, given.doc_id, "v1", None), strict=True))


@cache
def lived(seed: int, steps: int = 25) -> History:
    """A history of ``steps`` random events of three judges. Do not change it: tests share it."""
    history = History(np.random.default_rng(seed))
    judges = ("judge-a", "judge-b", "judge-c")
    for judge in judges[:2]:
        history.give(judge)
        history.tick()
    for _ in range(steps):
        judge = judges[int(history.rng.integers(3))]
        what = history.rng.choice(["give", "train", "confirm", "recall"], p=[0.35, 0.35, 0.15, 0.15])
        if what == "give":
            history.give(judge)
        elif what == "train":
            history.train()
        elif what == "confirm":
            history.confirm(judge)
        else:
            since = START + (history.now - START) * float(history.rng.random())
            history.recall(judge, since, since + timedelta(hours=float(history.rng.integers(5, 60))))
        history.tick()
    return history
