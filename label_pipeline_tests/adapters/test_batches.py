"""Requests by batch, from an order to judgements, over HTTP: nothing lost, nothing twice, whatever goes wrong."""

from collections import Counter
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.codes.outcomes import GRADED
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.judging.batches.cutting import FileLimits
from label_pipeline.core.judging.booking import ASK, payments, recovered
from label_pipeline.rehearsal import BatchFault, Pace
from label_pipeline_tests.core.judging.batches.carried import (
    RUN,
    KilledError,
    Machine,
    Mortal,
    batched,
    bill_usd,
    files,
    order_of,
    provider,
    remote_batches,
    settled,
)  # fmt: skip
from label_pipeline_tests.core.judging.scripted import make_member, make_pair, make_pairs

pytestmark = [pytest.mark.outside, pytest.mark.usefixtures("one_tls_context")]

HOW = ("run_id", "latency_s", "judged_at", "reused", "cost_usd")
"""Columns of a judgement that tell how a reply came, not what it says."""


def test_judgements_by_batch_are_those_online_and_the_engine_asks_nothing(tmp_path: Path) -> None:
    order = order_of(20)
    with provider() as url:
        online = Machine(url, tmp_path / "online", order).judge()
    with provider() as url:
        machine = Machine(url, tmp_path / "batch", order, FileLimits(requests=7))
        submission = machine.submit()
        assert [batch.requests for batch in submission.batches] == [7, 7, 6]
        waiting = machine.collect()
        while waiting.waiting:
            assert waiting.sentence == "waiting, 0 of 20"
            waiting = machine.collect()
        assert waiting.sentence == "collected, 20 of 20"
        by_batch = machine.judge()
        assert batched(url)["requests"] == 20
        assert files(url) == []
        settled(machine)
    assert by_batch.requests == 0
    assert by_batch.judgements.drop(HOW).equals(online.judgements.drop(HOW))
    assert online.requests == 20
    assert machine.paid_usd == pytest.approx(online.cost_usd / 2)


def test_receipts_of_a_batch_are_booked_like_every_other_under_the_run_that_submitted_it(tmp_path: Path) -> None:
    with provider(BatchFault(failing=2)) as url:
        machine = Machine(url, tmp_path / "j", order_of(6))
        machine.submit()
        machine.collect()
        machine.settle_left()
        usd = bill_usd(url)
        [payment] = payments("booking", machine.booked).rows(named=True)
    assert (payment["run_id"], payment["purpose"], payment["epoch"]) == (RUN, "amplify", 7)
    assert (payment["requests"], payment["replies"], payment["lost"]) == (6, 4, 0)
    assert payment["cost_usd"] == pytest.approx(usd)
    nothing = pl.DataFrame(schema={name: JUDGEMENTS.schema[name] for name in (*ASK, "attempt")})
    rows = recovered(machine.booked, nothing, machine.order.member.scale)
    assert rows["outcome"].to_list() == [GRADED] * 4
    assert rows["cost_usd"].sum() == pytest.approx(usd)


def test_a_reply_nobody_can_read_is_asked_again_by_batch(tmp_path: Path) -> None:
    order = order_of(24)
    with provider(malformed=6) as url:
        online = Machine(url, tmp_path / "online", order).judge()
    with provider(malformed=6) as url:
        machine = Machine(url, tmp_path / "batch", order)
        machine.until_done()
        by_batch = machine.judge()
        settled(machine)
    assert by_batch.requests == 0
    assert by_batch.judgements["attempt"].max() == 1, "nothing was asked twice, so nothing was tested"
    assert by_batch.judgements.drop(HOW).equals(online.judgements.drop(HOW))


@pytest.mark.parametrize(
    ("fault", "told", "codes"),
    [
        (BatchFault(shuffled=True), {}, {}),
        (BatchFault(duplicated=3), {"duplicate": 3, "differing": 0}, {}),
        (BatchFault(duplicated=3, differing=True), {"duplicate": 3, "differing": 3}, {}),
        (BatchFault(foreign=2), {"unknown": 2}, {}),
        (BatchFault(failing=4), {}, {"500 server_error": 4}),
        (BatchFault(every_line_fails="error_file"), {}, {"500 server_error": 10}),
        (BatchFault(every_line_fails="output_file"), {}, {"500 server_error": 10}),
        (BatchFault(expires_after=6), {}, {"batch_expired": 4}),
        (BatchFault(expires_after=0), {}, {"batch_expired": 10}),
        (BatchFault(cancels_after=3), {}, {"batch_cancelled": 7}),
        (BatchFault(fails_with=("invalid_json_line", "line 3")), {}, {"invalid_json_line": 10}),
        (BatchFault(shuffled=True, duplicated=2, foreign=1, failing=1), {"duplicate": 2, "differing": 0, "unknown": 1},
         {"500 server_error": 1}),
    ],
)  # fmt: skip
def test_what_succeeded_is_kept_and_only_the_rest_is_sent_again(
    tmp_path: Path, fault: BatchFault, told: dict[str, int], codes: dict[str, int]
) -> None:
    with provider(fault) as url:
        machine = Machine(url, tmp_path / "j", order_of(10))
        seen = machine.until_done()
        [first] = seen[0].news
        assert first.told == told
        assert first.codes == codes
        assert first.answered == 10 - sum(codes.values())
        assert len(first.again) == sum(codes.values())
        machine.settle_left()
        assert len(machine.answered()) == 10
        answered_again = [batch["request_counts"]["total"] for batch in remote_batches(url)][:-1]
        assert answered_again == ([sum(codes.values())] if codes else [])
        assert machine.judge().requests == 0
        settled(machine)
        assert files(url) == []


@pytest.mark.parametrize("fault", [BatchFault(missing=3), BatchFault(missing=1, truncated=True)])
def test_lines_that_are_nowhere_are_possibly_paid_and_sent_again(tmp_path: Path, fault: BatchFault) -> None:
    """The provider counts them as completed, so it charges for them."""
    lost = fault.missing + fault.truncated
    with provider(fault) as url:
        machine = Machine(url, tmp_path / "j", order_of(10))
        [first] = machine.until_done()[0].news
        machine.settle_left()
        assert (first.answered, first.codes) == (10 - lost, {"missing": lost})
        assert first.told.get("unreadable", 0) == fault.truncated
        assert len(machine.answered()) == 10
        dearest = max(receipt.intent.greatest_usd for receipt in machine.booked)
        assert 0 < machine.possibly_usd <= lost * dearest
        charged_for_nothing = bill_usd(url) - machine.paid_usd
        assert 0 < charged_for_nothing <= machine.possibly_usd


def test_missing_lines_of_an_expired_batch_cost_nothing_where_every_completed_one_was_seen(tmp_path: Path) -> None:
    with provider(BatchFault(expires_after=0)) as url:
        machine = Machine(url, tmp_path / "j", order_of(4))
        machine.until_done()
        settled(machine)


def test_a_reply_of_another_model_is_booked_and_no_grade_rests_on_it(tmp_path: Path) -> None:
    with provider(BatchFault(served_as="gpt-cheap")) as url:
        machine = Machine(url, tmp_path / "j", order_of(6))
        machine.submit()
        [news] = machine.collect().news
        assert (news.answered, news.other_model) == (6, 6)
        settled(machine)
        assert {receipt.accepted for receipt in machine.booked} == {False}
        assert len(machine.to_send()) == 6


def test_a_reply_that_counts_is_not_replaced_by_one_that_does_not(tmp_path: Path) -> None:
    """While a batch waits, somebody may ask the same online; grades made of that reply must be found again."""
    with provider(BatchFault(served_as="gpt-cheap")) as url:
        machine = Machine(url, tmp_path / "j", order_of(3))
        machine.submit()
        online = machine.judge()
        machine.collect()
        again = machine.judge()
    assert (online.requests, again.requests) == (3, 0)
    assert again.judgements["grade"].equals(online.judgements["grade"])


def test_a_text_the_provider_refuses_is_told_apart_from_a_no_to_everyone(tmp_path: Path) -> None:
    filtered = BatchFault(failing=1, status=400, error_code="content_filter")
    unknown = BatchFault(failing=1, status=404, error_code="model_not_found")
    with provider(filtered, unknown) as url:
        machine = Machine(url, tmp_path / "j", order_of(3), FileLimits(requests=2))
        machine.submit()
        first, second = machine.collect().news
    assert (len(first.refused), len(first.stopped), first.codes) == (1, 0, {"400 content_filter": 1})
    assert (len(second.refused), len(second.stopped), second.codes) == (0, 1, {"404 model_not_found": 1})


def test_a_lost_poll_is_asked_again_and_the_other_batches_are_looked_at(tmp_path: Path) -> None:
    with provider(BatchFault(lost_polls=2)) as url:  # the transport asks once more by itself
        machine = Machine(url, tmp_path / "j", order_of(6), FileLimits(requests=3))
        machine.submit()
        first = machine.collect()
        assert [one.answered for one in first.news] == [0, 3]
        assert [reservation for reservation, _ in first.troubles] == [first.news[0].batch.reservation]
        assert machine.collect().sentence == "collected, 3 of 3"
        settled(machine)


def test_a_batch_whose_creation_got_no_answer_is_found_and_adopted(tmp_path: Path) -> None:
    with provider(BatchFault(lost_create=True)) as url:
        machine = Machine(url, tmp_path / "j", order_of(6), FileLimits(requests=3))
        submission = machine.submit()
        assert submission.batches == ()
        assert submission.unsure is not None
        assert submission.left == tuple(machine.to_send()[3:]), "nothing goes out behind it"
        assert len(remote_batches(url)) == 1
        again = machine.submit()
        assert (len(again.waiting), [batch.requests for batch in again.batches]) == (3, [3])
        machine.until_done()
        assert batched(url)["requests"] == 6
        settled(machine)
        assert files(url) == []


def test_a_batch_that_was_not_created_goes_out_once_it_would_have_been_listed(tmp_path: Path) -> None:
    with provider() as url:
        for at in range(20):
            machine = Machine(url, tmp_path / f"{at}", order_of(4))
            with pytest.raises(KilledError):
                machine.submit(Mortal(at))
            if machine.open() and machine.open()[0].asked_at is not None:
                break
        assert remote_batches(url) == [], "it died between the note and the request"
        assert machine.collect().waiting == 4, "the provider may list it yet"
        assert machine.submit().batches == ()
        machine.clock.move(minutes=16)
        assert [batch.requests for batch in machine.submit().batches] == [4]


def test_a_file_that_was_uploaded_twice_is_deleted_twice(tmp_path: Path) -> None:
    with provider() as url:
        machine = Machine(url, tmp_path / "j", order_of(3))
        machine.submit()
        machine.upload_again(machine.open()[0])
        assert len(files(url)) == 2
        machine.until_done()
        assert files(url) == []


def test_a_batch_that_never_leaves_validation_is_cancelled_and_its_requests_are_sent_again(tmp_path: Path) -> None:
    with provider(BatchFault(never_validates=True)) as url:
        machine = Machine(url, tmp_path / "j", order_of(5))
        machine.submit()
        machine.clock.move(hours=5)
        assert machine.collect().waiting == 5
        assert remote_batches(url)[0]["status"] == "validating"
        machine.clock.move(hours=2)
        assert machine.collect().waiting == 5
        assert remote_batches(url)[0]["status"] == "cancelling"
        [news] = machine.collect().news
        assert news.codes == {"batch_cancelled": 5}
        machine.until_done()
        settled(machine)


def test_the_queue_s_limit_is_kept_and_what_is_left_goes_out_later(tmp_path: Path) -> None:
    with provider() as url:
        machine = Machine(url, tmp_path / "j", order_of(6), FileLimits(enqueued_tokens=1100))
        first = machine.submit()
        assert 0 < len(first.left) < 6
        assert sum(batch.tokens for batch in first.batches) <= 1100
        assert machine.submit().batches == (), "the first still waits"
        machine.until_done()
        settled(machine)


def test_a_provider_whose_queue_is_full_fails_the_batch_and_it_goes_out_again(tmp_path: Path) -> None:
    with provider(enqueued_tokens=500, pace=Pace(1, 1)) as url:
        machine = Machine(url, tmp_path / "j", order_of(8), FileLimits(requests=4))
        machine.submit()
        seen = machine.until_done()
        codes = Counter[str]()
        for one in seen:
            for news in one.news:
                codes.update(news.codes)
        assert codes["token_limit_exceeded"] >= 4
        settled(machine)


def test_a_key_that_is_refused_stops_it_and_is_in_no_message(tmp_path: Path) -> None:
    with provider() as url:
        machine = Machine(url, tmp_path / "j", order_of(3))
        machine.key = "sk-another-secret"
        with pytest.raises(ProviderRejectedError, match="rejects the API key") as refused:
            machine.submit()
        assert "secret" not in str(refused.value)
    with pytest.raises(ProviderUnavailableError, match="gave no usable answer"):
        machine.submit()


def test_customer_text_never_goes_to_an_endpoint_outside(tmp_path: Path) -> None:
    with provider() as url:
        machine = Machine(url, tmp_path / "j", order_of(2))
        pairs = [*make_pairs(2), make_pair(9, customer=True)]
        machine.order = type(machine.order)(make_member(), pairs, "amplify", 7, cap_usd=1.0)
        with pytest.raises(ValueError, match="customer"):
            machine.submit()
        assert files(url) == []


def test_nothing_of_a_request_or_a_key_is_in_the_book(tmp_path: Path) -> None:
    with provider() as url:
        machine = Machine(url, tmp_path / "j", order_of(3))
        machine.submit()
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"label-pipeline" not in written.replace(b"label_pipeline", b""), "names are ids"
    assert b"document 1" not in written
    assert b"secret" not in written
