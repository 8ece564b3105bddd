"""Batches whose fate nobody can tell: they wait for a person, and nothing of them is paid for twice."""

from pathlib import Path

import pytest

from label_pipeline.rehearsal import BatchFault
from label_pipeline_tests.core.judging.batches.carried import (
    Machine,
    bill_usd,
    files,
    order_of,
    provider,
    remote_batches,
    settled,
)  # fmt: skip

pytestmark = [pytest.mark.outside, pytest.mark.usefixtures("one_tls_context")]


def test_the_same_requests_of_another_machine_wait_for_a_person_who_takes_them_over(tmp_path: Path) -> None:
    with provider() as url:
        Machine(url, tmp_path / "lost", order_of(5)).submit()
        machine = Machine(url, tmp_path / "new", order_of(5))
        [(_, reason)] = machine.submit().quarantined
        assert "another journal has sent the same requests" in reason
        [news] = machine.collect().news
        assert (news.waiting, news.batch.code) == (5, "other_machine")
        assert machine.submit().batches == (), "nothing is paid twice meanwhile"
        machine.take_over(news.batch, news.batch.found[0])
        machine.until_done()
        assert len(remote_batches(url)) == 1
        settled(machine)
        assert files(url) == []


def test_what_a_person_releases_goes_out_although_another_machine_has_sent_it(tmp_path: Path) -> None:
    with provider() as url:
        Machine(url, tmp_path / "lost", order_of(5)).submit()
        machine = Machine(url, tmp_path / "new", order_of(5))
        machine.submit()
        machine.release(machine.open()[0], possibly_paid=False)
        machine.until_done()
        machine.settle_left()
        assert (len(machine.answered()), machine.possibly_usd) == (5, 0)
        assert len(remote_batches(url)) == 2


def test_a_batch_of_other_requests_cannot_be_taken_over(tmp_path: Path) -> None:
    with provider() as url:
        Machine(url, tmp_path / "lost", order_of(5)).submit()
        Machine(url, tmp_path / "third", order_of(4)).submit()
        machine = Machine(url, tmp_path / "new", order_of(5))
        machine.submit()
        [batch] = machine.open()
        other = next(one["id"] for one in remote_batches(url) if one["id"] not in batch.found)
        for name, found in ((other, "one of other requests"), ("batch_none", "found none")):
            with pytest.raises(ValueError, match=found):
                machine.take_over(batch, name)


def test_two_batches_of_one_name_are_put_into_quarantine(tmp_path: Path) -> None:
    with provider(BatchFault(lost_create=True)) as url:
        machine = Machine(url, tmp_path / "j", order_of(5))
        machine.submit()
        [batch] = machine.open()
        machine.create_again(batch)
        [news] = machine.collect().news
        assert (news.waiting, news.batch.code, len(news.batch.found)) == (5, "several", 2)
        assert "in quarantine (several)" in news.sentence
        assert machine.submit().batches == ()
        assert len(remote_batches(url)) == 2, "nothing was created beside them"


def test_a_batch_the_provider_does_not_know_any_more_waits_for_a_person(tmp_path: Path) -> None:
    with provider() as url:
        machine = Machine(url, tmp_path / "j", order_of(3))
        machine.submit()
    with provider() as url:  # its batches are gone
        machine.url = url
        [news] = machine.collect().news
        assert news.batch.code is None
        assert "was sent by account" in machine.collect().troubles[0][1], "another address is another account"


def test_an_output_file_that_is_gone_puts_the_batch_into_quarantine(tmp_path: Path) -> None:
    with provider(BatchFault(no_output_file=True)) as url:
        machine = Machine(url, tmp_path / "j", order_of(3))
        machine.submit()
        [news] = machine.collect().news
        assert (news.waiting, news.batch.code) == (3, "output_gone")
        assert machine.submit().batches == (), "nobody knows what was paid: nothing is sent again"
        machine.settle_left()
        assert machine.booked == []
        machine.release(news.batch)
        machine.settle_left()
        assert machine.possibly_usd >= bill_usd(url) > 0
        machine.until_done()
        assert machine.judge().requests == 0
