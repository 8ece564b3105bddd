"""A tiny collection with known relevance: a document is as relevant as the words of the query it holds.

Keep out: assertions.
"""

from datetime import UTC, date, datetime

import numpy as np
import polars as pl

from label_pipeline.core.catalogue import DOCUMENTS, EVALUATION, GOLD, LABELS, QUERIES, SPLITS

NOW = datetime(2026, 3, 1, tzinfo=UTC)
N_QUERIES = 24
PER_QUERY = 20


def pair(query_id: str, doc_id: str) -> dict[str, object]:
    return {
        "task": "relevance", "collection": "main", "query_id": query_id, "doc_id": doc_id, "doc_version": "v1",
        "context_id": None,
    }  # fmt: skip


def documents(texts: dict[str, str], **columns: dict[str, object]) -> pl.DataFrame:
    """DOCUMENTS rows of version v1; ``columns`` maps a column to doc_id -> value."""
    rows = [
        {"doc_id": doc_id, "doc_version": "v1", "text": text}
        | {name: values.get(doc_id) for name, values in columns.items()}
        for doc_id, text in texts.items()
    ]
    return DOCUMENTS.conform(pl.DataFrame(rows, infer_schema_length=None))


def queries(texts: dict[str, str], language: str | None = None) -> pl.DataFrame:
    rows = [
        {"task": "relevance", "collection": "main", "query_id": query_id, "query": text, "language": language}
        for query_id, text in texts.items()
    ]
    return QUERIES.conform(pl.DataFrame(rows))


def pairs(*ids: tuple[str, str]) -> pl.DataFrame:
    return pl.DataFrame([pair(*one) for one in ids], schema_overrides={"context_id": pl.String})


def gold(rows: list[tuple[str, str, float]]) -> pl.DataFrame:
    """GOLD rows of (query, document, panel mean)."""
    return GOLD.conform(
        pl.DataFrame(
            [
                pair(q, d)
                | {"gold_mean": g, "n_grades": 1, "gold_grade": int(np.floor(g + 0.5)), "gold_source": "panel"}
                for q, d, g in rows
            ]
        )
    )


def labels(rows: list[tuple[str, str, float]], status: str = "provisional") -> pl.DataFrame:
    """LABELS rows of (query, document, raw and expected grade), with ``given_at``."""
    fixed = {
        "day": date(2026, 1, 1), "status": status, "judge_version": "judge-1", "verdict_id": "verdict-1",
        "run_id": "run-1", "request_keys": "[]", "model_reported": "m", "rubric_version": "r", "cost_usd": 0.0,
        "labelled_at": NOW,
    }  # fmt: skip
    given = LABELS.conform(
        pl.DataFrame(
            [pair(q, d) | fixed | {"raw_grade": g, "expected_grade": g, "calibrated_grade": g / 2} for q, d, g in rows]
        )
    )
    return given.with_columns(given_at=pl.col("labelled_at"))


def evaluation(rows: list[tuple[str, str, int]]) -> pl.DataFrame:
    return EVALUATION.conform(pl.DataFrame([pair(q, d) | {"grade": g} for q, d, g in rows]))


def splits(by_query: dict[str, str]) -> pl.DataFrame:
    rows = [
        {"task": "relevance", "collection": "main", "query_id": query_id, "split": split, "dealt_at": NOW}
        for query_id, split in by_query.items()
    ]
    return SPLITS.conform(pl.DataFrame(rows))


def graded_world(rng: np.random.Generator) -> tuple[pl.DataFrame, pl.DataFrame, list[tuple[str, str, int]]]:
    """Documents, queries and every pair's true grade 0-3: how many of the query's three words the document holds.

    BM25 alone cannot see it: every word of the query is repeated at random, and lengths vary.
    """
    filler = [f"filler{i}" for i in range(200)]
    texts: dict[str, str] = {}
    asked: dict[str, str] = {}
    graded: list[tuple[str, str, int]] = []
    for q in range(N_QUERIES):
        words = [f"word{q}x{i}" for i in range(3)]
        asked[f"q{q:02}"] = " ".join(words)
        for d in range(PER_QUERY):
            grade = int(rng.choice(4, p=[0.4, 0.3, 0.2, 0.1]))
            held = rng.choice(words, size=grade, replace=False).tolist()
            repeated = [word for word in held for _ in range(int(rng.integers(1, 2 + 6 * (grade == 1))))]
            text = [*repeated, *rng.choice(filler, size=int(rng.integers(5, 40))).tolist()]
            rng.shuffle(text)
            texts[f"d{q:02}-{d:02}"] = " ".join(text)
            graded.append((f"q{q:02}", f"d{q:02}-{d:02}", grade))
    return documents(texts), queries(asked), graded
