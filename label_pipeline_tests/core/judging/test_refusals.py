"""One text or all: what a run concludes from its refusals among its answers."""

from label_pipeline.core.errors import ProviderRejectedError
from label_pipeline.core.judging.refusals import IN_A_ROW, WINDOW, Refusals

TEXT = ProviderRejectedError("filtered", request_only=True)
UNSURE = ProviderRejectedError("no such field")
ACCOUNT = ProviderRejectedError("no credit", account=True)


def after(answers: int) -> Refusals:
    made = Refusals()
    for _ in range(answers):
        made.answered()
    return made


def test_a_no_to_everybody_ends_a_run_at_once_where_nothing_passed() -> None:
    assert after(0).refused(UNSURE, known_before=False) == ""
    assert after(0).refused(UNSURE, known_before=True) == "", "the journal's replies are of another day"
    assert after(0).refused(TEXT, known_before=False) is None


def test_where_others_pass_it_is_this_text_until_twenty_say_so() -> None:
    run = after(1)
    assert [run.refused(UNSURE, known_before=True) for _ in range(IN_A_ROW - 1)] == [None] * (IN_A_ROW - 1)
    assert (
        run.refused(UNSURE, known_before=True) == f"rejected {IN_A_ROW} requests in a row, after it had answered others"
    )
    run = after(1)
    for _ in range(100):
        assert run.refused(UNSURE, known_before=True) is None
        run.answered()


def test_no_credit_ends_it_whatever_passed() -> None:
    assert after(500).refused(ACCOUNT, known_before=True) == ""


def test_a_run_stops_by_share_and_not_by_a_source_of_bad_texts() -> None:
    run = after(100)
    assert [run.refused(TEXT, known_before=True) for _ in range(100)] == [None] * 100, "half of two hundred"
    assert run.refused(TEXT, known_before=True) == f"rejected 101 of the last {WINDOW} requests"
    run = after(1)
    assert [run.refused(TEXT, known_before=True) for _ in range(99)] == [None] * 99, "too few to tell"
