"""A recall finds every label of its window and every ranker that learnt from one, and none besides."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from label_pipeline.stages import anchor, rank
from label_pipeline_tests.stages.anchor.history import START, History, lived, taken_as_given

SEEDS = 16


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_affected_label_and_ranker_and_none_besides(seed: int) -> None:
    history = lived(seed)
    rng = np.random.default_rng(1000 + seed)
    for judge in ("judge-a", "judge-b", "judge-c"):
        since = START + (history.now - START) * float(rng.random()) * 0.7
        until = since + (history.now - since) * float(rng.random())
        taken = anchor.usable(history.labels, judge_version=judge, since=since, until=until)
        expected = history.usable(judge, since, until)
        assert taken_as_given(taken) == expected

        found = anchor.affected_rankers(taken, history.rankers, history.training_sets, history.inputs)

        touched = {name: len(learnt & expected) for name, learnt in history.trained.items() if learnt & expected}
        assert {(ranker.ranker_id, ranker.labels) for ranker in found} == {
            (f"{name} {arm}", count) for name, count in touched.items() for arm in ("amplified", "permuted")
        }
        assert all(ranker.exact for ranker in found), "every set could be rebuilt to the same hash"


def test_the_histories_hold_what_makes_the_question_hard() -> None:
    """Otherwise the test above would say little: rankers in and out, relabelled pairs, pairs two judges labelled."""
    inside = outside = again = both = 0
    for seed in range(SEEDS):
        history = lived(seed)
        expected = history.usable("judge-a", START, history.now)
        inside += sum(bool(learnt & expected) for learnt in history.trained.values())
        outside += sum(not learnt & expected for learnt in history.trained.values())
        given = history.labels.filter(pl.col("status") == "provisional")
        again += int(given.group_by("query_id", "doc_id", "judge_version").len().filter(pl.col("len") > 1).height)
        both += int(
            given.group_by("query_id", "doc_id").agg(pl.col("judge_version").n_unique())["judge_version"].max() == 3
        )
    assert min(inside, outside, again, both) >= 10, (inside, outside, again, both)


def _trained_once() -> History:
    history = History(np.random.default_rng(3))
    history.give("judge-a", 0.9)
    history.tick()
    history.train()
    return history


def test_a_ranker_trained_before_the_window_is_spared() -> None:
    history = _trained_once()
    before = history.now
    history.tick()
    history.give("judge-a", 1.0)
    taken = anchor.usable(history.labels, judge_version="judge-a", since=before)
    assert taken.height > 0
    assert anchor.affected_rankers(taken, history.rankers, history.training_sets, history.inputs) == ()


def test_where_texts_changed_since_every_label_that_may_be_inside_counts() -> None:
    """The set cannot be rebuilt then: the answer errs towards naming a ranker, and says so."""
    history = _trained_once()
    [learnt] = history.trained.values()
    taken = anchor.usable(history.labels, judge_version="judge-a", since=START)
    changed = history.inputs._replace(documents=history.inputs.documents.filter(pl.col("doc_id") != "d2"))
    found = anchor.affected_rankers(taken, history.rankers, history.training_sets, changed)
    assert {ranker.arm for ranker in found} == {"amplified", "permuted"}
    assert not any(ranker.exact for ranker in found)
    assert all(ranker.labels >= len(learnt) for ranker in found)
    other = taken.with_columns(judge_version=pl.lit("judge-b"))
    assert anchor.affected_rankers(other, history.rankers, history.training_sets, changed) == (), "its manifest knows"


def test_a_ranker_may_not_be_crowned_again_on_recalled_labels() -> None:
    history = _trained_once()
    manifest = history.training_sets.filter(pl.col("arm") == "amplified").row(0, named=True)
    assert rank.recalled_inside(manifest, history.inputs) == 0
    history.confirm("judge-a")
    assert rank.recalled_inside(manifest, history.inputs) == 0, "a confirmation takes nothing back"
    [learnt] = history.trained.values()
    history.tick()
    history.recall("judge-a", START, START + timedelta(minutes=1))
    assert rank.recalled_inside(manifest, history.inputs) == len(learnt)
    history.tick()
    history.give("judge-a", 1.0)
    assert rank.recalled_inside(manifest, history.inputs) == len(learnt), "a label given again is another label"
