"""A label day sent by batch in Dagster: the run ends well, its partition stays empty, and a later one fills it."""

from pathlib import Path

import dagster as dg

from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import DAYS, PAIRS_A_DAY, Provider, graph


def test_a_day_that_waits_is_no_failure_and_no_materialisation(
    certified_home: Path, provider: Provider, tmp_path: Path
) -> None:
    home = projects.copied(certified_home, tmp_path / "home")
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"]["batch"] = {"canary_pairs": 0}
    found = projects.settings(home, endpoints=endpoints, amplify={"cap_usd": 1, "send": "batch"})
    with dg.DagsterInstance.ephemeral() as instance:
        project = graph(found, instance, projects.LATER)

        def filled() -> set[str]:
            return set(instance.get_materialized_partitions(dg.AssetKey("amplified_labels")))

        for _ in range(2):  # the provider takes two looks
            result = project.job("nightly_amplification", DAYS[0])
            assert result.success, projects.failure_of(result)
            assert filled() == set()
            [event] = [one for one in result.all_events if one.event_type == dg.DagsterEventType.ASSET_OBSERVATION]
            told = event.asset_observation_data.asset_observation
            assert told.partition == DAYS[0]
            assert f"waiting, 0 of {PAIRS_A_DAY}" in str(told.metadata["waiting"].value)
            checked = [one.check_name for one in result.get_asset_check_evaluations()]
            assert "labels_missing_from_run" not in checked, "what is not there yet is not checked"
        assert project.job("nightly_amplification", DAYS[0]).success
        assert filled() == {DAYS[0]}
    assert project.project.store("rank").read("labels").height == PAIRS_A_DAY
