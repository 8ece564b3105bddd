"""What the questions of sql/calibrate/ answer, whole rows compared."""

from label_pipeline_tests.sql.frames import ask, at, frame_of, table

MEMBER = {"member_hash": "m1", "request_key": "k1", "model_reported": "model-1"}


def test_a_pair_asked_twice_counts_once_the_answer_asked_for_last() -> None:
    found = ask(
        "calibrate/member_judgements",
        table(
            "judgements",
            {**MEMBER, "grade": 1, "cost_usd": 0.5, "judged_at": at(9)},
            {**MEMBER, "grade": 1, "cost_usd": 0.0, "judged_at": at(10), "reused": True},
            {**MEMBER, "sample_index": 1, "request_key": "k2", "grade": 3, "expected_grade": 2.5},  # another vote
            {**MEMBER, "context_id": "de", "grade": 0},  # another context
            {**MEMBER, "doc_version": "v2", "outcome": "malformed", "grade": None, "detail": "no JSON"},
        ),
        member_hash="m1", epochs=[0], purpose="calibrate",
    )  # fmt: skip
    pair = (0, "relevance", "main", "q1", "d1")
    assert found == [
        (*pair, "v1", "de", "k1", 0, "graded", 0, None, None, "model-1", None, 0.0, False),
        (*pair, "v1", None, "k1", 0, "graded", 1, None, None, "model-1", None, 0.0, True),
        (*pair, "v1", None, "k2", 1, "graded", 3, 2.5, None, "model-1", None, 0.0, False),
        (*pair, "v2", None, "k1", 0, "malformed", None, None, "no JSON", "model-1", None, 0.0, False),
    ]


def test_of_one_moment_the_reply_that_was_paid_for_is_shown_in_any_order() -> None:
    paid, reused = {**MEMBER, "cost_usd": 0.5}, {**MEMBER, "reused": True}
    other = {**MEMBER, "request_key": "k2", "cost_usd": 0.7}
    for order in ([paid, reused, other], [other, reused, paid]):
        frame = frame_of(
            "calibrate/member_judgements", table("judgements", *order),
            member_hash="m1", epochs=[0], purpose="calibrate",
        )  # fmt: skip
        assert frame.select("cost_usd", "reused").rows() == [(0.5, False)]


def test_other_members_epochs_and_purposes_are_left_out() -> None:
    found = ask(
        "calibrate/member_judgements",
        table(
            "judgements", {**MEMBER, "member_hash": "m2"}, {**MEMBER, "epoch": 1}, {**MEMBER, "purpose": "gate"}
        ),
        member_hash="m1", epochs=[0], purpose="calibrate",
    )  # fmt: skip
    assert found == []


def test_the_current_epoch_is_the_newest_there_has_been_and_0_before_any() -> None:
    assert ask("calibrate/current_epoch") == [(0,)]
    assert ask("calibrate/current_epoch", table("judgements", {"epoch": 2}, {"epoch": 10}, {"epoch": 3})) == [(10,)]
    opened = table("epochs", {"epoch": 4, "purpose": "calibrate"}, {"epoch": 9, "purpose": "anchor"})
    assert ask("calibrate/current_epoch", opened) == [(4,)]


def test_an_anchor_run_never_makes_a_calibration_ask_again() -> None:
    later = table("judgements", {"epoch": 2}, {"epoch": 7, "purpose": "anchor"}, {"epoch": 8, "purpose": "canary"})
    opened = table("epochs", {"epoch": 9, "purpose": "recall"})
    assert ask("calibrate/current_epoch", later, opened) == [(2,)]
    assert ask("calibrate/newest_epoch", later, opened) == [(9,)]
    assert ask("calibrate/newest_epoch", later) == [(8,)], "also where a killed run opened it before there was a table"
    assert ask("calibrate/newest_epoch") == [(0,)]


def test_known_requests_are_those_that_a_model_answered() -> None:
    said = {"model_reported": "m"}
    found = ask(
        "calibrate/known_requests",
        table(
            "judgements",
            {"request_key": "k2", **said}, {"request_key": "k1", **said}, {"request_key": "k2", "reused": True, **said},
            {"request_key": "k3", "outcome": "failed", "grade": None},  # its cost will be booked when it is answered
            {"request_key": "k4", "outcome": "malformed", "grade": None, **said},  # unreadable, but paid for
            {"request_key": "k5", "outcome": "failed", "grade": None}, {"request_key": "k5", **said},
            # a text that was rejected, or never answered, cost nothing; should a later run get a reply, that one does
            {"request_key": "k6", "outcome": "rejected", "grade": None},
            {"request_key": "k7", "outcome": "unanswerable", "grade": None},
            # another model's reply was paid for, whether or not its name is accepted later
            {"request_key": "k8", "outcome": "wrong_model", "grade": None, "model_reported": "other"},
        ),
    )  # fmt: skip
    assert found == [("k1", "m"), ("k2", "m"), ("k4", "m"), ("k5", "m"), ("k8", "other")]


def judge(version: str, hour: int, **more: object) -> dict[str, object]:
    return {"judge_version": version, "created_at": at(hour), "cost_per_1000_usd": 1.5, **more}


def row(version: str, hour: int, epoch: int = 0, parent: str | None = None) -> tuple[object, ...]:
    texts = ("members", "calibrators", "rubric_version", "model_served")
    return (version, "candidate", "calibration_id", epoch, *texts, 1.5, parent, at(hour))


def test_the_newest_judge_is_the_one_frozen_last() -> None:
    judges = table("judge_versions", judge("b", 9), judge("a", 11, parent="b"), judge("c", 10))
    assert ask("calibrate/newest_judge", judges) == [row("a", 11, parent="b")]
    assert ask("calibrate/newest_judge") == []


def test_a_later_epoch_is_newer_whatever_the_clock_said() -> None:
    for order in (0, 1), (1, 0):
        judges = table("judge_versions", *(judge("a", 9 - epoch, epoch=epoch) for epoch in order))
        assert ask("calibrate/newest_judge", judges) == [row("a", 8, epoch=1)]
        lines = [{"calibration_id": str(epoch), "epoch": epoch, "calibrated_at": at(9)} for epoch in order]
        found = frame_of("calibrate/newest_calibration", table("leaderboard", *lines))
        assert found["calibration_id"].to_list() == ["1"]


def test_of_judges_frozen_at_one_moment_the_same_one_is_newest_in_any_order() -> None:
    for order in ("ab", "ba"):
        judges = table("judge_versions", *(judge(name, 9) for name in order))
        assert ask("calibrate/newest_judge", judges) == [row("a", 9)]


def test_a_judge_by_version_comes_in_its_newest_epoch() -> None:
    judges = table(
        "judge_versions", judge("a", 11), judge("a", 8, epoch=1), judge("a", 9, epoch=1), judge("b", 12, epoch=2)
    )
    assert ask("calibrate/judge_by_version", judges, judge_version="a") == [row("a", 9, epoch=1)]
    assert ask("calibrate/judge_by_version", judges, judge_version="c") == []


def test_the_newest_calibration_best_loss_first_unreadable_last() -> None:
    def line(calibration: str, hour: int, candidate: str, loss: float | None, *, chosen: bool) -> dict[str, object]:
        when = {"calibration_id": calibration, "calibrated_at": at(hour)}
        return {**when, "candidate": candidate, "loss": loss, "n_pairs": 4, "chosen": chosen}

    board = table(
        "leaderboard",
        line("old", 9, "a", 1.0, chosen=True),
        line("new", 10, "c", None, chosen=False),
        line("new", 10, "b", 30.0, chosen=False),
        line("new", 10, "aa", 30.0, chosen=False),
        line("new", 10, "a", 20.0, chosen=True),
    )
    found = frame_of("calibrate/newest_calibration", board)
    assert found.select("calibration_id", "candidate", "loss", "n_pairs", "chosen", "calibrated_at").rows() == [
        ("new", "a", 20.0, 4, True, at(10)),
        ("new", "aa", 30.0, 4, False, at(10)),
        ("new", "b", 30.0, 4, False, at(10)),
        ("new", "c", None, 4, False, at(10)),
    ]
    assert ask("calibrate/newest_calibration") == []
