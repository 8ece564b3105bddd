"""A recall is named by its labels: the same call twice is one recall, any other is another, and one of nothing none."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.catalogue import LABELS
from label_pipeline.core.errors import NotApplicableError
from label_pipeline.operations.project import Project
from label_pipeline.operations.recall import Recall, carry_out, find_recall, full_version, name_of, relabelling
from label_pipeline_tests import small_project
from label_pipeline_tests.small_project import START
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


def test_where_nothing_was_labelled_nothing_is_recalled_planned_or_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", "http://nobody.is/asked")
    project = Project(small_project.settings(tmp_path / "home"), lambda: START)
    found = find_recall(project, judge_version="judge-a", since=START)
    assert (found.rankers, found.champion, found.successor) == ((), None, None)
    assert carry_out(project, found, name="r").schema == LABELS.schema
    assert project.store("anchor").read("epochs").is_empty()
    planned = relabelling(project, found.taken)
    assert planned.schema == {
        "day": pl.Date, "collection": pl.String, "judge": pl.String, "pairs": pl.Int64, "requests": pl.Int64,
        "cost_usd": pl.Float64, "gone": pl.Int64, "why": pl.String,
    }  # fmt: skip
    assert planned.is_empty()
    with pytest.raises(NotApplicableError, match=r"no judge begins with 'b'; give more of one of: none yet"):
        full_version(project, "b")


@pytest.mark.parametrize("loaded", [(1, 2), (2, 1)])
def test_where_nobody_may_label_every_day_is_listed_in_order_with_the_reason(
    loaded: tuple[int, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four recalled pairs two are candidates of a day each, whichever was loaded first; their texts are gone."""
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", "http://nobody.is/asked")
    project = Project(small_project.settings(tmp_path / "home"), lambda: START)
    store = project.store("amplify")
    for number in loaded:
        day = date(2026, 9, number)
        found = rows("candidates", {"doc_id": f"d{number}", "arrived_on": day})
        store.overwrite("candidates", found, {"arrived_on": day})
    taken = rows("labels", *({"doc_id": f"d{n}"} for n in range(1, 5))).with_columns(given_at="labelled_at")
    first, second = relabelling(project, taken).to_dicts()
    assert (first["day"], second["day"]) == (date(2026, 9, 1), date(2026, 9, 2))
    for planned in (first, second):
        assert (planned["collection"], planned["judge"], planned["requests"]) == ("main", None, None)
        assert (planned["pairs"], planned["gone"]) == (0, 1)
        assert planned["why"].startswith("collection main has no verdict")
