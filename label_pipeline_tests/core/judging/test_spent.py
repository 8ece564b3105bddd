"""What rows say that judging cost: no request twice, none left out."""

from label_pipeline.core.judging.spent import NOTHING, Spent, replies, spent
from label_pipeline_tests.sql.frames import rows

PAID = {"cost_usd": 0.5, "input_tokens": 10, "cached_tokens": 2, "output_tokens": 1}


def test_every_reading_attempt_was_a_request_and_an_equal_request_is_one() -> None:
    asked = rows(
        "judgements", {"request_key": "a"}, {"request_key": "b", "attempt": 2},
        {"request_key": "b", "attempt": 2, "doc_id": "copy"},
    )  # fmt: skip
    assert replies(asked) == 1 + 3
    assert replies(asked.clear()) == 0


def test_what_was_re_used_costs_nothing_unless_nobody_booked_it() -> None:
    now = rows(
        "judgements", PAID | {"request_key": "a"}, PAID | {"request_key": "b", "reused": True, "cost_usd": 0.0},
        PAID | {"request_key": "c", "reused": True},
    )  # fmt: skip
    assert spent(now, now.clear(), requests=2, seconds=3.0) == Spent(2, 20, 4, 2, 1.0, 3.0)
    earlier = rows("judgements", PAID | {"request_key": "b", "attempt": 1})
    assert spent(now, earlier, requests=2, seconds=3.0) == Spent(4, 30, 6, 3, 1.5, 3.0)
    assert spent(now.clear(), now.clear(), requests=0, seconds=0.0) == NOTHING
