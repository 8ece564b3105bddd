"""A search endpoint over real HTTP: the contract kept, patience with a busy one, and every way it may say no."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from label_pipeline.adapters.search import Asked, SearchEndpoint, ask, search
from label_pipeline.core.errors import InputError, ProviderRejectedError, ProviderUnavailableError

pytestmark = pytest.mark.outside

QUERIES = [Asked("a&b=c {depth} ü/?", "de", "main"), Asked("second", "", "main")]


@dataclass
class Engine:
    """A scripted search engine: answers in order, then the last for ever; remembers what it was asked."""

    answers: list[Callable[[], web.Response]]
    asked: list[dict[str, str]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    under_way: int = 0
    most: int = 0

    async def find(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        self.keys.append(request.headers.get("Authorization"))
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0.01)
        self.under_way -= 1
        return (self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])()


def hits(*ids: object) -> Callable[[], web.Response]:
    return lambda: web.json_response({"hits": [{"doc_id": doc, "score": 1.0, "title": "x"} for doc in ids], "took": 3})


def status(code: int, **headers: str) -> Callable[[], web.Response]:
    return lambda: web.Response(status=code, headers=headers)


@contextmanager
def running(engine: Engine) -> Iterator[str]:
    """Serves the engine on a free port; yields the URL template."""
    loop, started, found = asyncio.new_event_loop(), threading.Event(), []

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/find", engine.find)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        found.append(runner.addresses[0][1])
        return runner

    def serve() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())

    thread = threading.Thread(target=serve)
    thread.start()
    started.wait()
    try:
        yield f"http://127.0.0.1:{found[0]}/find?q={{query}}&n={{depth}}&l={{language}}&c={{collection}}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_the_template_is_filled_in_encoded_and_the_order_is_kept() -> None:
    engine = Engine([hits("b", "a", "b", 7)])
    with running(engine) as url:
        found = ask(SearchEndpoint("ours", url, key="s3cret", concurrency=1), QUERIES, depth=3)
    assert found == [["b", "a", "7"], ["b", "a", "7"]]
    assert engine.asked[0] == {"q": QUERIES[0].query, "n": "3", "l": "de", "c": "main"}
    assert engine.keys == ["Bearer s3cret"] * 2
    assert "s3cret" not in repr(SearchEndpoint("ours", url, key="s3cret"))


def test_no_more_requests_are_under_way_than_allowed() -> None:
    engine = Engine([hits("a")])
    with running(engine) as url:
        ask(SearchEndpoint("ours", url, concurrency=3), [Asked(str(n), "", "main") for n in range(20)], depth=1)
    assert (len(engine.asked), engine.most) == (20, 3)
    assert engine.keys == [None] * 20


def test_a_busy_search_is_asked_again_after_what_it_says() -> None:
    engine = Engine([status(429, **{"Retry-After": "7"}), status(503), hits("a")])
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with running(engine) as url:
        assert asyncio.run(search(SearchEndpoint("ours", url), QUERIES[:1], 1, sleep)) == [["a"]]
    assert waits == [7, 2]


def test_one_that_stays_away_is_unavailable_and_one_that_refuses_is_not_asked_again() -> None:
    engine = Engine([status(500)])
    with (
        running(engine) as url,
        pytest.raises(ProviderUnavailableError, match="ours, query 1 of 1: answered 500 after 1 att"),
    ):
        ask(SearchEndpoint("ours", url, retries=0), QUERIES[:1], 1)
    refusing = Engine([status(403)])
    with running(refusing) as url, pytest.raises(ProviderRejectedError, match="answered 403, expected 200"):
        ask(SearchEndpoint("ours", url), QUERIES[:1], 1)
    assert len(refusing.asked) == 1
    with pytest.raises(ProviderUnavailableError, match="no answer"):
        ask(SearchEndpoint("ours", "http://127.0.0.1:9/?q={query}", retries=0), QUERIES[:1], 1)


def test_a_redirect_is_not_followed_with_the_key() -> None:
    engine = Engine([status(302, Location="http://127.0.0.1:9/")])
    with running(engine) as url, pytest.raises(ProviderRejectedError, match="answered 302"):
        ask(SearchEndpoint("ours", url, key="k"), QUERIES[:1], 1)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("no json", "is not JSON"),
        ("[]", "no list `hits`"),
        ('{"hits": [{"id": 1}]}', "no `doc_id`"),
        ('{"hits": [null]}', "no `doc_id`"),
    ],
)
def test_an_answer_that_does_not_keep_the_contract_is_told_with_it(body: str, told: str) -> None:
    engine = Engine([lambda: web.Response(text=body)])
    with running(engine) as url, pytest.raises(InputError) as caught:
        ask(SearchEndpoint("ours", url), QUERIES[:1], 1)
    assert told in str(caught.value)
    assert 'expected {"hits": [{"doc_id": "..."}, ...]}' in str(caught.value)


def test_an_answer_that_is_no_text_is_told() -> None:
    def binary(kind: str) -> Callable[[], web.Response]:
        return lambda: web.Response(body=b'{"hits": "\xff\xfe"}', headers={"Content-Type": kind})

    for kind in ("application/json; charset=utf-99", "application/json"):
        with running(Engine([binary(kind)])) as url, pytest.raises(InputError, match="the answer is not UTF-8"):
            ask(SearchEndpoint("ours", url), QUERIES[:1], 1)


def test_a_key_that_no_header_can_carry_is_refused_and_not_told() -> None:
    with pytest.raises(InputError, match="its key holds a line break") as refused:
        SearchEndpoint("ours", "http://x/{query}", key="s3cret\n")
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd?{query}", "http://x/find", "x/{query}", "http://[bad/{query}", "http://?q={query}",
        "http://h:99999/{query}", "http://h:port/{query}",
    ],
)  # fmt: skip
def test_only_http_addresses_with_a_place_for_the_query_are_asked(url: str) -> None:
    with pytest.raises(InputError, match="must begin with http"):
        SearchEndpoint("ours", url)
