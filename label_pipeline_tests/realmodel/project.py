"""A project small enough for a model of 135 million parameters on one core: 14 queries, two graded pairs each.

A pair takes it about a second; a whole holdout of 44 queries and 10 pairs would take ten minutes. Keep out: running it
(test_realmodel.py).
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import yaml

from label_pipeline.settings import Settings, parse
from label_pipeline_tests.realmodel.endpoints import Endpoint
from label_pipeline_tests.realmodel.pairs import MAX_TOKENS, PROMPT

KEY_VARIABLE = "REAL_MODEL_KEY"
DAY = "2026-03-01"
CANDIDATES = 12

CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Japan": "Tokyo", "Egypt": "Cairo", "Peru": "Lima",
    "Cuba": "Havana", "Kenya": "Nairobi", "Norway": "Oslo", "Greece": "Athens", "Ireland": "Dublin", "Poland": "Warsaw",
    "Austria": "Vienna", "Chile": "Santiago",
}  # fmt: skip

GRADES = (("bad", "is not about"), ("weak", "is near"), ("fair", "partly answers"), ("good", "answers"))


def write_project(folder: Path, endpoint: Endpoint) -> Settings:
    """Writes inputs, rubric and prompt under ``folder``; every query has an answer (3) and a stray text (0)."""
    countries = list(CAPITALS)
    queries = [(f"q{i:02}", f"capital of {country}") for i, country in enumerate(countries)]
    right = [(f"d{i:02}-a", f"{CAPITALS[country]} is the capital of {country}.") for i, country in enumerate(countries)]
    stray = [(f"d{i:02}-b", f"The food of {country} is known for its spices.") for i, country in enumerate(countries)]
    more = [(f"d{i:02}-c", f"{country} has a capital, and many rivers.") for i, country in enumerate(countries)]
    graded = [(f"q{i:02}", doc[i][0], grade) for i in range(len(countries)) for doc, grade in ((right, 3), (stray, 0))]
    open_pairs = [(f"q{i:02}", more[i][0], DAY) for i in range(CANDIDATES)]
    tables: dict[str, tuple[Sequence[tuple[str | int, ...]], list[str]]] = {
        "queries": (queries, ["query_id", "query"]),
        "documents": (right + stray + more, ["doc_id", "text"]),
        "human_labels": (graded, ["query_id", "doc_id", "grade"]),
        "candidates": (open_pairs, ["query_id", "doc_id", "arrived_on"]),
    }
    for name, (rows, columns) in tables.items():
        pl.DataFrame(rows, schema=columns, orient="row").write_csv(folder / f"{name}.csv")
    rubric = {
        "name": "short", "version": "1", "task": "Grade the document.", "scale": {"lo": 0, "hi": 3},
        "grades": [
            {"grade": k, "title": title, "definition": f"The document {says} the query."}
            for k, (title, says) in enumerate(GRADES)
        ],
    }  # fmt: skip
    prompt = {"system": PROMPT.system, "user": PROMPT.user}
    for name, content in (("rubric", rubric), ("prompt", prompt)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    data = {
        "name": "real",
        "home": "home",
        "rubric": "rubric.yaml",
        "inputs": {name: f"{name}.csv" for name in tables},
        "days": {"start": DAY, "end": DAY},
        "endpoints": {"real": {"base_url": endpoint.url, "api_key_env": KEY_VARIABLE, "concurrency": 2}},
        "anchor": {"required": False},  # an hour of this model's time
        "candidates": [
            {
                "endpoint": "real",
                "models": [endpoint.model],
                "prompts": ["prompt.yaml"],
                "parameters": {"temperature": 0, "max_tokens": MAX_TOKENS},
                "logprobs": True,
                "read_attempts": 1,
                "prices": {endpoint.model: {"input_usd": 0, "output_usd": 0}},
            }
        ],
    }
    return parse(data, folder / "settings.yaml")
