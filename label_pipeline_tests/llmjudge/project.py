"""The LLMJudge project: settings over the wide Parquet file, its judges, and the files derived from it.

Running a project is trecdl/project.py's. Keep out: what a run must have found (test_llmjudge.py), tables for people
(label_pipeline_tests/results).
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import yaml

from label_pipeline_tests.trecdl.project import DATA, DAY

FOLDER = DATA / "llmjudge"
WIDE = FOLDER / "test_text_human_llm.parquet"
ABSENT = f"{WIDE} is not here; set LABEL_PIPELINE_TEST_DATA"
PUBLISHED = FOLDER / "published_agreement.csv"

BEST, OTHERS = "willia-umbrela1", ("Olz-gpt4o", "RMITIR-llama70B", "prophet-setting1")
"""Candidates of the graph: the judge with the best kappa and no conflict, a strong one, one with grades off the scale,
and the one with the most conflicts."""

PAIRS_PER_QUERY = 20
TEXTS = ["query", "passage"]


def judges() -> dict[str, str]:
    """Every submission to its column of grades in the wide file."""
    columns = pl.read_parquet_schema(WIDE)
    return {name.removeprefix("llm__"): name for name in columns if name.startswith("llm__")}


def write_clear_labels(path: Path) -> int:
    """Writes the human labels of text pairs that no judge grades in two ways; returns how many.

    The others cannot be asked about: with `conflicts: exclude` the provider answers them with 400, and no judge is
    chosen or certified on replies that never came.
    """
    wide = pl.read_parquet(WIDE)
    ways = pl.max_horizontal(pl.col(column).n_unique() for column in judges().values())
    clear = wide.join(wide.group_by(TEXTS).agg(ways.alias("ways")).filter(pl.col("ways") == 1), on=TEXTS, how="semi")
    clear.select("query_id", "doc_id", "human_grade").write_parquet(path)
    return clear.height


def write_settings(folder: Path, name: str, models: Sequence[str], labels: Path, candidates: Path) -> Path:
    """Writes the settings file of one project; everything it runs lands under ``folder``.

    Args:
        folder: an existing folder.
        name: project name.
        models: judge candidates.
        labels: file of the human labels the seed is sampled from.
        candidates: Parquet file of pairs to label.
    """
    wide = str(WIDE)
    settings = {
        "name": name,
        "home": f"runs/{name}",
        "rubric": str(Path(__file__).parent / "rubric.yaml"),
        "inputs": {
            "queries": {"path": wide, "columns": {"query": "query"}},
            "documents": {"path": wide, "columns": {"text": "passage"}},
            "human_labels": {"path": str(labels), "columns": {"grade": "human_grade"}},
            "evaluation": {"path": wide, "columns": {"grade": "human_grade"}},
            "pairs_per_query": PAIRS_PER_QUERY,
            "candidates": str(candidates),
            "pool_date": DAY,
        },
        "days": {"start": DAY, "end": DAY},
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
                "prompts": [str(Path(__file__).parent / "whole.yaml")],
                "prices": {model: {"input_usd": 0, "output_usd": 0} for model in models},
            }
        ],
        "anchor": {"required": False},  # recorded grades never change
        "rehearsal": {
            "kind": "recorded",
            "path": wide,
            "query_column": "query",
            "passage_column": "passage",
            "models": judges(),
            "conflicts": "exclude",
        },
    }
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return path


def write_candidates(path: Path) -> int:
    """Writes every pair of the file as a candidate; returns how many."""
    pairs = pl.read_parquet(WIDE, columns=["query_id", "doc_id"])
    pairs.write_parquet(path)
    return pairs.height
