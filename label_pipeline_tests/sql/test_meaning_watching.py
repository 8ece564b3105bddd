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
        ("x-08", "fp1", True, True, 3, 4, at(1), at(3)),
        ("x-08", "fp2", False, False, 3, None, at(3), at(3)),
        ("x-09", None, False, True, 4, 4, at(4), at(4)),
    ]


def test_graded_pairs_and_whether_the_judge_answered_about_them_in_time() -> None:
    mine = {"member_hash": "m", "epoch": 3, "purpose": "calibrate"}
    found = ask(
        "gate/asked_pairs",
        table("gold", {}, {"doc_id": "d2"}, {"query_id": "q2"}, {"query_id": "q3"}, {"doc_id": "secret"},
              {"doc_id": "edited"}, {"context_id": "de"}, {"doc_id": "d4"}, {"doc_id": "d5"}),
        table("splits", {}, {"query_id": "q2", "split": "holdout"}, {"query_id": "q3", "split": "anchor"}),
        table("documents", {}, {"doc_id": "d2"}, {"doc_id": "secret", "boundary": "customer"},
              {"doc_id": "edited", "doc_version": "v2"}, {"doc_id": "d4"}, {"doc_id": "d5"}),
        table("judgements", mine,
              # another stage, epoch and member have not asked for it
              mine | {"query_id": "q2"}, mine | {"epoch": 2, "doc_id": "d2"},
              mine | {"member_hash": "n", "doc_id": "d2"},
              # no answer, and one that came after the verdict
              mine | {"doc_id": "d4", "outcome": "failed", "grade": None},
              mine | {"doc_id": "d4", "outcome": "wrong_model", "grade": None},
              mine | {"doc_id": "d5", "judged_at": at(14)}, mine | {"context_id": "de", "judged_at": at(13)}),
        member_hash="m", epoch=3, until=at(13),
    )  # fmt: skip
    assert found == [
        (*PAIR, "d1", "v1", "de", "calibrate", False, True),
        (*PAIR, "d1", "v1", None, "calibrate", False, True),
        (*PAIR, "d2", "v1", None, "calibrate", False, False),
        (*PAIR, "d4", "v1", None, "calibrate", False, False),
        (*PAIR, "d5", "v1", None, "calibrate", False, False),
        (*PAIR, "secret", "v1", None, "calibrate", True, False),
        ("relevance", "main", "q2", "d1", "v1", None, "gate", False, False),
    ]
