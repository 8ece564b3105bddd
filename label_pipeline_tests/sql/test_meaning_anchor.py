"""What the questions of sql/anchor/ answer, whole rows compared."""

import pytest

from label_pipeline_tests.sql.frames import ask, at, frame_of, table
from label_pipeline_tests.stages.anchor.history import lived

PAIR = ("relevance", "main", "q1", "d1", "v1", None)
OPENED = {"epoch": 3, "purpose": "anchor", "collection": "main", "opened_at": at(9)}


def test_an_epoch_is_unfinished_until_it_has_a_leaderboard_or_an_anchor_run() -> None:
    epochs = table(
        "epochs", OPENED, {**OPENED, "epoch": 4}, {**OPENED, "epoch": 5, "collection": None},
        {**OPENED, "epoch": 6, "purpose": "canary"},
    )  # fmt: skip
    found = frame_of("anchor/unfinished_epochs", epochs, purpose="anchor")
    assert found.select("epoch", "collection").rows() == [(5, None), (4, "main"), (3, "main")]
    ended = table("anchor_runs", {"epoch": 4}), table("leaderboard", {"epoch": 5})
    found = frame_of("anchor/unfinished_epochs", epochs, *ended, purpose="anchor")
    assert found["epoch"].to_list() == [3]


def test_documents_and_where_they_may_go() -> None:
    documents = table("documents", {"doc_id": "d2", "boundary": "customer"}, {"doc_id": "d1", "boundary": None})
    assert ask("anchor/boundaries", documents) == [("d1", None), ("d2", "customer")]


def test_an_epoch_before_a_suspension_or_a_newer_judge_is_not_taken_up_again() -> None:
    epochs = table("epochs", {**OPENED, "epoch": 5, "run_id": "r5"}, {**OPENED, "epoch": 8, "run_id": "r8"})
    news = {
        "verdicts": table("verdicts", {"kind": "suspension", "epoch": 5}, {"kind": "decision", "epoch": 9}),
        "judge_versions": table("judge_versions", {"epoch": 0}, {"epoch": 5}),
    }
    for planted in news.values():
        found = frame_of("anchor/unfinished_epochs", epochs, planted, purpose="anchor")
        assert found.select("epoch", "run_id").rows() == [(8, "r8")]


def test_what_one_member_said_about_the_anchor_by_epoch() -> None:
    said = {"member_hash": "m1", "purpose": "anchor", "epoch": 2, "request_key": "k"}
    found = frame_of(
        "calibrate/member_judgements",
        table(
            "judgements",
            {**said, "grade": 1, "judged_at": at(9), "fingerprint": "fp"},
            {**said, "grade": 3, "judged_at": at(10), "reused": True},  # a resumed run answered by the journal
            {**said, "outcome": "failed", "grade": None, "judged_at": at(11)},  # a reply beats no reply
            {**said, "epoch": 3, "grade": 0}, {**said, "epoch": 1}, {**said, "purpose": "canary", "epoch": 4},
            {**said, "member_hash": "m2", "epoch": 5},
        ),
        member_hash="m1", purpose="anchor", epochs=[2, 3, 4, 5],
    )  # fmt: skip
    assert found.select("epoch", "grade", "outcome").rows() == [(2, 3, "graded"), (3, 0, "graded")]


def test_the_stream_is_what_the_judge_labelled_and_still_stands_each_pair_once() -> None:
    labels = table(
        "labels",
        {"raw_grade": 1.0, "labelled_at": at(9)}, {"raw_grade": 2.0, "labelled_at": at(10)},
        {"raw_grade": 2.0, "labelled_at": at(10), "status": "confirmed", "verdict_id": "later"},
        {"raw_grade": 3.0, "judge_version": "judge-b"}, {"raw_grade": 3.0, "doc_version": "v2"},
    )  # fmt: skip
    texts = table("queries", {"query": "q"}), table("documents", {"title": "T", "text": "body", "source": "wiki"})
    found = ask("anchor/stream_pairs", labels, *texts, judge_version="judge-a")
    assert found == [(*PAIR, 2.0, "q", "T", "wiki", "T\n\nbody")], "as the anchor's snapshot has it"


@pytest.mark.parametrize("seed", [1, 2, 4, 5])
def test_the_stream_holds_the_pairs_that_are_usable_by_every_other_question(seed: int) -> None:
    """One rule in three files: over random lives of labels the stream is what its sisters say the judge labelled."""
    labels = lived(seed).labels.sample(fraction=1, shuffle=True, seed=seed)
    pairs = labels.unique(["query_id", "doc_id"])
    queries = table("queries", *({"query_id": name} for name in pairs["query_id"].unique()))
    documents = table("documents", *({"doc_id": name} for name in pairs["doc_id"].unique()))
    assert "recalled" in labels["status"], "else this test asks nothing"
    for judge in labels["judge_version"].unique():
        stream = frame_of("anchor/stream_pairs", ("labels", labels), queries, documents, judge_version=judge)
        usable = frame_of("amplify/labelled_pairs", ("labels", labels), judge_version=judge)
        assert stream["query_id", "doc_id"].rows() == usable["query_id", "doc_id"].rows()


def test_the_newest_drift_verdict_of_a_collection_is_the_one_on_its_latest_run() -> None:
    verdicts = table(
        "drift_verdicts", {"drift_id": "a", "epoch": 4, "decided_at": at(9)},
        {"drift_id": "b", "epoch": 5, "decided_at": at(8)}, {"drift_id": "c", "epoch": 5, "decided_at": at(10)},
        {"drift_id": "d", "epoch": 1, "decided_at": at(7), "collection": "mail"},
    )  # fmt: skip
    found = frame_of("anchor/newest_drift_verdicts", verdicts)
    assert found.select("collection", "drift_id").rows() == [("mail", "d"), ("main", "c")]
