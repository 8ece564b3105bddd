"""Several projects on one instance: nothing of one is shown, told or counted as another's."""

from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance

from label_pipeline.cli.init import write_project
from label_pipeline.cli.instance import refuse_taken
from label_pipeline.core.errors import SettingsError
from label_pipeline.defs.alerts.notices import Graph as Told
from label_pipeline.defs.alerts.notices import notices
from label_pipeline.defs.build import build
from label_pipeline.defs.gate_check import gate_events
from label_pipeline.defs.names import PROJECT, Names, names_of
from label_pipeline.defs.sensors.tick import Tick
from label_pipeline.operations.project import Project
from label_pipeline.settings import SAMPLE, Settings, load, parse
from label_pipeline.settings.identity import Keys, remember
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import QUIET

SEED = projects.TO_GATE[:4]


def named(home: Path, prefix: list[str] | None = None, name: str = "small") -> Settings:
    return parse({**projects.data(home), "name": name, "dagster": {"prefix": prefix}}, SAMPLE)


def run(settings: Settings, instance: DagsterInstance, *assets: str, day: str | None = None) -> None:
    """Materialises assets as the command line does."""
    key = names_of(settings)
    job = build(settings, clock=lambda: projects.START).resolve_implicit_global_asset_job_def()
    done = job.execute_in_process(
        instance=instance, asset_selection=[key(name) for name in assets], tags=dict(key.tags), run_config=QUIET,
        partition_key=day,
    )  # fmt: skip
    assert done.success


def shown(definitions: dg.Definitions, instance: DagsterInstance) -> set[str]:
    """Assets and checks of a graph that the page would not show as empty."""
    graph = definitions.resolve_asset_graph()
    history = instance.event_log_storage.get_asset_check_execution_history
    assets = {
        key.to_user_string() for key in graph.get_all_asset_keys() if instance.fetch_materializations(key, 1).records
    }
    return assets | {key.name for key in graph.asset_check_keys if history(key, limit=1)}


@pytest.fixture
def certified_sample(
    certified_home: Path, provider: projects.Provider, tmp_path: Path, instance: DagsterInstance
) -> Settings:
    """A project whose runs are on the instance: the seed's, for speed; web/test_site.py has a whole one."""
    home = projects.copied(certified_home, tmp_path / "sample")
    remember(home, Keys(("sample",), "sample:1"), anew=True)
    settings = named(home, ["sample"], "sample")
    run(settings, instance, *SEED)
    return settings


def test_a_new_project_shows_nothing_of_the_one_before_it(
    certified_sample: Settings, provider: projects.Provider, instance: DagsterInstance, tmp_path: Path
) -> None:
    """`make demo`, `init`, the page: its green cells were the sample's."""
    write_project(tmp_path / "My Search")
    mine = load(tmp_path / "My Search" / "settings.yaml")
    assert mine.name == "my-search"
    theirs = build(certified_sample)
    assert {"sample/gold_labels", "agreement_floor", "rows_add_up"} < shown(theirs, instance)
    ours = build(mine)
    assert shown(ours, instance) == set()
    assert {key.path[0] for key in ours.resolve_asset_graph().get_all_asset_keys()} == {"my-search"}
    assert gate_events(Project(mine), instance, names_of(mine)) == []
    taken = {*names(theirs)} & {*names(ours)}
    assert taken == set(), "one workspace holds both"


def names(definitions: dg.Definitions) -> list[str]:
    found = [*(definitions.jobs or ()), *(definitions.sensors or ()), *(definitions.schedules or ())]
    return [one.name for one in found]


def test_owner_and_names_come_from_the_settings(tmp_path: Path) -> None:
    settings = parse(
        {**projects.data(tmp_path), "dagster": {"prefix": ["shop", "de-at"], "owners": ["team:shop"]}}, SAMPLE
    )
    found = build(settings)
    assert {tuple(spec.owners) for spec in found.resolve_all_asset_specs()} == {("team:shop",)}
    assert "shop_de_at_nightly_amplification" in names(found)
    assert {spec.key.path[:2] == ["shop", "de-at"] for spec in found.resolve_all_asset_specs()} == {True}
    assert {asset.op.pool for asset in found.assets or () if isinstance(asset, dg.AssetsDefinition)} == {
        None, "shop_de_at_spending",
    }  # fmt: skip


@pytest.mark.parametrize("whose", ["mine", "theirs", "untold"])
def test_a_run_of_another_project_with_a_job_of_the_same_name_is_not_under_way_here(
    whose: str, tmp_path: Path, instance: DagsterInstance
) -> None:
    settings = named(tmp_path, [])
    key = names_of(settings)
    job = build(settings).resolve_job_def("recalibrate")
    tags = {"mine": {PROJECT: key.project}, "theirs": {PROJECT: "shop:1"}, "untold": {PROJECT: ""}}[whose]
    made = instance.create_run_for_job(job, tags=tags)
    if whose == "untold":  # of a version that did not say
        instance.delete_run(made.run_id)
        made = made.with_tags({})
        instance.add_run(made)
    tick = Tick(Project(settings), instance, key)
    assert tick.under_way("recalibrate") == (None if whose == "theirs" else made.run_id)


def test_a_failed_run_of_another_project_is_told_by_that_one_alone(tmp_path: Path, instance: DagsterInstance) -> None:
    """Two older projects, whose keys have no prefix: both have a job `recalibrate`."""
    here, there = (named(tmp_path / name, [], name) for name in ("here", "there"))
    for settings in (here, there):
        job = build(settings).resolve_job_def("recalibrate")
        instance.report_run_failed(instance.create_run_for_job(job, tags=dict(job.run_tags)))  # as a launch does
    assert [len(told(settings, instance)) for settings in (here, there)] == [1, 1]


def told(settings: Settings, instance: DagsterInstance) -> list[str]:
    graph = Told(names_of(settings), {}, frozenset(), frozenset({"recalibrate"}), "i", None, "http://page", "runbook")
    found = notices(instance, graph, -1, datetime(2000, 1, 1, tzinfo=UTC)).found
    return [notice.alert.title for notice in found]


def test_keys_another_project_wrote_under_are_refused(
    certified_sample: Settings, provider: projects.Provider, instance: DagsterInstance, tmp_path: Path
) -> None:
    refuse_taken(instance, names_of(certified_sample))
    alike = named(tmp_path / "other", ["sample"], "other")
    with pytest.raises(SettingsError, match=r"^asset sample/.* belongs to another project \(sample:"):
        refuse_taken(instance, names_of(alike))


def test_names_of_two_homes_differ_where_all_else_is_alike(tmp_path: Path) -> None:
    one, other = (names_of(named(tmp_path / name, ["p"])) for name in ("a", "b"))
    assert one.prefix == other.prefix
    assert one.project != other.project
    assert isinstance(one, Names)
