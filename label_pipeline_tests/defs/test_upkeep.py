"""The job that tidies: in the graph, on by itself, silent beside a run that spends, red where old rows offend."""

from pathlib import Path

import dagster as dg
import polars as pl

from label_pipeline.defs.build import build
from label_pipeline.operations.spending import spending
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import LATER, Provider, Small


def upkeep(small: Small) -> dg.ExecuteInProcessResult:
    found = build(small.settings, clock=lambda: small.clock_now)
    return found.resolve_job_def("maintain").execute_in_process(raise_on_error=False)


def test_it_tidies_and_looks_at_every_row(certified_home: Path, tmp_path: Path, provider: Provider) -> None:
    small = Small(projects.settings(projects.copied(certified_home, tmp_path / "home")), LATER)
    assert small.run("amplified_labels").success
    done = upkeep(small)
    assert done.success
    [step] = [event for event in done.all_events if event.event_type_value == "STEP_OUTPUT"]
    told = step.step_output_data.metadata["did"].value
    assert "every check is silent" in str(told)
    store = small.project.store("rank")
    store.append("labels", store.read("labels").head(1).with_columns(raw_grade=pl.lit(9.0)), "bad")
    failed = upkeep(small)
    assert not failed.success
    reason = failed.failure_data_for_node("tidy")
    assert reason is not None
    assert "labels_contract" in str(reason.error or reason.user_failure_data)


def test_beside_a_run_that_spends_it_ends_well_and_tidies_nothing(certified_home: Path, tmp_path: Path) -> None:
    small = Small(projects.settings(projects.copied(certified_home, tmp_path / "home")), LATER)
    with spending(small.project):
        done = upkeep(small)
    assert done.success
