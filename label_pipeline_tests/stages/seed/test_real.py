"""The public judgments: TREC DL 2019+2020 as a wide file, LLMJudge with its 265,062-character passage."""

import os
from pathlib import Path

import numpy as np
import pytest

from label_pipeline.adapters.files import InputSpec, read_rows
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed import agreement_verdict, annotator_agreement, assemble, gold_labels

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("LABEL_PIPELINE_TEST_DATA", ROOT / ".." / "shared" / "data"))
TREC = DATA / "trecdl" / "dl1920_text_human_llm.parquet"
LLMJUDGE = DATA / "llmjudge" / "test_text_human_llm.parquet"
QRELS = DATA / "llmjudge" / "human_test_qrel.txt"

pytestmark = pytest.mark.real


@pytest.mark.skipif(not TREC.exists(), reason=f"{TREC} is not here; set LABEL_PIPELINE_TEST_DATA")
def test_trec_dl_serves_four_tables_and_a_sample_of_20_pairs_a_query() -> None:
    specs = [
        InputSpec(TREC, "queries", columns={"query": "query"}),
        InputSpec(TREC, "documents", columns={"text": "passage"}),
        InputSpec(TREC, "human_labels", columns={"grade": "human_grade"}),
        InputSpec(TREC, "evaluation", columns={"grade": "human_grade"}),
    ]
    found = assemble([read_rows(spec) for spec in specs], Scale(0, 3), pairs_per_query=20)
    assert found.balanced
    assert found.quarantine.is_empty()
    assert (found.queries.height, found.documents.height) == (97, 20_349)
    assert found.evaluation.height == 20_646
    assert found.human_labels.height == 1_940
    assert found.books[2].not_sampled == 18_706
    assert found.human_labels["collection"].unique().to_list() == ["main"]
    assert dict(found.evaluation["grade"].value_counts().iter_rows()) == {0: 12_938, 1: 3_541, 2: 2_824, 3: 1_343}
    gold = gold_labels(found.human_labels)
    assert gold.height == 1_940
    agreement = annotator_agreement(found.human_labels, Scale(0, 3), np.random.default_rng(0))
    assert agreement_verdict(agreement).passed  # one assessor: not applicable


@pytest.mark.skipif(not LLMJUDGE.exists(), reason=f"{LLMJUDGE} is not here; set LABEL_PIPELINE_TEST_DATA")
def test_llmjudge_keeps_all_but_its_overlong_passages() -> None:
    specs = [
        InputSpec(LLMJUDGE, "queries"),
        InputSpec(LLMJUDGE, "documents", columns={"text": "passage"}),
        InputSpec(QRELS, "human_labels", format="trec_qrels"),
    ]
    found = assemble([read_rows(spec) for spec in specs], Scale(0, 3))
    assert found.balanced
    overlong = found.quarantine.filter(input="documents")
    assert overlong["reason"].str.contains("265062 characters").sum() == 1
    assert (found.documents.height, overlong.height) == (4_408, 8)
    assert found.human_labels.height == 4_415
    assert found.quarantine.filter(input="human_labels").height == 8
