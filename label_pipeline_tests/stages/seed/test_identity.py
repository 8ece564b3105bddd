"""What was loaded once keeps its keys and hashes, however files are read: paid grades hang on them."""

import hashlib

import polars as pl

from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import GradeRubric, assemble
from label_pipeline_tests.stages.seed.world import Row, raw

ODD = ["NULL", "None", "nan", "N/A", r"\N", "12.0", "0012", "no", "Zu\u0308rich", "Z\u00fcrich", "a b", "-", "1e5"]
"""Ids and texts that a reader with good intentions might change."""

KEYS = "c6d980ba682a2c7c"
"""Of the tables before this package read other spellings of dates and of nothing (commit fec06c5)."""


def test_odd_ids_and_texts_keep_their_keys_and_hashes() -> None:
    queries: list[Row] = [{"query_id": text, "query": text, "task": text} for text in ODD]
    documents: list[Row] = [{"doc_id": text, "text": f"{text}\r\n{text} ", "title": text} for text in ODD]
    grades: list[Row] = [
        {"query_id": text, "doc_id": text, "annotator_id": text, "context_id": text, "grade": 1, "task": text}
        for text in ODD
    ]
    unnamed = [{name: value for name, value in row.items() if name != "annotator_id"} for row in grades]
    inputs = [
        raw("queries", queries), raw("documents", documents), raw("human_labels", grades), raw("evaluation", unnamed)
    ]  # fmt: skip
    found = assemble(inputs, Scale(0, 3), rubric=GradeRubric("1"))
    assert found.quarantine.is_empty()
    assert [books.kept for books in found.books] == [len(ODD)] * 4
    key = pl.concat_str(pl.all().cast(pl.String).fill_null("\0"), separator="\x1f")
    tables = [found.queries, found.documents, found.human_labels, found.evaluation, found.first_loaded]
    content = "\n".join(line for table in tables for line in table.select(key).to_series())
    assert hashlib.sha256(content.encode()).hexdigest()[:16] == KEYS
