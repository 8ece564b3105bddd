"""What the questions of the sensors answer, whole rows compared."""

from label_pipeline_tests.sql.frames import ask, at, table

MINE = {"member_hash": "m", "epoch": 3, "model_reported": "x-08", "fingerprint": "fp1"}
PAIR = ("relevance", "main", "q1")


def test_what_a_judge_reported_since_its_calibration() -> None:
    found = ask(
        "anchor/reported",
        table(
            "judgements",
            {**MINE, "purpose": "calibrate", "judged_at": at(1)},
            {**MINE, "purpose": "gate", "judged_at": at(2)},
            {**MINE, "purpose": "amplify", "fingerprint": "fp2", "run_id": "night-1", "judged_at": at(3)},
            {**MINE, "purpose": "anchor", "epoch": 4, "model_reported": "x-09", "fingerprint": None,
             "outcome": "wrong_model", "run_id": "night-2", "judged_at": at(4)},
            {**MINE, "purpose": "anchor", "epoch": 4, "run_id": "night-2", "judged_at": at(3)},
            # answered from the journal: not news, whatever the time
            {**MINE, "purpose": "gate", "reused": True, "run_id": "again", "judged_at": at(9)},
            {**MINE, "epoch": 2, "fingerprint": "before", "judged_at": at(0)},
            {**MINE, "member_hash": "another", "fingerprint": "theirs", "judged_at": at(8)},
            {**MINE, "model_reported": None, "fingerprint": None, "outcome": "failed", "judged_at": at(9)},
        ),
        member_hash="m",
        epoch=3,
    )  # fmt: skip
    assert found == [
        ("x-08", "fp1", True, True, 3, at(1)),
        ("x-08", "fp2", False, False, 3, at(3)),
        ("x-09", None, False, True, 4, at(4)),
    ]


def test_graded_pairs_nobody_was_asked_about() -> None:
    found = ask(
        "gate/unasked_pairs",
        table("gold", {}, {"doc_id": "d2"}, {"query_id": "q2"}, {"query_id": "q3"}, {"doc_id": "secret"},
              {"doc_id": "edited"}, {"context_id": "de"}),
        table("splits", {}, {"query_id": "q2", "split": "holdout"}, {"query_id": "q3", "split": "anchor"}),
        table("documents", {}, {"doc_id": "d2"}, {"doc_id": "secret", "boundary": "customer"},
              {"doc_id": "edited", "doc_version": "v2"}),
        table("judgements", {"member_hash": "m", "epoch": 3, "purpose": "calibrate"},
              # another stage, epoch and member have not asked for it
              {"member_hash": "m", "epoch": 3, "purpose": "calibrate", "query_id": "q2"},
              {"member_hash": "m", "epoch": 2, "purpose": "calibrate", "doc_id": "d2"},
              {"member_hash": "n", "epoch": 3, "purpose": "calibrate", "doc_id": "d2"}),
        member_hash="m", epoch=3,
    )  # fmt: skip
    assert found == [
        (*PAIR, "d1", "v1", "de", "calibrate", False),
        (*PAIR, "d2", "v1", None, "calibrate", False),
        (*PAIR, "secret", "v1", None, "calibrate", True),
        ("relevance", "main", "q2", "d1", "v1", None, "gate", False),
    ]
