from datetime import date
from pathlib import Path

import krippendorff
import numpy as np
import polars as pl
import pytest

from label_pipeline.core.scale import Scale
from label_pipeline.rehearsal import SampleWorld, write_files
from label_pipeline.rehearsal.lexical import LexicalIndex
from label_pipeline.rehearsal.words import words
from label_pipeline.rehearsal.world_relevance import Relevance

FRAMES = ("queries", "documents", "human_labels", "evaluation", "candidates")


def test_counts_are_those_of_the_issue(world: SampleWorld) -> None:
    assert world.queries.height == 330
    assert world.documents.height == 6400
    per_pair = world.human_labels.group_by("query_id", "doc_id").agg(pl.col("annotator_id").n_unique())
    assert per_pair.height == 1200
    assert per_pair["annotator_id"].unique().to_list() == [3]
    assert world.human_labels["annotator_id"].n_unique() == 5
    assert world.human_labels.height == 3600
    assert world.human_labels.group_by("query_id").agg(pl.col("doc_id").n_unique())["doc_id"].unique().to_list() == [10]
    depth = world.evaluation.group_by("query_id").agg(pl.len(), pl.col("doc_id").n_unique())
    assert depth.height == 120
    assert depth["len"].unique().to_list() == depth["doc_id"].unique().to_list() == [30]
    assert world.candidates.select("query_id", "doc_id").unique().height == world.candidates.height == 8000


def test_seed_pairs_are_part_of_evaluation_and_never_candidates(world: SampleWorld) -> None:
    pair = ["query_id", "doc_id"]
    seed = world.human_labels.select(pair).unique()
    assert seed.join(world.evaluation, on=pair, how="anti").is_empty()
    assert seed.join(world.candidates, on=pair, how="semi").is_empty()


def test_columns_and_values(world: SampleWorld) -> None:
    assert world.queries.columns == ["query_id", "query", "language"]
    assert world.documents.columns == ["doc_id", "title", "text", "source", "language", "created_on", "boundary"]
    assert world.human_labels.columns == ["query_id", "doc_id", "annotator_id", "grade", "rationale"]
    assert world.evaluation.columns == ["query_id", "doc_id", "grade"]
    assert world.candidates.columns == ["query_id", "doc_id", "arrived_on", "incumbent_score", "feature_clicks_30d"]
    assert set(world.documents["source"]) == {"wiki", "tickets", "chat", "mail", "drive"}
    assert set(world.documents["boundary"]) == {"internal", "customer"}
    assert set(world.documents["language"]) == set(world.queries["language"]) == {"en", "de"}
    assert world.documents["created_on"].dtype == pl.Date
    assert world.queries["query"].n_unique() == 330
    assert all(frame.null_count().sum_horizontal().item() == 0 for frame in (getattr(world, name) for name in FRAMES))
    assert world.human_labels["rationale"].n_unique() > 15


def test_candidates_arrive_over_fourteen_days_mostly_for_queries_nobody_graded(world: SampleWorld) -> None:
    days = world.candidates["arrived_on"]
    assert (days.min(), days.max(), days.n_unique()) == (date(2026, 9, 1), date(2026, 9, 14), 14)
    graded = world.candidates["query_id"].is_in(world.evaluation["query_id"].unique().to_list()).mean()
    assert graded == pytest.approx(0.075)  # 600 of 8,000
    assert world.candidates["query_id"].n_unique() == 330


def test_customer_rows_are_candidates_but_never_before_humans(world: SampleWorld) -> None:
    customer = world.documents.filter(pl.col("boundary") == "customer")
    for frame in (world.human_labels, world.evaluation):
        assert frame.join(customer, on="doc_id", how="semi").is_empty()
    share = world.candidates.join(customer, on="doc_id", how="semi").height / world.candidates.height
    assert 0.01 < share < 0.04


def test_lengths_run_from_15_to_250_words_and_are_skewed(world: SampleWorld) -> None:
    lengths = np.array([len(words(text)) for text in world.documents["text"]])
    assert lengths.min() >= 15
    assert lengths.max() <= 250
    logs = np.log(lengths)
    skew = ((logs - logs.mean()) ** 3).mean() / logs.std() ** 3
    assert abs(skew) < 0.5 < ((lengths - lengths.mean()) ** 3).mean() / lengths.std() ** 3


def test_some_documents_are_edited_copies(world: SampleWorld) -> None:
    by_id = {document.doc_id: document for document in world.document_records}
    copies = [document for document in world.document_records if document.copy_of]
    assert 200 < len(copies) < 450
    for copy in copies:
        original = by_id[copy.copy_of or ""]
        assert copy.text != original.text
        shared = set(words(copy.text)) & set(words(original.text))
        assert len(shared) > 0.5 * len(set(words(original.text)))


def test_annotators_agree_as_people_do(world: SampleWorld) -> None:
    # Oracle: the krippendorff package.
    wide = world.human_labels.pivot(on="annotator_id", index=["query_id", "doc_id"], values="grade")
    ratings = wide.drop("query_id", "doc_id").to_numpy().T.astype(float)
    assert 0.70 < krippendorff.alpha(ratings, level_of_measurement="ordinal") < 0.85


def test_every_grade_is_well_represented(world: SampleWorld) -> None:
    counts = np.bincount(world.evaluation["grade"].to_numpy(), minlength=4)
    shares = counts / counts.sum()
    assert np.abs(shares - [0.50, 0.28, 0.15, 0.08]).max() < 0.05
    assert (np.bincount(world.human_labels["grade"].to_numpy(), minlength=4) > 150).all()


def test_relevance_is_no_function_of_word_match_or_length(world: SampleWorld) -> None:
    index = LexicalIndex([words(document.text) for document in world.document_records])
    log_length = np.log([len(words(document.text)) for document in world.document_records])
    by_match, by_length = [], []
    rows = {query.query_id: row for row, query in enumerate(world.query_records)}
    columns = {document.doc_id: column for column, document in enumerate(world.document_records)}
    for (query_id,), group in world.evaluation.group_by("query_id", maintain_order=True):
        docs = [columns[doc] for doc in group["doc_id"]]
        truth = world.relevance_matrix[rows[str(query_id)], docs]
        match = index.bm25(words(world.query_records[rows[str(query_id)]].text))[docs]
        by_match.append(np.corrcoef(match, truth)[0, 1])
        by_length.append(np.corrcoef(log_length[docs], truth)[0, 1])
    assert 0.2 < np.mean(by_match) < 0.75
    assert abs(np.mean(by_length)) < 0.2


def test_relevance_is_computed_on_demand_from_the_world_and_two_ids(world: SampleWorld) -> None:
    index = LexicalIndex([words(document.text) for document in world.document_records])
    again = Relevance(world.query_records[:3], world.document_records, index).matrix
    assert world.relevance("q002", "d00077") == again[1, 76]
    assert 0 <= world.relevance_matrix.min() < 0.1 < 0.9 < world.relevance_matrix.max() <= 1


def test_one_seed_one_world(world: SampleWorld) -> None:
    again = SampleWorld.generate(7)
    for name in FRAMES:
        assert getattr(again, name).equals(getattr(world, name)), name
    other = SampleWorld.generate(8)
    for name in FRAMES:
        assert not getattr(other, name).equals(getattr(world, name)), name


def test_another_scale_changes_the_grades_and_nothing_else(world: SampleWorld) -> None:
    wide = SampleWorld.generate(7, Scale(1, 5))
    assert wide.documents.equals(world.documents)
    assert wide.evaluation.drop("grade").equals(world.evaluation.drop("grade"))
    assert set(wide.evaluation["grade"]) == {1, 2, 3, 4, 5}


def test_files_hold_the_frames_and_say_they_are_generated(world: SampleWorld, tmp_path: Path) -> None:
    paths = write_files(world, tmp_path / "sample")
    assert {path.name for path in (tmp_path / "sample").iterdir()} == {path.name for path in paths.values()}
    assert pl.read_csv(paths["queries"]).equals(world.queries)
    assert pl.read_parquet(paths["documents"]).equals(world.documents)
    assert pl.read_csv(paths["human_labels"]).equals(world.human_labels)
    assert pl.read_csv(paths["evaluation"]).equals(world.evaluation)
    candidates = pl.read_ndjson(paths["candidates"]).with_columns(pl.col("arrived_on").str.to_date())
    assert candidates.equals(world.candidates)
    assert "GENERATED" in paths["readme"].read_text(encoding="utf-8")
