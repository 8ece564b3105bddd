"""The graph as a newcomer sees it: assets, checks, jobs, schedules, and what the page shows of them."""

from datetime import date, datetime
from pathlib import Path

import dagster as dg
import pytest

from label_pipeline.defs.build import build
from label_pipeline.operations.amplify_finished import nights_missed
from label_pipeline.operations.project import Project
from label_pipeline.stages import STAGES
from label_pipeline_tests.defs import projects
from label_pipeline_tests.sql.frames import rows

ASSETS = {
    "seed": ["annotator_agreement", "gold_labels", "seed_inputs", "seed_splits"],
    "calibrate": ["calibrated_judge", "judge_leaderboard"],
    "gate": ["gate_verdict"],
    "amplify": ["amplified_labels", "candidate_pairs"],
    "rank": ["ranker_evaluation", "trained_ranker", "training_set"],
    "anchor": ["anchor_run", "drift_verdict"],
}
BLOCKING = {("gate_verdict", "judge_gate"), ("training_set", "no_test_query_inside")}
CHECKS = BLOCKING | {
    ("seed_inputs", "inputs_contract"),
    ("seed_inputs", "rows_add_up"),
    ("seed_inputs", "human_label_of_customer_text"),
    ("annotator_agreement", "agreement_floor"),
    ("gold_labels", "gold_without_human_label"),
    ("seed_splits", "gold_query_without_split"),
    ("candidate_pairs", "inputs_contract"),
    ("candidate_pairs", "rows_add_up"),
    ("candidate_pairs", "candidate_without_text"),
    ("amplified_labels", "books_differ_in_money"),
    ("amplified_labels", "books_do_not_add_up"),
    ("amplified_labels", "label_without_open_verdict"),
    ("amplified_labels", "labelled_twice"),
    ("amplified_labels", "labels_contract"),
    ("amplified_labels", "labels_missing_from_run"),
    ("training_set", "training_verdict_unknown"),
    ("ranker_evaluation", "beats_seed_only"),
    ("drift_verdict", "no_drift"),
}
EDGES = {
    ("seed_inputs", "annotator_agreement"),
    ("seed_inputs", "gold_labels"),
    ("gold_labels", "seed_splits"),
    ("gold_labels", "judge_leaderboard"),
    ("seed_splits", "judge_leaderboard"),
    ("annotator_agreement", "judge_leaderboard"),
    ("judge_leaderboard", "calibrated_judge"),
    ("calibrated_judge", "gate_verdict"),
    ("gold_labels", "gate_verdict"),
    ("seed_splits", "gate_verdict"),
    ("seed_inputs", "candidate_pairs"),
    ("candidate_pairs", "amplified_labels"),
    ("gate_verdict", "amplified_labels"),
    ("amplified_labels", "training_set"),
    ("seed_splits", "training_set"),
    ("training_set", "trained_ranker"),
    ("trained_ranker", "ranker_evaluation"),
    ("seed_inputs", "ranker_evaluation"),
    ("seed_splits", "ranker_evaluation"),
    ("gate_verdict", "anchor_run"),
    ("anchor_run", "drift_verdict"),
}


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build(projects.settings(tmp_path_factory.mktemp("home")))


def test_every_asset_of_the_architecture_in_its_stage(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    found: dict[str, list[str]] = {stage: [] for stage in STAGES}
    for key in graph.get_all_asset_keys():
        found[str(graph.get(key).group_name)].append(key.path[-1])
    assert {stage: sorted(names) for stage, names in found.items()} == ASSETS


def test_lineage(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    edges = {
        (parent.path[-1], key.path[-1]) for key in graph.get_all_asset_keys() for parent in graph.get(key).parent_keys
    }
    assert edges == EDGES


def test_checks_and_which_of_them_block(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    found = {(key.asset_key.path[-1], key.name) for key in graph.asset_check_keys}
    assert found == CHECKS
    blocking = {(k.asset_key.path[-1], k.name) for k in graph.asset_check_keys if graph.get(k).blocking}
    assert blocking == BLOCKING


def test_every_asset_says_what_it_is(definitions: dg.Definitions) -> None:
    for spec in definitions.resolve_all_asset_specs():
        assert spec.description, spec.key
        assert spec.owners == ["team:search-quality"], spec.key
        assert spec.kinds, spec.key
        columns = spec.metadata["dagster/column_schema"].columns
        assert all(column.description for column in columns), spec.key


def test_daily_partitions_end_where_the_project_ends(definitions: dg.Definitions) -> None:
    days = definitions.resolve_assets_def("amplified_labels").partitions_def
    assert days is not None
    assert days.get_partition_keys() == list(projects.DAYS)
    assert definitions.resolve_assets_def("candidate_pairs").partitions_def == days
    assert definitions.resolve_assets_def("gate_verdict").partitions_def is None


@pytest.mark.parametrize(
    ("job", "stages"),
    [
        ("recalibrate", ("seed", "calibrate", "gate")),
        ("nightly_amplification", ("amplify",)),
        ("train_ranker", ("rank",)),
        ("anchor_watch", ("anchor",)),
        ("load_seed", ("seed",)),
    ],
)
def test_jobs(definitions: dg.Definitions, job: str, stages: tuple[str, ...]) -> None:
    nodes = {key.path[-1] for key in definitions.resolve_job_def(job).asset_layer.executable_asset_keys}
    assert nodes == {name for stage in stages for name in ASSETS[stage]}


@pytest.mark.parametrize(("name", "cron"), [("nightly", "0 2 * * *"), ("anchor", "0 4 * * 1")])
def test_what_spends_on_a_schedule_is_off_until_turned_on(definitions: dg.Definitions, name: str, cron: str) -> None:
    schedule = definitions.resolve_schedule_def(name)
    assert schedule.cron_schedule == cron
    assert schedule.execution_timezone == "UTC"
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert [s.name for s in definitions.schedules or []] == ["nightly", "anchor", "upkeep"]


def test_what_watches_for_free_is_on(definitions: dg.Definitions) -> None:
    assert definitions.resolve_schedule_def("upkeep").default_status is dg.DefaultScheduleStatus.RUNNING
    sensors = {sensor.name: sensor.default_status for sensor in definitions.sensors or []}
    assert sensors.pop("waiting_batches") is dg.DefaultSensorStatus.STOPPED, "it may spend"
    names = ["alerts", "judge_model_changed", "anchor_drifted", "new_human_labels"]
    assert sensors == dict.fromkeys(names, dg.DefaultSensorStatus.RUNNING)


@pytest.mark.parametrize(
    ("tick", "day"),
    [
        ("2026-09-02T02:00:00+00:00", "2026-09-01"),  # the day that ended
        ("2026-09-04T02:00:00+00:00", "2026-09-03"),  # the project's last day
        ("2026-09-01T02:00:00+00:00", None),  # the day before its first
        ("2026-09-05T02:00:00+00:00", None),  # past its end
    ],
)
def test_the_night_asks_for_the_day_that_ended(
    definitions: dg.Definitions, tick: str, day: str | None, tmp_path: Path
) -> None:
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat(tick), repository_def=definitions.get_repository_def(),
        resources={"project": Project(projects.settings(tmp_path / "home"))},
    )  # fmt: skip
    ticked = definitions.resolve_schedule_def("nightly").evaluate_tick(context)
    requests = ticked.run_requests or []
    assert [request.partition_key for request in requests] == ([] if day is None else [day])
    assert (ticked.skip_message is None) == (day is not None)


def test_the_night_makes_up_missed_ones_between_those_that_are_booked(tmp_path: Path) -> None:
    """Booked on the first, nothing on the second and third, and tonight is for the fourth."""
    settings = projects.settings(tmp_path / "home", days={"start": "2026-09-01", "end": "2026-09-20"})
    definitions = build(settings)
    store = Project(settings).store("rank")
    store.append("label_runs", rows("label_runs", {"day": date(2026, 9, 1), "run_id": "first"}), "first")
    context = dg.build_schedule_context(
        scheduled_execution_time=datetime.fromisoformat("2026-09-05T02:00:00+00:00"),
        repository_def=definitions.get_repository_def(),
        resources={"project": Project(settings)},
    )
    requests = definitions.resolve_schedule_def("nightly").evaluate_tick(context).run_requests or []
    assert [(request.partition_key, request.run_key) for request in requests] == [
        ("2026-09-02", "2026-09-04:2026-09-02"), ("2026-09-03", "2026-09-04:2026-09-03"), ("2026-09-04", "2026-09-04"),
    ]  # fmt: skip
    store.append("label_runs", rows("label_runs", {"day": date(2026, 9, 3), "run_id": "third"}), "third")
    assert nights_missed(Project(settings), date(2026, 9, 4)) == [date(2026, 9, 2)]
    off = projects.settings(
        tmp_path / "home",
        days={"start": "2026-09-01", "end": "2026-09-20"},
        amplify={"cap_usd": 1, "catch_up_nights": 0},
    )
    assert nights_missed(Project(off), date(2026, 9, 4)) == []


def test_two_projects_share_an_instance_under_prefixes(tmp_path: Path) -> None:
    definitions = build(projects.settings(tmp_path), key_prefix=["shop", "search"])
    graph = definitions.resolve_asset_graph()
    assert all(key.path[:2] == ["shop", "search"] for key in graph.get_all_asset_keys())
    assert all(key.asset_key.path[:2] == ["shop", "search"] for key in graph.asset_check_keys)


def test_spending_assets_share_one_pool(definitions: dg.Definitions) -> None:
    pools = {
        name: definitions.resolve_assets_def(name).op.pool
        for name in (
            "judge_leaderboard",
            "gate_verdict",
            "amplified_labels",
            "anchor_run",
            "drift_verdict",
            "gold_labels",
        )
    }
    assert pools == {
        "judge_leaderboard": "spending",
        "gate_verdict": "spending",
        "amplified_labels": "spending",
        "anchor_run": "spending",
        "drift_verdict": "spending",
        "gold_labels": None,
    }
