"""`new_human_labels`: content that changed is loaded, new pairs are asked about, and nothing else."""

import os
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl

from label_pipeline.rehearsal.faults import ServerError
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import Provider
from label_pipeline_tests.defs.sensors.ticking import PAIRS_A_QUERY, SEED_QUERIES, Dial, Watch

SENSOR = "new_human_labels"


def labels(watch: Watch) -> Path:
    return watch.settings.locate(watch.settings.inputs.human_labels[0].path)


def grade_more(watch: Watch, world: SampleWorld, queries: int) -> None:
    """Humans grade ``queries`` further queries."""
    known = pl.read_csv(labels(watch))
    new = world.human_labels.filter(~pl.col("query_id").is_in(known["query_id"].unique().implode()))
    few = new["query_id"].unique(maintain_order=True).head(queries)
    more = new.filter(pl.col("query_id").is_in(few.implode()))
    pl.concat([known, more.select(known.columns).cast(known.schema)]).write_csv(labels(watch))


def test_new_grades_are_loaded_for_nothing_and_only_the_new_pairs_are_asked_about(
    watch: Callable[..., Watch], dial: Dial, world: SampleWorld
) -> None:
    found = watch()
    provider = Provider(os.environ["LABEL_PIPELINE_PROVIDER"])
    assert found.tick(SENSOR).told.startswith("3 input files of the seed, none changed; the newest verdict")
    grade_more(found, world, 6)
    load = found.tick_and_run(SENSOR)
    assert load.jobs == ["load_seed"]
    assert found.results[-1].success
    assert provider.requests() == 0
    splits = found.project.store("gate").read("splits")
    assert splits.height == SEED_QUERIES + 6

    again = found.tick_and_run(SENSOR)
    assert again.jobs == ["recalibrate"]
    reason = again.asked[0].tags["label_pipeline/reason"]
    assert "since the newest verdict: only these are asked" in reason
    assert found.results[-1].success, projects.failure_of(found.results[-1])
    asked = 6 - splits.filter(pl.col("split") == "anchor").height + 7  # 7 anchor queries before
    assert provider.requests() <= (asked + 1) * PAIRS_A_QUERY + 4, "only pairs no judge had seen"
    assert provider.requests() >= 3 * PAIRS_A_QUERY
    assert {epoch for _, _, epoch in found.states()} == {0}, "not fresh"
    assert found.tick(SENSOR).asked == ()


def test_a_touch_loads_nothing(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch()
    found.tick(SENSOR)
    labels(found).touch()
    assert found.tick(SENSOR).told.startswith("3 input files of the seed, none changed")


def test_grades_that_are_taken_back_and_given_again_are_loaded_each_time(
    watch: Callable[..., Watch], dial: Dial, world: SampleWorld
) -> None:
    found = watch(watch={"recalibration_cap_usd": 0, "grown_share": 0})
    before = labels(found).read_bytes()
    found.tick(SENSOR)
    grade_more(found, world, 6)
    after = labels(found).read_bytes()
    jobs = found.tick_and_run(SENSOR).jobs
    for content in (before, after):
        labels(found).write_bytes(content)
        jobs += found.tick_and_run(SENSOR).jobs
    assert jobs == ["load_seed"] * 3
    assert found.runs("load_seed") == 3
    told = found.tick(SENSOR).told
    assert "pairs for stage calibrate and" in told
    assert "watch.recalibration_cap_usd is 0" in told


def test_a_file_that_cannot_be_read_fails_one_load_and_floods_nothing(watch: Callable[..., Watch], dial: Dial) -> None:
    found = watch()
    found.tick(SENSOR)
    good = labels(found).read_bytes()
    labels(found).write_text("query_id,doc_id\nq1,d1\n")
    ticks = [found.tick_and_run(SENSOR) for _ in range(4)]
    assert [tick.jobs for tick in ticks] == [["load_seed"], [], [], []]
    assert not found.results[-1].success
    assert "the changed input files are not loaded yet: run" in ticks[-1].told, "and it is not forgotten"
    assert "tried once more in 60 minutes" in ticks[-1].told
    hasty = watch(watch={"recalibration_cap_usd": 1, "retry_after_s": 0})
    hasty.cursors = found.cursors
    ticks = [hasty.tick_and_run(SENSOR) for _ in range(3)]
    assert [tick.jobs for tick in ticks] == [["load_seed"], [], []]
    assert "failed, a second time" in ticks[-1].told
    assert hasty.job("load_seed").success is False
    labels(hasty).write_bytes(good + b"\n")
    assert hasty.tick_and_run(SENSOR).jobs == ["load_seed"]
    assert hasty.results[-1].success
    assert "not loaded yet" not in hasty.tick(SENSOR).told


def test_grades_that_come_while_a_run_reads_the_files_are_loaded_when_it_has_ended(
    watch: Callable[..., Watch], dial: Dial, world: SampleWorld
) -> None:
    found = watch()
    found.tick(SENSOR)
    started = found.instance.create_run_for_job(
        found.repository.get_job("recalibrate"), status=dg.DagsterRunStatus.STARTED
    )
    grade_more(found, world, 1)
    waiting = found.tick(SENSOR)
    assert waiting.asked == ()
    assert f"run {started.run_id} of job recalibrate is under way" in waiting.told
    found.instance.report_run_canceled(started)
    assert found.tick(SENSOR).jobs == ["load_seed"]


def test_a_query_a_day_spends_no_look_until_enough_have_come_together(
    watch: Callable[..., Watch], dial: Dial, world: SampleWorld
) -> None:
    found = watch()
    found.tick(SENSOR)
    looks: list[int] = []
    for _ in range(3):
        grade_more(found, world, 1)
        assert found.tick_and_run(SENSOR).jobs == ["load_seed"]
        calm = found.tick(SENSOR)
        assert calm.asked == ()
        looks.append(found.project.store("gate").read("holdout_looks").height)
    assert looks == [1, 1, 1]
    assert "more are missing to watch.grown_share 0.1 of the" in calm.told


def test_a_batch_that_failed_half_way_is_tried_once_more_as_a_whole_and_no_third_time(
    watch: Callable[..., Watch], dial: Dial, world: SampleWorld
) -> None:
    endpoints = projects.data(Path())["endpoints"]
    endpoints["rehearsal"]["max_retries"] = 0
    found = watch(endpoints=endpoints, watch={"recalibration_cap_usd": 1, "retry_after_s": 0})
    found.tick(SENSOR)
    grade_more(found, world, 6)
    assert found.tick_and_run(SENSOR).jobs == ["load_seed"]
    dial.every(4, ServerError())
    ticks = [found.tick_and_run(SENSOR) for _ in range(4)]
    assert [tick.jobs for tick in ticks] == [["recalibrate"], ["recalibrate"], [], []]
    assert ticks[1].keys == [f"{ticks[0].keys[0]}:again"]
    assert [result.success for result in found.results] == [True, False, False]
    assert "failed, a second time" in ticks[-1].told
    dial.now = None
    assert found.job("recalibrate").success
    assert "the newest verdict rests on every graded pair" in found.tick(SENSOR).told
