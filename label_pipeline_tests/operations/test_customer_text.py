"""Customer text stays inside its boundary: pairs an endpoint outside may not see are counted, and nothing is sent."""

from collections.abc import Callable

import polars as pl

from label_pipeline_tests.small_project import DAYS, PAIRS_A_DAY, Provider, Small


def _make_every_candidate_a_customers(graph: Small) -> None:
    """Marks the documents of the first day."""
    store = graph.project.store("amplify")
    ids = store.read("candidates").filter(pl.col("arrived_on").cast(pl.String) == DAYS[0])["doc_id"]
    documents = store.read("documents")
    mine = pl.col("doc_id").is_in(ids.implode())
    store.overwrite(
        "documents", documents.with_columns(boundary=pl.when(mine).then(pl.lit("customer")).otherwise("boundary"))
    )


def test_customer_pairs_are_skipped_by_an_endpoint_outside(
    certified_small: Callable[[], Small], provider: Provider
) -> None:
    graph = certified_small()
    _make_every_candidate_a_customers(graph)
    before = provider.requests()
    assert graph.run("amplified_labels", day=DAYS[0]).success
    assert provider.requests() == before
    runs = graph.project.store("amplify").read("label_runs")
    assert (runs["skipped"][0], runs["labelled"][0]) == (PAIRS_A_DAY, 0)
