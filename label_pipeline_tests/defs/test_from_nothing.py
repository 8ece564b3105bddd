"""From a query log and documents to a verdict: drawn, exported, graded by simulated people, imported, certified."""

import re
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl
import pytest
import yaml

from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.settings import SAMPLE, load
from label_pipeline_tests.cli.commands import Shell
from label_pipeline_tests.defs import projects
from label_pipeline_tests.people import NAMES, People


def write_log(world: SampleWorld, path: Path) -> None:
    """What a search's log holds: texts as typed and how often; no ids. A tenth of it is typed in two ways."""
    frequency = (3000 / np.arange(1, world.queries.height + 1) ** 0.9).astype(int) + 1
    rows = world.queries.select("query", "language").with_columns(pl.Series("count", frequency))
    shouted = (pl.col("query").str.to_uppercase() + "!").alias("query")
    again = rows.gather_every(10).with_columns(shouted, pl.lit(1).alias("count"))
    pl.concat([rows, again.cast(rows.schema)]).sample(fraction=1, shuffle=True, seed=1).write_csv(path)


def write_settings(folder: Path) -> Path:
    """Settings of somebody who has documents, a rubric and nothing graded yet."""
    data = projects.data(folder / "runs", model="rehearsal-large")
    data["rubric"] = str(SAMPLE.parent / "rubric.yaml")
    data["candidates"][0]["prompts"] = [str(SAMPLE.parent / "prompts" / "plain.yaml")]
    data["inputs"] = {
        "documents": "documents.parquet", "queries": "seed/queries.csv", "human_labels": "seed/human_labels.csv",
    }  # fmt: skip
    config = folder / "settings.yaml"
    config.write_text(yaml.safe_dump(data))
    return config


@pytest.mark.slow
def test_a_query_log_and_documents_become_a_verdict(
    world: SampleWorld, provider: projects.Provider, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    config, seed = write_settings(tmp_path), tmp_path / "seed"
    write_log(world, tmp_path / "log.csv")
    world.documents.write_parquet(tmp_path / "documents.parquet")
    shell = Shell(tmp_path)

    def do(command: str, *arguments: object) -> str:
        end = shell.here("seed", command, *arguments, "--config", config)
        assert end.code == 0, end.said
        return end.said

    said = do("draw", "--log", "log.csv", "--log-column", "query=query", "--log-column", "frequency=count",
              "--log-column", "language=language", "--annotators", ",".join(NAMES))  # fmt: skip
    assert "363 read, 330 queries, 33 near-duplicates" in said
    assert "retrieval orders: bm25, lsa" in said
    assert re.search(r"customer text and go to nobody", said)
    do("export")
    people = People(world, Project(load(config)).rubric)
    (tmp_path / "export.json").write_text(people.label_studio((seed / "tasks.json").read_text()))
    (tmp_path / "users.json").write_text(people.users())
    said = do("import", "export.json", "--users", "users.json")
    labels = pl.read_csv(seed / "human_labels.csv")
    assert f"{labels.height} graded" in said
    assert set(labels["annotator_id"]) == set(NAMES)
    customers = world.documents.filter(pl.col("boundary") == "customer")
    assert customers.height > 0
    assert labels.join(customers, on="doc_id", how="semi").is_empty()

    graph = projects.graph(load(config), instance)
    result = graph.run(*projects.TO_GATE)
    assert result.success, projects.failure_of(result)
    store = graph.project.store("gate")
    assert store.read("human_labels").height == labels.height
    assert store.read("quarantine").is_empty()
    agreement = store.read("agreement").row(0, named=True)
    assert agreement["estimate"] > 0.667
    verdict = store.read("verdicts").row(0, named=True)
    assert verdict["state"] == "open"
    assert provider.requests() > 0
