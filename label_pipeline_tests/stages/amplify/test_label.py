"""Labels carry where they come from, nobody labels without a verdict of this very judge, and the books add up."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.catalogue import LABEL_RUNS, LABELS
from label_pipeline.core.codes.labels import Refuser
from label_pipeline.core.errors import GateClosedError
from label_pipeline.core.judge import JudgeVersion
from label_pipeline.core.judging.engine import Judging
from label_pipeline.core.judging.spent import NOTHING, Spent, spent
from label_pipeline.core.ports import PairText
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.amplify import DayBooks, Work, books, labels, name_of, orphan_row, run_row
from label_pipeline_tests.stages.amplify.orders import (
    CLOSED,
    CUT,
    DAY,
    FAILED,
    MALFORMED,
    NOW,
    OPEN,
    OUT_OF_SCALE,
    OVER_CAP,
    REFUSED,
    REJECTED,
    Said,
    judging,
    said,
    work,
)  # fmt: skip
from label_pipeline_tests.stages.judged import judge, line


def labelled(found: Work, answers: Sequence[Said | Sequence[Said]], by: JudgeVersion | None = None) -> pl.DataFrame:
    by = by or judge()
    facts = pl.DataFrame([key(pair) | FACTS for pair in found.ask], schema=FACTS_SCHEMA)
    return labels(found, judging(found.ask, answers), by, facts, SEED, anchored=True, day=DAY, run_id="run-9", now=NOW)


FACTS = {"characters": 50, "source": None, "language": "en", "query_language": "en"}
SEED = pl.DataFrame(
    [{**FACTS, "grade": float(grade)} for grade in range(3)],
    schema={"characters": pl.Int64, "source": pl.String, "language": pl.String, "query_language": pl.String,
            "grade": pl.Float64},
)  # fmt: skip
"""A seed of like documents, to which the judge gave every grade but 3."""
FACTS_SCHEMA = dict.fromkeys(PAIR_KEY, pl.String) | {n: t for n, t in SEED.schema.items() if n != "grade"}


def key(pair: PairText) -> dict[str, object]:
    return {name: getattr(pair, name) for name in PAIR_KEY}


NOTHING_KNOWN = pl.DataFrame(schema=FACTS_SCHEMA)


def booked(
    found: Work, came: Judging | None, run_id: str = "r", refused_by: Refuser | None = None, reason: str | None = None
) -> pl.DataFrame:
    """The books of an order that took 2.5 seconds."""
    cost = spent(came.judgements, came.judgements.clear(), came.requests, 2.5) if came else NOTHING
    return run_row(found, came, cost, day=DAY, run_id=run_id, refused_by=refused_by, reason=reason, now=NOW)


def test_a_label_carries_where_it_comes_from() -> None:
    frame = labelled(work([1]), [said(2, 1.6)])
    assert frame.schema == LABELS.schema
    assert frame.row(0, named=True) == {
        "task": "relevance", "collection": "main", "query_id": "q000", "doc_id": "d00001", "doc_version": "v1",
        "context_id": None, "day": DAY, "raw_grade": 2.0, "expected_grade": 1.6, "calibrated_grade": 1.6,
        "confidence": None, "status": "provisional", "judge_version": judge().judge_version, "verdict_id": "v1",
        "run_id": "run-9", "request_keys": '["r0.0"]', "model_reported": "model-2026", "rubric_version": "1-abc",
        "cost_usd": 0.001, "labelled_at": NOW, "outside_seed": "[]", "anchored": True, "served_by": None,
    }  # fmt: skip


def test_a_grade_the_seed_never_had_is_marked_and_so_is_a_pair_of_which_nothing_is_known() -> None:
    assert labelled(work([1, 2]), [said(2), said(3)])["outside_seed"].to_list() == ["[]", '["grade"]']
    found = work([1])
    stored = labels(
        found, judging(found.ask, [said(2)]), judge(), NOTHING_KNOWN, SEED, anchored=True, day=DAY, run_id="r", now=NOW
    )
    assert stored["outside_seed"].to_list() == ['["length", "language"]']  # the seed has documents without a source


def test_only_what_was_read_becomes_a_label() -> None:
    outcomes = [said(0), MALFORMED, REFUSED, CUT, OUT_OF_SCALE, FAILED, OVER_CAP, said(3)]
    frame = labelled(work(range(8)), outcomes)
    assert frame.select("doc_id", "raw_grade").rows() == [("d00000", 0.0), ("d00007", 3.0)]


def test_several_votes_make_one_label_that_rests_on_the_votes_that_were_read() -> None:
    frame = labelled(work([0]), [[said(1), MALFORMED, said(3)]])
    assert frame["raw_grade"].to_list() == [2.0]
    assert frame["confidence"].to_list() == [pytest.approx(-np.sqrt(2))]
    assert json.loads(frame["request_keys"][0]) == ["r0.0", "r0.2"]
    assert frame["cost_usd"].to_list() == [pytest.approx(0.003)]  # what was paid, the unread vote included


def test_a_judge_of_five_votes_labels_with_five() -> None:
    """It labelled 20 of 20 pairs from one to four votes in a spell of 503, and 14 grades were other ones."""
    found = work(range(5))
    votes = [
        [said(2)] * 5, [said(2)] * 4 + [FAILED], [said(2), OVER_CAP, OVER_CAP, OVER_CAP, OVER_CAP],
        [said(2)] * 3 + [MALFORMED] * 2, [REJECTED] + [said(2)] * 4,
    ]  # fmt: skip
    made = labelled(found, votes)
    assert made["doc_id"].to_list() == [found.ask[i].doc_id for i in (0, 3, 4)], (
        "what cannot be read is the judge's own"
    )
    counted = books(found, judging(found.ask, votes))
    assert (counted.labelled, counted.failed, counted.barred, counted.abstained) == (3, 1, 1, 0)
    assert counted.balanced


def test_the_calibrated_grade_is_of_its_collection_and_never_rounded() -> None:
    by = judge(calibrators={"main": line(0.1, 0.7), "mail": line(-1.0)})
    found = work([0, 1], standing=replace(OPEN, judge_version=by.judge_version))
    frame = labelled(found, [said(2), said(2, 1.55)], by)
    assert frame["calibrated_grade"].to_list() == pytest.approx([0.1 + 0.7 * 2, 0.1 + 0.7 * 1.55])
    assert frame["raw_grade"].to_list() == [2.0, 2.0]
    assert frame["expected_grade"].to_list() == [2.0, 1.55]


def test_nothing_asked_is_an_empty_frame() -> None:
    assert labelled(work([0], labelled=[0]), []).equals(LABELS.empty())


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": "closed", "reasons": ("skill",)}, r"the open verdict there is of judge {version} \(closed\)"),
        ({"state": "suspended", "reasons": ("drift",)}, r"of judge {version} \(suspended\)"),
        ({"judge_version": "another"}, r"of judge another \(open\)"),
        ({"judge_version": None, "state": "missing", "reasons": ("none",)}, r"of judge None \(missing\)"),
    ],
)
def test_no_label_without_an_open_verdict_of_this_very_judge(changes: Mapping[str, object], sentence: str) -> None:
    """Even where replies are in hand already: the wall is where labels are made."""
    found = work([0, 1])
    refused = replace(found, standing=replace(OPEN, **changes))  # type: ignore[arg-type]  # a table of fields
    with pytest.raises(GateClosedError, match=sentence.format(version=judge().judge_version)):
        labelled(refused, [said(), said()])


CASES: dict[str, tuple[Sequence[Said | Sequence[Said]], Mapping[str, int]]] = {
    "graded": ([said()], {"labelled": 1}),
    "graded from the journal": ([said(reused=True)], {"labelled": 1, "reused": 1}),
    "some votes from the journal": ([[said(reused=True), said()]], {"labelled": 1}),
    "malformed": ([MALFORMED], {"abstained": 1}),
    "malformed, from the journal": ([replace(MALFORMED, reused=True)], {"abstained": 1}),
    "refused by the model": ([REFUSED], {"abstained": 1}),
    "rejected by the endpoint": ([REJECTED], {"abstained": 1}),
    "cut": ([CUT], {"abstained": 1}),
    "out of scale": ([OUT_OF_SCALE], {"abstained": 1}),
    "no reply": ([FAILED], {"failed": 1}),
    "over the cap": ([OVER_CAP], {"barred": 1}),
    "one vote read, the next over the cap": ([[said(), OVER_CAP]], {"barred": 1}),
    "one vote read, the next without a reply": ([[said(), FAILED]], {"failed": 1}),
    "one vote refused, the next without a reply": ([[REFUSED, FAILED]], {"failed": 1}),
    "no reply, then over the cap": ([[FAILED, OVER_CAP]], {"failed": 1}),
    "over the cap, then no reply": ([[OVER_CAP, FAILED]], {"barred": 1}),
    "unread, then read": ([[MALFORMED, said()]], {"labelled": 1}),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fate_is_one_column(case: str) -> None:
    answers, counted = CASES[case]
    found = work([0])
    zero = dict.fromkeys(("labelled", "reused", "abstained", "failed", "barred", "skipped"), 0)
    assert books(found, judging(found.ask, answers)) == DayBooks(pairs_in=1, **{**zero, **counted})


def test_pairs_labelled_before_are_labelled_and_reused() -> None:
    found = work(range(5), labelled=[0, 1], customers=[2])
    assert books(found, judging(found.ask, [said(), FAILED])) == DayBooks(
        pairs_in=5, labelled=3, reused=2, abstained=0, failed=1, barred=0, skipped=1
    )


def test_an_order_that_was_not_placed_is_refused_but_keeps_what_it_has() -> None:
    """Over the cap before the first request."""
    found = work(range(5), labelled=[0], customers=[1])
    assert books(found, None) == DayBooks(pairs_in=5, labelled=1, reused=1, abstained=0, failed=0, barred=3, skipped=1)
    assert books(work(range(5), standing=CLOSED), None).barred == 5


VOTES = [
    said(0), said(1, reused=True), said(3, 2.5), MALFORMED, replace(MALFORMED, reused=True), REFUSED, CUT, OUT_OF_SCALE,
    FAILED, OVER_CAP, REJECTED,
]  # fmt: skip


def _random_day(rng: np.random.Generator) -> tuple[Work, Judging | None, list[list[Said]]]:
    size = int(rng.integers(0, 25))
    before, customers = (rng.permutation(25)[: rng.integers(0, 12)].tolist() for _ in range(2))
    standing = CLOSED if rng.random() < 0.2 else OPEN
    found = work(range(size), before, customers, standing, inside=bool(rng.integers(2)))
    votes = int(rng.integers(1, 4))
    answers = [[VOTES[k] for k in rng.integers(0, len(VOTES), votes)] for _ in found.ask]
    placed = standing.open and rng.random() < 0.85
    return found, judging(found.ask, answers) if placed else None, answers


def _fate(votes: Sequence[Said]) -> str:
    """What becomes of a pair, said the long way round."""
    for vote in votes:
        if vote.outcome in {"over_cap", "failed"}:
            return "refused" if vote.outcome == "over_cap" else "failed"
    return "labelled" if any(vote.outcome == "graded" for vote in votes) else "abstained"


def test_the_books_add_up_for_every_mix_of_outcomes() -> None:
    rng = np.random.default_rng(1)
    seen: Counter[str] = Counter()
    for _ in range(300):
        found, came, answers = _random_day(rng)
        row = booked(found, came).row(0, named=True)
        parts = {name: row[name] for name in ("labelled", "abstained", "failed", "refused", "skipped")}
        assert sum(parts.values()) == row["pairs_in"] == found.pairs_in
        assert min(parts.values()) >= 0
        assert found.labelled_before <= row["reused"] <= row["labelled"]
        fates = Counter(_fate(votes) if came else "refused" for votes in answers)
        expected = {
            "labelled": found.labelled_before + fates["labelled"], "abstained": fates["abstained"],
            "failed": fates["failed"], "refused": found.barred + fates["refused"], "skipped": found.skipped,
        }  # fmt: skip
        assert parts == expected
        if came:
            stored = labels(found, came, judge(), NOTHING_KNOWN, SEED, anchored=True, day=DAY, run_id="r", now=NOW)
            assert found.labelled_before + stored.height == row["labelled"]
            assert not stored.select("doc_id").is_duplicated().any()
        seen.update(name for name, count in parts.items() if count)
        seen.update(["not placed"] if found.standing.open and came is None else [])
    assert set(seen) == {"labelled", "abstained", "failed", "refused", "skipped", "not placed"}
    assert min(seen.values()) > 10


def test_a_run_books_what_it_sent() -> None:
    found = work(range(4))
    came = judging(found.ask, [said(), said(reused=True), MALFORMED, OVER_CAP])
    frame = booked(found, came, run_id="run-9", refused_by="cap", reason="stopped at the cap")
    assert frame.schema == LABEL_RUNS.schema
    assert frame.row(0, named=True) == {
        "run_id": "run-9", "day": DAY, "collection": "main", "judge_version": judge().judge_version, "verdict_id": "v1",
        "chunk": name_of(found),
        "pairs_in": 4, "labelled": 2, "reused": 1, "abstained": 1, "failed": 0, "refused": 1, "skipped": 0,
        "requests": 2, "input_tokens": 200, "cached_tokens": 40, "output_tokens": 20, "cost_usd": 0.002, "seconds": 2.5,
        "refused_by": "cap", "reason": "stopped at the cap", "finished_at": NOW,
    }  # fmt: skip


def test_a_refused_run_names_no_judge() -> None:
    row = booked(work(range(3), standing=CLOSED), None, reason="closed").row(0, named=True)
    assert (row["judge_version"], row["verdict_id"]) == (None, None)
    assert (row["refused"], row["requests"], row["cost_usd"], row["input_tokens"]) == (3, 0, 0.0, 0)


def test_books_that_do_not_add_up_are_not_stored() -> None:
    found = work(range(2))
    half = judging(found.ask[:1], [said()])
    with pytest.raises(ValueError, match="the books of main on 2026-03-01 do not add up"):
        booked(found, half)


def test_what_nothing_came_of_is_booked_with_its_cost() -> None:
    """Another model answered half-way: every pair is refused, and what was sent was sent."""
    found = work(range(3))
    row = run_row(
        found, None, Spent(2, 200, 40, 20, 0.002, 1.0),
        day=DAY, run_id="r", refused_by="model", reason="another model", now=NOW,
    ).row(0, named=True)  # fmt: skip
    assert (row["pairs_in"], row["refused"], row["labelled"], row["requests"], row["cost_usd"]) == (3, 3, 0, 2, 0.002)


def test_a_run_that_was_killed_is_booked_by_what_is_known_of_it() -> None:
    known = {
        "run_id": "run-8", "day": DAY, "collection": "main", "judge_version": None, "verdict_id": None, "labels": 0,
        "requests": 7, "input_tokens": 700, "cached_tokens": 0, "output_tokens": 70, "cost_usd": 0.25, "ended_at": NOW,
    }  # fmt: skip
    row = orphan_row(known).row(0, named=True)
    assert (row["pairs_in"], row["labelled"], row["requests"], row["cost_usd"]) == (0, 0, 7, 0.25)
    assert (row["finished_at"], row["day"]) == (NOW, DAY)
