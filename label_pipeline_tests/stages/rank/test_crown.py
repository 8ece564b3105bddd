"""Who may be champion: a ranker whose training set is known, and of which nothing was ever taken back."""

from datetime import timedelta

import numpy as np
import polars as pl

from label_pipeline.stages import rank
from label_pipeline_tests.stages.anchor.history import START, History


def _objection(history: History, name: str, **changes: pl.DataFrame) -> str | None:
    tables = {"rankers": history.rankers, "training_sets": history.training_sets} | changes
    return rank.objection(f"{name} amplified", inputs=history.inputs, **tables)


def _successor(history: History, *names: str) -> str | None:
    crowned = [f"{name} amplified" for name in names]
    return rank.successor(crowned, history.rankers, history.training_sets, history.inputs)


def _trained(seed: int = 3) -> tuple[History, str]:
    history = History(np.random.default_rng(seed))
    history.give("judge-a", 0.9)
    history.tick()
    return history, history.train()


def test_a_known_ranker_of_standing_labels_may() -> None:
    history, name = _trained()
    assert _objection(history, name) is None
    history.tick()
    history.confirm("judge-a")
    assert _objection(history, name) is None, "a confirmation takes nothing back"


def test_what_was_recalled_before_it_was_trained_bars_nobody_also_where_the_set_cannot_be_rebuilt() -> None:
    history = History(np.random.default_rng(3))
    history.give("judge-a", 0.4)
    history.tick()
    history.recall("judge-a", START, START + timedelta(minutes=1))
    history.give("judge-a", 0.4)  # some of the recalled pairs have no label again
    history.now += timedelta(minutes=20)
    name = history.train()
    regraded = history.inputs._replace(gold=history.inputs.gold.slice(1))
    found = rank.objection(f"{name} amplified", history.rankers, history.training_sets, regraded)
    assert found is None


def test_unknown_is_a_failure() -> None:
    """No ranker of that name, or no manifest of what it learnt from, also none of the right arm."""
    history, name = _trained()
    assert "is not in table rankers" in str(_objection(history, "nobody"))
    seed_only = history.training_sets.filter(pl.col("arm") != "amplified")
    for manifests in (history.training_sets.clear(), seed_only.with_columns(training_set_id=pl.lit(name))):
        found = _objection(history, name, training_sets=manifests)
        assert f"no manifest of training set {name}" in str(found)


def test_recalled_labels_bar_for_ever_also_when_they_are_given_again() -> None:
    history, name = _trained()
    learnt = len(history.trained[name])
    history.tick()
    history.recall("judge-a", START, START + timedelta(minutes=1))
    assert f"{learnt} labels ranker {name} amplified learnt from were recalled" in str(_objection(history, name))
    history.tick()
    history.give("judge-a", 1.0)
    assert _objection(history, name) is not None
    second = history.train()
    assert second != name
    assert _objection(history, second) is None, "what learns from the new labels may"


def test_the_same_grades_given_again_are_another_set_and_may_be_crowned() -> None:
    """The judge repeats itself to the letter: only the moment differs."""
    history, name = _trained()
    given = history.labels
    history.tick()
    history.recall("judge-a", START, START + timedelta(minutes=1))
    history.tick()
    history.labels = pl.concat([history.labels, given.with_columns(labelled_at=pl.lit(history.now))])
    for query, doc in given["query_id", "doc_id"].rows():
        history.alive[query, doc, "judge-a"] = history.last[query, doc, "judge-a"] = history.now
    history.tick()
    second = history.train()
    assert second != name
    assert _objection(history, name) is not None
    assert _objection(history, second) is None


def test_the_crown_passes_over_a_ranker_whose_labels_were_recalled_earlier() -> None:
    history, first = _trained()
    history.tick()
    history.give("judge-b", 0.9)
    second = history.train()
    assert _successor(history, second, first) == f"{second} amplified"
    assert _successor(history, first, second) == f"{first} amplified", "the one evaluated last comes first"
    history.tick()
    history.recall("judge-b", START, history.now)
    assert _successor(history, second, first) == f"{first} amplified"
    history.tick()
    history.give("judge-b", 0.9)
    third = history.train()
    history.tick()
    history.recall("judge-a", START, START + timedelta(minutes=1))  # first, and third where judge-b left a pair to it
    history.tick()
    history.recall("judge-b", START, history.now)
    assert _successor(history, third, second, first) is None, "each learnt from labels that some recall took back"
    assert _successor(history) is None


def test_a_recall_at_the_moment_a_set_is_made_is_found() -> None:
    """The set read its labels before the recall was stored, though its clock says the recall came first."""
    for late in (timedelta(0), timedelta(seconds=5)):
        history, name = _trained()
        learnt = len(history.trained[name])
        now = history.now
        history.now -= late
        history.recall("judge-a", START, START + timedelta(minutes=1))
        history.now = now
        [manifest] = history.training_sets.filter(pl.col("arm") == "amplified").to_dicts()
        held = rank.members(manifest, history.inputs)
        assert (held.labels.height, held.exact) == (learnt, True)
        assert _objection(history, name) is not None


def test_a_set_made_after_a_recall_holds_none_of_what_it_took_back() -> None:
    history = History(np.random.default_rng(5))
    history.give("judge-a", 0.6)
    history.now += timedelta(minutes=1)
    history.recall("judge-a", START, START + timedelta(seconds=1))
    history.give("judge-b", 0.9)
    history.now += timedelta(minutes=1)
    name = history.train()
    [manifest] = history.training_sets.filter(pl.col("arm") == "amplified").to_dicts()
    held = rank.members(manifest, history.inputs)
    assert held.exact
    assert set(held.labels["judge_version"]) == {"judge-b"}
    assert _objection(history, name) is None
