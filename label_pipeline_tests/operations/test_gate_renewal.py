"""A holdout is retired and one of new queries takes its place: looks are counted anew, the old queries teach."""

from pathlib import Path

import polars as pl
import pytest
import yaml
from rich.console import Console

from label_pipeline.cli.renewal import renew_holdout
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.operations.gate import look_budget
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.settings import SAMPLE
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import TO_GATE, Provider, Ran, Small, failure_of

FIRST = 70
"""Queries graded at first; the world's other 50 are the new ones."""

GATE = {"policy": "single-permissive", "cap_usd": 1, "thresholds": {"min_queries": 25}}


def split_of(graph: Small) -> dict[str, str]:
    return dict(graph.project.store("gate").read("splits").select("query_id", "split").iter_rows())


def run(graph: Small) -> Ran:
    return graph.run(*TO_GATE, judge_leaderboard={"fresh": True})


@pytest.mark.slow
def test_a_retired_holdout_teaches_and_a_new_one_is_looked_at_first_again(
    world: SampleWorld, provider: Provider, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    projects.write_small_inputs(world, home)
    labels = home / "inputs" / "human_labels.csv"
    everything = pl.read_csv(labels, infer_schema=False)
    known = everything["query_id"].unique().sort()[:FIRST]
    everything.filter(pl.col("query_id").is_in(known.implode())).write_csv(labels)
    graph = Small(projects.settings(home, gate=GATE))
    done = run(graph)
    assert done.success, failure_of(done)
    before = split_of(graph)
    old = {query for query, split in before.items() if split == "holdout"}
    assert len(old) == FIRST // 2
    assert look_budget(graph.project, "gate", "main", "full").left == 4

    settings_file = _settings_file(tmp_path, home)
    renew_holdout(Console(quiet=True), settings_file, None, sure=False)
    assert split_of(graph) == before, "told only"
    renew_holdout(Console(quiet=True), settings_file, None, sure=True)
    assert {split for query, split in split_of(graph).items() if query in old} == {"dev"}
    assert look_budget(graph.project, "gate", "main", "full").left == 5
    with pytest.raises(NotApplicableError, match="no gate has looked at a holdout query of collection main"):
        renew_holdout(Console(quiet=True), settings_file, None, sure=True)

    needed = look_budget(graph.project, "gate", "main", "full").queries_needed
    assert 25 <= needed <= 50
    everything.write_csv(labels)
    again = run(graph)
    assert again.success, failure_of(again)
    new = {query for query, split in split_of(graph).items() if split == "holdout"}
    assert len(new) >= 25
    assert not new & set(before)
    store = graph.project.store("gate")
    assert store.read("holdout_looks").sort("epoch").select("generation", "look").rows() == [(1, 1), (2, 1)]
    last = store.read("holdout_looks")["epoch"].max()
    asked = store.read("judgements").filter(pl.col("epoch") == last)
    assert old <= set(asked.filter(pl.col("purpose") == "calibrate")["query_id"]), "the retired queries teach"
    assert set(asked.filter(pl.col("purpose") == "gate")["query_id"]) == new


def _settings_file(folder: Path, home: Path) -> Path:
    content = projects.data(home, gate=GATE)
    content["rubric"] = str(SAMPLE.parent / "rubric.yaml")
    content["candidates"][0]["prompts"] = [str(SAMPLE.parent / "prompts" / "plain.yaml")]
    path = folder / "settings.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
