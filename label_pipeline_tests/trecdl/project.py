"""The TREC DL project: settings over the wide Parquet file, and the candidate file derived from it.

The data stay where they are; a project's folder holds settings, candidates and everything a run writes. Keep out:
what a run must have found (test_trecdl.py), tables for people (label_pipeline_tests/results).
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

import dagster as dg
import polars as pl
import yaml
from dagster import DagsterInstance

from label_pipeline.adapters.files import read_rows
from label_pipeline.adapters.store import Store
from label_pipeline.cli.instance import instance_of
from label_pipeline.cli.provider import URL_VARIABLE
from label_pipeline.cli.running import PARTITION_RANGE
from label_pipeline.core.catalogue import SPLITS
from label_pipeline.defs.build import build
from label_pipeline.operations.project import Project
from label_pipeline.settings import SAMPLE, Settings, load
from label_pipeline.stages import seed

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("LABEL_PIPELINE_TEST_DATA") or ROOT / ".." / "shared" / "data").resolve()
WIDE = DATA / "trecdl" / "dl1920_text_human_llm.parquet"
ABSENT = f"{WIDE} is not here; set LABEL_PIPELINE_TEST_DATA"

JUDGES = {
    "gpt4o-umbrela": "llm__gpt4o_umbrela",
    "llama3-70b-4prompts": "llm__llama3_70b_4prompts",
    "llama3-8b-sun-decomp": "llm__llama3_8b_sun_decomp",
    "llama3-8b-4prompts": "llm__llama3_8b_4prompts",
    "llama3-8b-baseline3210": "llm__llama3_8b_baseline3210",
    "flant5-4prompts": "llm__flant5_4prompts",
    "llama3-2-umbrela": "llm__llama3_2_umbrela",
}
"""Model name in the settings to its column of grades; the two binary judges of the file are not used."""

GPT4O, LLAMA70B, LLAMA32 = "gpt4o-umbrela", "llama3-70b-4prompts", "llama3-2-umbrela"
DAY = "2021-03-01"
"""The one day of the pool. Any past day would do: the judgments carry none."""

PAIRS_PER_QUERY = 20


@dataclass(frozen=True)
class Ran:
    """One project after a run."""

    settings: Settings
    results: Mapping[str, dg.ExecuteInProcessResult]

    @property
    def project(self) -> Project:
        """Its tables and rules."""
        return Project(self.settings)

    @property
    def store(self) -> Store:
        """Its tables, as the last stage sees them."""
        return self.project.store("rank")

    @property
    def failures(self) -> dict[str, str]:
        """Stage to the sentence it failed with; empty when every stage succeeded."""
        return {stage: sentence_of(result) for stage, result in self.results.items() if not result.success}

    @property
    def failed_checks(self) -> list[str]:
        """Names of the asset checks that did not pass."""
        evaluations = [e for result in self.results.values() for e in result.get_asset_check_evaluations()]
        return sorted(evaluation.check_name for evaluation in evaluations if not evaluation.passed)


def write_settings(folder: Path, name: str, models: Sequence[str], candidates: Path | None = None) -> Path:
    """Writes the settings file of one project; everything it runs lands under ``folder``.

    Args:
        folder: an existing folder.
        name: project name.
        models: judge candidates, keys of ``JUDGES``.
        candidates: Parquet file of pairs to label; None has none.
    """
    wide = str(WIDE)
    inputs: dict[str, object] = {
        "queries": {"path": wide, "columns": {"query": "query"}},
        "documents": {"path": wide, "columns": {"text": "passage"}},
        "human_labels": {"path": wide, "columns": {"grade": "human_grade"}},
        "evaluation": {"path": wide, "columns": {"grade": "human_grade"}},
        "pairs_per_query": PAIRS_PER_QUERY,
    }
    if candidates is not None:
        inputs |= {"candidates": str(candidates), "pool_date": DAY}
    settings = {
        "name": name,
        "home": f"runs/{name}",
        "rubric": str(Path(__file__).parent / "rubric.yaml"),
        "inputs": inputs,
        "days": {"start": DAY, "end": DAY},
        "splits": {"train": 0.12, "dev": 0.23, "holdout": 0.50, "anchor": 0.15},
        "endpoints": {
            "recorded": {
                "base_url": "${LABEL_PIPELINE_PROVIDER}",
                "api_key_env": "LABEL_PIPELINE_PROVIDER_KEY",
                "concurrency": 32,
            }
        },
        "candidates": [
            {
                "endpoint": "recorded",
                "models": list(models),
                "prompts": [str(SAMPLE.parent / "prompts" / "plain.yaml")],
                "prices": {model: {"input_usd": 0, "output_usd": 0} for model in models},
            }
        ],
        "gate": {"policy": "single-standard"},
        "anchor": {"required": False},  # recorded grades never change
        "rehearsal": {
            "kind": "recorded",
            "path": wide,
            "query_column": "query",
            "passage_column": "passage",
            "models": JUDGES,
            # one passage occurs twice under one query, an outer space apart; Llama-3-70B graded the copies 2 and 3
            "conflicts": "exclude",
        },
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return path


def write_candidates(config: Path, path: Path, splits: Sequence[str] | None = None) -> int:
    """Writes the pairs outside the human seed, of queries in ``splits`` (None: of every query); returns how many."""
    project = Project(load(config))
    inputs = seed.assemble(
        [read_rows(spec) for table in ("queries", "documents", "human_labels") for spec in project.input_specs(table)],
        project.settings.grade_scale,
        pairs_per_query=project.settings.inputs.pairs_per_query,
    )
    gold = seed.gold_labels(inputs.human_labels)
    dealt = seed.seed_splits(gold, SPLITS.empty(), project.shares, project.clock(), project.settings.splits.salt)
    chosen = dealt if splits is None else dealt.filter(pl.col("split").is_in(splits))
    pairs = pl.read_parquet(WIDE, columns=["query_id", "doc_id"])
    rest = pairs.join(gold, on=["query_id", "doc_id"], how="anti").join(chosen, on="query_id", how="semi")
    rest.write_parquet(path)
    return rest.height


def materialise(settings: Settings, instance: DagsterInstance, stage: str) -> dg.ExecuteInProcessResult:
    """Materialises every asset of one stage, the pool's day where it is partitioned; a failure is in the result."""
    definitions = build(settings)
    graph = definitions.resolve_asset_graph()
    keys = [key for key in graph.get_all_asset_keys() if graph.get(key).group_name == stage]
    return definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        instance=instance,
        asset_selection=keys,
        tags=dict.fromkeys(PARTITION_RANGE, DAY) if stage == "amplify" else {},
        raise_on_error=False,
    )


def run(settings: Settings, stages: Sequence[str]) -> Ran:
    """Materialises ``stages`` in order on the project's own instance, each whether or not the one before succeeded."""
    with own_instance(), instance_of(settings) as instance:
        return Ran(settings, {stage: materialise(settings, instance, stage) for stage in stages})


def sentence_of(result: dg.ExecuteInProcessResult) -> str:
    """What a person reads at the first failed step: its own sentence, else the whole error."""
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data
            if data.user_failure_data is not None:
                return str(data.user_failure_data.description)
            return data.error.to_string() if data.error is not None else "unknown"
    return "no step failed"


@contextmanager
def own_instance() -> Iterator[None]:
    """Hides DAGSTER_HOME while the block runs, so that a project's runs stay under its own home."""
    home = os.environ.pop("DAGSTER_HOME", None)
    try:
        yield
    finally:
        if home is not None:
            os.environ["DAGSTER_HOME"] = home


def requests_of(model: str) -> Mapping[str, object]:
    """The running provider's counts for one model (rehearsal/provider_stats.py); empty when it was never asked."""
    address = os.environ[URL_VARIABLE].removesuffix("/v1") + "/stats"
    with urlopen(address) as reply:
        found = json.load(reply)["models"].get(model, {})
    assert isinstance(found, dict)
    return found
