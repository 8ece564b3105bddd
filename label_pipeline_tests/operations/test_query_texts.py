"""A query is its text: what one id taught is not tested under another, nor what was learnt before it was graded."""

from datetime import timedelta
from pathlib import Path
from typing import cast

import polars as pl
import pytest

from label_pipeline.operations.rank import training_sets
from label_pipeline.settings import SAMPLE
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import DAYS, LATER, Provider, Said, Small
from label_pipeline_tests.sql.frames import rows

JUDGED = ("judge_leaderboard", "calibrated_judge", "gate_verdict")
RANK = ("training_set", "trained_ranker", "ranker_evaluation")


@pytest.fixture
def small(certified_home: Path, tmp_path: Path, provider: Provider) -> Small:
    home = projects.copied(certified_home, tmp_path / "home")
    return Small(projects.settings(home), LATER)


def some(small: Small, split: str) -> str:
    """The first query of a split."""
    return str(small.project.store("rank").read("splits").filter(split=split).sort("query_id")["query_id"][0])


def retype(small: Small, query: str, like: str) -> None:
    """Query ``query`` is typed like query ``like``, but for a mark at its end."""
    store = small.project.store("rank")
    queries = store.read("queries")
    text = queries.filter(query_id=like)["query"][0]
    typed = pl.when(query_id=query).then(pl.lit(f"{text.upper()} ?")).otherwise("query").alias("query")
    store.overwrite("queries", queries.with_columns(typed))


def queries_tested(small: Small) -> int:
    metrics = small.project.store("rank").read("ranker_metrics")
    return int(metrics.sort("evaluated_at")["n_queries"][-1])


def test_a_holdout_query_with_the_text_of_a_train_query_is_left_out_of_the_gate_and_said(small: Small) -> None:
    retype(small, some(small, "holdout"), some(small, "train"))
    done = small.run(*JUDGED, judge_leaderboard={"fresh": True})
    assert done.success, done.failure
    verdict = small.project.store("gate").read("verdicts").sort("epoch").row(-1, named=True)
    assert (verdict["n_queries"], verdict["n_pairs"]) == (59, 590)
    told = cast(Said, done.run.log).warnings
    assert any(line.startswith("1 holdout queries have the text of a train or dev query") for line in told)


def test_a_holdout_that_falls_below_its_minimum_by_it_is_insufficient_without_a_look(small: Small) -> None:
    policy = {"cap_usd": 1, "thresholds": {"min_queries": 60}}
    found = Small(projects.settings(Path(small.settings.home_path), gate=policy), LATER)
    retype(found, some(found, "holdout"), some(found, "dev"))
    looks = found.project.store("gate").read("holdout_looks").height
    assert found.run("gate_verdict").success
    verdict = found.project.store("gate").read("verdicts").sort("decided_at").row(-1, named=True)
    assert (verdict["state"], verdict["look"]) == ("insufficient", None)
    assert found.project.store("gate").read("holdout_looks").height == looks


def test_a_candidate_with_the_text_of_a_test_query_teaches_nothing(small: Small) -> None:
    assert small.run("amplified_labels", day=DAYS[0]).success
    store = small.project.store("rank")
    labelled = store.read("labels")["query_id"].unique().sort()
    free = next(query for query in labelled if query not in store.read("splits")["query_id"])
    before = training_sets(small.project)
    assert free in before.rows_by_arm["amplified"]["query_id"]
    retype(small, free, some(small, "holdout"))
    after = training_sets(small.project)
    assert free not in after.rows_by_arm["amplified"]["query_id"]
    counted = [int(sets.manifests.filter(arm="amplified")["excluded_queries"][0]) for sets in (before, after)]
    assert counted[1] == counted[0] + 1


def test_a_test_query_with_the_text_of_a_dev_query_tests_no_ranker(small: Small) -> None:
    assert small.run("amplified_labels", day=DAYS[0]).success
    assert small.run(*RANK).success
    before = queries_tested(small)
    retype(small, some(small, "holdout"), some(small, "dev"))
    later = Small(small.settings, LATER + timedelta(hours=1))
    assert later.run("ranker_evaluation").success
    assert queries_tested(later) == before - 1


def test_a_query_that_was_learnt_from_and_graded_afterwards_tests_no_ranker_that_knew_it(small: Small) -> None:
    """18 of 78 test queries were in the training set, and nDCG rose by .023."""
    assert small.run("amplified_labels", day=DAYS[0]).success
    assert small.run(*RANK).success
    before, store = queries_tested(small), small.project.store("rank")
    learnt = training_sets(small.project).rows_by_arm["amplified"].filter(origin="machine")
    known = learnt.filter(~pl.col("query_id").is_in(store.read("splits")["query_id"].implode()))
    query = str(known["query_id"][0])
    graded = known.filter(query_id=query).select("query_id", "doc_id", "doc_version", grade=pl.lit(3, dtype=pl.Int64))
    dealt = rows("splits", {"query_id": query, "split": "holdout", "dealt_at": LATER + timedelta(minutes=30)})
    store.overwrite("splits", pl.concat([store.read("splits"), dealt]).sort("query_id"))
    store.overwrite("evaluation", pl.concat([store.read("evaluation"), rows("evaluation", *graded.to_dicts())]))
    later = Small(small.settings, LATER + timedelta(hours=1))
    done = later.run("ranker_evaluation")
    assert done.success, done.failure
    assert queries_tested(later) == before
    assert "1 test queries were learnt from before people graded them, and are left out." in (
        done.found["ranker_evaluation"].evaluation.notes
    )


def test_the_twin_of_a_query_dealt_to_a_test_afterwards_was_learnt_from_too(small: Small) -> None:
    """It taught under another id: dealing the twin does not make it unlearnt."""
    assert small.run("amplified_labels", day=DAYS[0]).success
    store = small.project.store("rank")
    labelled = store.read("labels")["query_id"].unique().sort()
    free = next(query for query in labelled if query not in store.read("splits")["query_id"])
    assert small.run(*RANK).success
    before = queries_tested(small)
    queries = store.read("queries")
    twin = queries.filter(query_id=free).with_columns(query_id=pl.lit("twin"))
    store.overwrite("queries", pl.concat([queries, twin]))
    documents = store.read("labels").filter(query_id=free).select("doc_id", "doc_version")
    graded = documents.with_columns(query_id=pl.lit("twin"), grade=pl.lit(3, dtype=pl.Int64))
    dealt = rows("splits", {"query_id": "twin", "split": "holdout", "dealt_at": LATER + timedelta(minutes=30)})
    store.overwrite("splits", pl.concat([store.read("splits"), dealt]).sort("query_id"))
    store.overwrite("evaluation", pl.concat([store.read("evaluation"), rows("evaluation", *graded.to_dicts())]))
    done = Small(small.settings, LATER + timedelta(hours=1)).run("ranker_evaluation")
    assert done.success, done.failure
    assert queries_tested(small) == before


def test_a_holdout_query_that_stands_in_the_prompt_is_left_out_of_the_gate_and_said(
    small: Small, tmp_path: Path
) -> None:
    """An example of the prompt is a query the judge was taught: by its text, for a prompt has no ids."""
    known = some(small, "holdout")
    text = small.project.store("rank").read("queries").filter(query_id=known)["query"][0]
    prompt = (SAMPLE.parent / "prompts" / "plain.yaml").read_text()
    taught = tmp_path / "taught.yaml"
    taught.write_text(
        prompt.replace("{{rubric}}", f"{{{{rubric}}}}\n  Example: query \u201c{text.upper()}\u201d, any page: 0.")
    )
    changed = projects.data(tmp_path / "home")
    changed["candidates"][0]["prompts"] = [str(taught)]
    teaching = Small(projects.settings(tmp_path / "home", candidates=changed["candidates"]), LATER)
    done = teaching.run(*JUDGED, judge_leaderboard={"fresh": True})
    assert done.success, done.failure
    told = cast(Said, done.run.log).warnings
    assert "1 holdout queries stand word for word in the judge's prompt or rubric" in "; ".join(told)
    verdict = teaching.project.store("gate").read("verdicts").sort("epoch").row(-1, named=True)
    assert verdict["n_queries"] == 59
