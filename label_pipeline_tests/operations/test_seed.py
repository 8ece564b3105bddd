"""The user's files become tables, again and again: what left a file leaves its table, and a query never moves."""

from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.errors import InputError
from label_pipeline.operations import seed
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests import small_project
from label_pipeline_tests.small_project import Small, failure_of

SEED = ("seed_inputs", "annotator_agreement", "gold_labels", "seed_splits")


@pytest.fixture
def small(world: SampleWorld, tmp_path: Path) -> Small:
    small_project.write_small_inputs(world, tmp_path / "home")
    return Small(small_project.settings(tmp_path / "home"))


def test_loading_again_replaces_what_the_files_hold_and_moves_no_query(small: Small, tmp_path: Path) -> None:
    done = small.run(*SEED)
    assert done.success, failure_of(done)
    store = small.project.store("anchor")
    before = store.read("splits")
    assert done.found["annotator_agreement"].equals(store.read("agreement"))
    path = tmp_path / "home" / "inputs" / "human_labels.csv"
    labels = pl.read_csv(path, infer_schema=False)
    gone = labels["query_id"][0]
    kept, lost = labels.filter(pl.col("query_id") != gone), labels.filter(pl.col("query_id") == gone)
    pl.concat([kept, kept.head(1).with_columns(grade=pl.lit("nine"))]).write_csv(path)
    assert lost.height > 0
    again = small.run(*SEED)
    assert again.success, failure_of(again)
    assert gone not in store.read("human_labels")["query_id"]
    assert store.read("quarantine").filter(pl.col("input") == "human_labels").height == 1
    assert all(books.balanced for books in again.found["seed_inputs"].books)
    assert gone not in store.read("gold")["query_id"]
    stayed = before.join(store.read("splits"), on=["query_id", "split"], how="semi")
    assert stayed.height >= before.height - 1, "a query never moves; one without a grade may leave"


def test_a_file_that_cannot_be_used_replaces_nothing(small: Small, tmp_path: Path) -> None:
    assert small.run(*SEED).success
    store = small.project.store("anchor")
    before = store.read("human_labels").height
    (tmp_path / "home" / "inputs" / "queries.csv").write_text("nothing,of,that,kind\n1,2,3,4\n")
    with pytest.raises(InputError, match=r"queries\.csv"):
        seed.load_inputs(small.project)
    assert store.read("human_labels").height == before > 0
