"""What several questions share is written once: each view is the rule that Python has for rows in hand."""

import pytest

from label_pipeline.adapters import queries
from label_pipeline.core.pairs import shown_documents, shown_text
from label_pipeline.stages import amplify
from label_pipeline_tests.sql.frames import at, frame_of, rows
from label_pipeline_tests.stages.anchor.history import lived


@pytest.mark.parametrize("seed", range(8))
def test_the_newest_row_of_a_label_is_the_same_in_both_languages(seed: int) -> None:
    """Random lives of labels, every row compared, also those that count no more."""
    labels = lived(seed).labels.sample(fraction=1, shuffle=True, seed=seed)
    view = frame_of("views/current_labels", ("labels", labels))
    columns = list(view.columns)
    here = amplify.newest(labels).select(columns)
    assert view.sort(columns, nulls_last=True).rows() == here.sort(columns, nulls_last=True).rows()
    assert 0 < view.height < labels.height


def test_a_document_is_shown_the_same_in_both_languages() -> None:
    documents = rows(
        "documents", {"doc_id": "a", "title": "Title", "text": "Text"}, {"doc_id": "b", "text": "Alone"},
        {"doc_id": "c", "text": "Secret", "boundary": "customer"}, {"doc_id": "d", "title": "", "text": "Untitled"},
    )  # fmt: skip
    view = frame_of("views/document_texts", ("documents", documents)).sort("doc_id")
    assert view["document"].to_list() == ["Title\n\nText", "Alone", "Secret", "Untitled"]
    assert view["customer"].to_list() == [False, False, True, False]
    here = shown_documents(documents).sort("doc_id")
    assert here.equals(view.select(here.columns))
    assert here["document"].to_list() == [shown_text(*row) for row in documents.select("text", "title").iter_rows()]


def test_a_view_is_there_only_where_it_is_named() -> None:
    assert "current_labels" not in queries.load("amplify/spend").statement
    labelled = queries.load("amplify/labelled_pairs")
    assert labelled.statement.startswith("with current_labels as (")
    assert labelled.reads == ("labels",)
    assert {"labelled_at", "verdict_id"} <= set(labelled.columns_of("labels")), "columns only the view needs are read"
    assert labelled.text.startswith("-- "), "the file itself stays as it is"


def test_a_question_may_name_two_views_and_have_expressions_of_its_own() -> None:
    both = queries.load("anchor/stream_pairs").statement
    assert "current_labels as (" in both
    assert "document_texts as (" in both
    labels = rows("labels", {"labelled_at": at(9)}, {"labelled_at": at(10), "status": "recalled"})
    found = frame_of("amplify/coverage", ("labels", labels), ("candidates", rows("candidates", {})))
    assert found["labelled"].to_list() == [0]
