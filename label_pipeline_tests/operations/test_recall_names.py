"""A recall is named by its labels: the same call twice is one recall, any other is another."""

from datetime import timedelta

import polars as pl

from label_pipeline.operations.recall import Recall, name_of
from label_pipeline_tests.sql.frames import rows


def test_a_recall_is_named_by_its_labels_whatever_their_order() -> None:
    labels = rows("labels", *({"doc_id": f"d{n}", "context_id": "de" if n % 2 else None} for n in range(4)))
    taken = labels.with_columns(given_at="labelled_at")
    names = {name_of(Recall("judge-a", frame, (), None, None)) for frame in (taken, taken.reverse())}
    assert len(names) == 1
    [name] = names
    assert len(name) == 16
    others = (taken.head(3), taken.with_columns(judge_version=pl.lit("judge-b")),
              taken.with_columns(pl.col("given_at") + timedelta(seconds=1)))  # fmt: skip
    assert name not in {name_of(Recall("judge-a", other, (), None, None)) for other in others}
