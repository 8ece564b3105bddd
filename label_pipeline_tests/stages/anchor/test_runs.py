"""What one anchor run says, and the row that is kept of it."""

import numpy as np
import polars as pl
import pytest

from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages import anchor
from label_pipeline.stages.anchor.runs import flip_share
from label_pipeline_tests.sql.frames import NOON, rows
from label_pipeline_tests.stages import judged
from label_pipeline_tests.stages.judged import SCALE

GOLD = (0.0, 1.0, 2.0, 3.0)


def items(gold: tuple[float, ...] = GOLD) -> pl.DataFrame:
    return rows("anchor_items", *(judged.pair(i, gold_mean=g, n_grades=1) for i, g in enumerate(gold)))


def run(replies: list[judged.Grade]) -> anchor.AnchorRun:
    said = judged.judgements(replies, model_reported="model-2026", fingerprint="fp")
    return anchor.measure(
        items(), said, judged.judge(calibrators={"main": judged.line(0.5, 0.5)}), epoch=4, ran_at=NOON
    )


def test_a_run_is_aligned_with_the_items_whatever_order_the_replies_came_in() -> None:
    said = judged.judgements([0, 1, None, 3], model_reported="model-2026", fingerprint="fp")
    found = anchor.measure(items(), said.reverse(), judged.judge(), epoch=4, ran_at=NOON)
    assert np.array_equal(found.raw, [0, 1, np.nan, 3], equal_nan=True)
    assert (found.malformed.tolist(), found.refused.tolist()) == ([0, 0, 1, 0], [0, 0, 0, 0])
    assert (found.replies, found.failed) == (4, 0)
    assert (found.models, found.fingerprints) == (frozenset({"model-2026"}), frozenset({"fp"}))


def test_grades_are_calibrated_by_the_judge_that_was_certified() -> None:
    assert run([0, 1, 2, 3]).calibrated.tolist() == [0.5, 1.0, 1.5, 2.0]


def test_a_canary_knows_which_items_it_asked_about() -> None:
    found = run([0, 1])
    assert found.answered is not None
    assert found.answered.tolist() == [True, True, False, False]
    assert run([0, 1, 2, 3]).answered is None


def test_the_row_of_a_run() -> None:
    cost = anchor.Spent(5, 100, 0, 10, 0.5, 2.0)
    # calibrated 0.5, 1, unreadable, 2 against 0, 1, 2, 3: squared errors .25, 0, 9 (the worst), 1 on a scale of 3
    found = run([0, 1, None, 3])
    [row] = anchor.run_row(
        found, items(), cost, SCALE, run_id="r", judge_version="j", collection="main", kind="watch", baseline_epoch=1
    ).to_dicts()
    assert row["loss"] == pytest.approx(100 * (0.25 + 0 + 9 + 1) / 9 / 4)
    assert row["bias"] == pytest.approx((0.5 + 0 - 1) / 3 / 3)
    assert (row["graded"], row["malformed"], row["flip_share"], row["n_pairs"]) == (3, 1, None, 4)
    assert (row["requests"], row["input_tokens"], row["cost_usd"], row["seconds"]) == (5, 100, 0.5, 2.0)


def test_a_run_without_a_grade_has_no_bias_and_the_worst_loss() -> None:
    cost = anchor.Spent(0, 0, 0, 0, 0.0, 0.0)
    [row] = anchor.run_row(
        run([None] * 4), items(), cost, SCALE, run_id="r", judge_version="j", collection="main", kind="watch",
        baseline_epoch=1,
    ).to_dicts()  # fmt: skip
    assert (row["loss"], row["bias"]) == (100.0, None)


def test_what_never_came_is_no_loss_and_no_flip() -> None:
    """A refusal or an unreadable reply is the judge's; a request without a reply is the provider's."""
    cost = anchor.Spent(0, 0, 0, 0, 0.0, 0.0)
    before = [run([0, 1, 2, 3])] * 2

    def row(outcome: str) -> dict[str, object]:
        said = judged.judgements([0, 1, 2, None]).with_columns(
            outcome=pl.when(pl.col("grade").is_null()).then(pl.lit(outcome)).otherwise("outcome")
        )
        found = anchor.measure(items(), said, judged.judge(), epoch=4, ran_at=NOON)
        return anchor.run_row(
            found, items(), cost, SCALE, run_id="r", judge_version="j", collection="main", kind="canary",
            baseline=before, baseline_epoch=1,
        ).row(0, named=True)  # fmt: skip

    lost = row("failed")
    assert (lost["failed"], lost["loss"], lost["flip_share"], lost["n_pairs"]) == (1, 0.0, 0.0, 4)
    for outcome in ("refused", "malformed", "cut", "out_of_scale"):
        assert (row(outcome)["loss"], row(outcome)["flip_share"]) == (25.0, 0.25), outcome


def test_a_run_about_nothing_is_refused() -> None:
    said = judged.judgements([0, 1])
    with pytest.raises(NotApplicableError, match="the anchor run of epoch 4 has no pairs to be about"):
        anchor.measure(items().clear(), said, judged.judge(), epoch=4, ran_at=NOON)


def test_flips_are_grades_off_the_commonest_one_of_the_baseline() -> None:
    before = [run([0, 1, 2, 3]), run([0, 1, 2, 3]), run([1, 1, 2, None])]
    assert flip_share(run([0, 1, 2, 3]), before, SCALE) == 0
    assert flip_share(run([0, 2, 2, None]), before, SCALE) == 0.5
    assert flip_share(run([0, 2, 2, None]), before[:1], SCALE) is None, "one run has no commonest grade"


def test_what_a_killed_process_paid_is_counted_once() -> None:
    paid = {"cost_usd": 0.5, "input_tokens": 10, "output_tokens": 1}
    earlier = rows("judgements", {**paid, "request_key": "a"}, {**paid, "request_key": "b"},
                   {**paid, "request_key": "b", "reused": True, "cost_usd": 0.0, "doc_id": "copy"})  # fmt: skip
    now = rows("judgements", {**paid, "request_key": "a", "reused": True, "cost_usd": 0.0},
               {**paid, "request_key": "c"}, {**paid, "request_key": "d", "reused": True})  # fmt: skip
    found = anchor.spent(now, earlier, requests=1, seconds=2.0)
    # d was answered by the journal and in no table: this run books it
    assert found == anchor.Spent(3, 40, 0, 4, 2.0, 2.0)


def test_a_snapshot_keeps_bytes_and_gold() -> None:
    pairs = items().drop("judge_version", "baseline_epoch", "snapshot_at").with_columns(document=pl.lit("a\r\nb\u00a0"))
    kept = anchor.snapshot(pairs, judge_version="j", baseline_epoch=7, now=NOON)
    assert set(kept["document"]) == {"a\r\nb\u00a0"}
    assert kept.select(PAIR_KEY).equals(pairs.select(PAIR_KEY))
    assert (set(kept["judge_version"]), set(kept["baseline_epoch"])) == ({"j"}, {7})
