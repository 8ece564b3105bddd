"""Between two tries: a stop or a lost lease is looked at before every one, and what was not sent is not waited for."""

import asyncio

import pytest

from label_pipeline.adapters.lease import LeasedClient
from label_pipeline.adapters.limiter import Limiter
from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.errors import StorageError
from label_pipeline_tests.adapters.test_openai_client import KEY, answered, client_of, refusal
from label_pipeline_tests.core.judging.scripted import DictJournal, ScriptedProvider, chat_answer, judging, make_pairs

pytestmark = pytest.mark.outside


def test_a_stop_lets_nothing_out_that_waits_for_its_turn_and_waits_for_nobody_who_was_not_sent() -> None:
    """A Ctrl-C let 32 queued requests out over 15 s: those in the limiter counted as under way."""
    journal = DictJournal()

    async def run(provider: ScriptedProvider) -> int:
        client = client_of(provider.url, limiter=Limiter(32, requests_per_minute=240))
        work = asyncio.create_task(judging(make_pairs(100), client, journal=journal, concurrency=32, drain_s=600))
        while len(journal.replies) < 6:
            await asyncio.sleep(0.01)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        sent = provider.requests
        await asyncio.sleep(1)
        await client.close()
        return sent

    with ScriptedProvider(answered(chat_answer())) as provider:
        sent = asyncio.run(run(provider))
        assert provider.requests == sent == len(journal.replies), "nothing after it, and what was sent is kept"
    assert 6 <= sent < 12


def test_a_stop_ends_the_wait_between_two_tries() -> None:
    async def run(provider: ScriptedProvider) -> None:
        async def never(seconds: float) -> None:
            await asyncio.sleep(3600)

        client = OpenAIChatClient(provider.url, KEY, timeout_s=10, max_retries=3, limiter=Limiter(4), sleep=never)
        work = asyncio.create_task(judging(make_pairs(10), client, concurrency=4, drain_s=600))
        while provider.requests < 1:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        await client.close()

    with ScriptedProvider(answered(refusal(503))) as provider:
        asyncio.run(run(provider))
        assert provider.requests == 1, "the scout, which waits for its second try"


def test_a_lease_that_ends_between_two_tries_sends_no_other() -> None:
    """Retries left five seconds after the lease was another machine's."""

    class Ended:
        """A lease that is held until one request is out."""

        def __init__(self, provider: ScriptedProvider) -> None:
            self.provider = provider

        def check(self) -> None:
            if self.provider.requests:
                raise StorageError("the lease is another machine's")

    async def run(provider: ScriptedProvider) -> None:
        client = client_of(provider.url, max_retries=5)
        lease = Ended(provider)
        try:
            await judging(make_pairs(1), LeasedClient(client, lease))  # type: ignore[arg-type]  # its one method
        finally:
            await client.close()

    with ScriptedProvider(answered(refusal(503))) as provider:
        with pytest.raises(StorageError, match="another machine"):
            asyncio.run(run(provider))
        assert provider.requests == 1
