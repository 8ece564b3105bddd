"""An older project moves to keys of its own: what the page knew is there again, nothing is spent, the rest is named."""

from pathlib import Path

import dagster as dg
import pytest
import yaml
from rich.console import Console

from label_pipeline.cli.instance import instance_of
from label_pipeline.cli.migrate_keys import migrate_keys
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.defs.build import build
from label_pipeline.defs.gate_check import gate_events
from label_pipeline.defs.names import PROJECT, names_of
from label_pipeline.operations.project import Project
from label_pipeline.settings import SAMPLE, Settings, load
from label_pipeline.settings.identity import RECORD
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import DAYS, QUIET, Provider
from label_pipeline_tests.small_project import KEY
from label_pipeline_tests.templates import once

pytestmark = pytest.mark.long

ASSETS = (*projects.TO_GATE, "candidate_pairs")


def settings_file(folder: Path, home: Path) -> Path:
    content = projects.data(home)
    content.pop("dagster")
    content["rubric"] = str(SAMPLE.parent / "rubric.yaml")
    content["candidates"][0]["prompts"] = [str(SAMPLE.parent / "prompts" / "plain.yaml")]
    (folder / "settings.yaml").write_text(yaml.safe_dump(content))
    return folder / "settings.yaml"


def older_run(settings: Settings, instance: dg.DagsterInstance, *assets: str, day: str | None = None) -> None:
    """A run as a version without prefixes left it: no tag says whose it is."""
    job = build(settings, (), clock=lambda: projects.START).resolve_implicit_global_asset_job_def()
    done = job.execute_in_process(
        instance=instance, asset_selection=[dg.AssetKey(name) for name in assets], run_config=QUIET, partition_key=day
    )
    assert done.success


@pytest.fixture(scope="module")
def older(certified_home: Path, provider_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of a version without prefixes, and the instance with its runs of all assets, two days. Copy it."""

    def make(folder: Path) -> None:
        home = projects.copied(certified_home, folder / "home")
        (home / RECORD).unlink()
        (folder / "dagster").mkdir()
        settings = load(settings_file(folder, home))
        assert settings.keys.prefix == ()
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LABEL_PIPELINE_PROVIDER", provider_url)
            patch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
            patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
            with instance_of(settings) as instance:
                older_run(settings, instance, *projects.TO_GATE)
                for day in DAYS[:2]:
                    older_run(settings, instance, "candidate_pairs", "amplified_labels", day=day)
        (home / RECORD).unlink()

    return once(tmp_path_factory, "older", make)


@pytest.fixture
def config(older: Path, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = projects.copied(older, tmp_path / "older")
    monkeypatch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    return settings_file(folder, folder / "home")


def test_the_newest_of_every_asset_day_and_check_is_told_again_and_nothing_is_spent(
    config: Path, provider: Provider
) -> None:
    settings, before = load(config), provider.requests()
    said = Console(record=True, width=1000)
    migrate_keys(said, config, everything=True)
    assert provider.requests() == before
    assert settings.keys.prefix == ("small",)
    old, new = names_of(settings, ()), names_of(settings)
    with instance_of(settings) as instance:
        for asset in projects.TO_GATE:
            [was], [now] = (instance.fetch_materializations(key(asset), limit=9).records for key in (old, new))
            assert was.asset_materialization
            assert now.asset_materialization
            about = dict(now.asset_materialization.metadata)
            assert about.pop("moved from").value == asset
            assert about.pop("materialised").value == was.timestamp
            assert about.pop(PROJECT).value == new.project
            assert about == was.asset_materialization.metadata, asset
        days = instance.get_materialized_partitions(new("amplified_labels"))
        assert days == set(DAYS[:2])
        history = instance.event_log_storage.get_asset_check_execution_history
        graph = build(settings).resolve_asset_graph()
        for check in graph.asset_check_keys:
            was_said = history(dg.AssetCheckKey(old(check.asset_key.path[-1]), check.name), limit=1)
            now_said = history(check, limit=1)
            said_then, said_now = (
                [one.evaluation and one.evaluation.passed for one in told] for told in (was_said, now_said)
            )
            assert said_then == said_now, check
        assert gate_events(Project(settings, lambda: projects.START), instance, new) == [], "the page is as it was"
    told = said.export_text()
    assert "Runs, older events and ticks stay under the old names" in told
    with pytest.raises(NotApplicableError, match="are called small/gate_verdict and so on already"):
        migrate_keys(said, config, everything=True)


def test_results_of_another_project_stay_behind(config: Path) -> None:
    """They were written under the same keys: the newest seed of this instance is another's."""
    settings = load(config)
    with instance_of(settings) as instance:
        theirs = dg.AssetMaterialization("training_set")
        made = instance.create_run_for_job(
            build(settings, ()).resolve_job_def("train_ranker"), tags={PROJECT: "shop:1"}
        )
        instance.report_dagster_event(_of(made, theirs), made.run_id)
    said = Console(record=True, width=1000)
    migrate_keys(said, config, everything=True)
    with instance_of(settings) as instance:
        assert not instance.fetch_materializations(names_of(settings)("training_set"), limit=1).records
    assert "stays behind: training_set: 1 events of runs nobody knows as this project's" in said.export_text()


def _of(run: dg.DagsterRun, found: dg.AssetMaterialization) -> dg.DagsterEvent:
    from dagster._core.events import DagsterEventType, StepMaterializationData

    return dg.DagsterEvent(
        DagsterEventType.ASSET_MATERIALIZATION.value, run.job_name, event_specific_data=StepMaterializationData(found)
    )


def test_unless_told_so_only_runs_that_its_tables_name_are_its_own(config: Path) -> None:
    settings = load(config)
    said = Console(record=True, width=1000)
    with pytest.raises(NotApplicableError, match="are of runs that do not say whose they are: `--all` takes them"):
        migrate_keys(said, config, everything=False)
    assert settings.keys.prefix == (), "nothing was changed"
    migrate_keys(said, config, everything=False, known=True)
    told, new = said.export_text(), names_of(settings)
    with instance_of(settings) as instance:
        assert instance.fetch_materializations(new("amplified_labels"), limit=1).records, "label_runs has its runs"
        behind = [name for name in ASSETS if not instance.fetch_materializations(new(name), limit=1).records]
    for name in behind:
        assert f"stays behind: {name}: " in told
