"""Servers with a quota: how much of T seconds of its rate and a full bucket is used, and how often they refuse."""

import numpy as np
import pytest

from label_pipeline_tests.adapters.pace.crowd import Crowd, ask
from label_pipeline_tests.adapters.pace.fixed import FixedLimiter
from label_pipeline_tests.adapters.pace.servers import Bucket

TOKENS = 520 + 109.5
"""Mean of a request and its answer (servers.py)."""

SIZES = [(latency_s, in_flight) for latency_s in (0.3, 1.0, 5.0) for in_flight in (64, 256, 1_000)]


def seconds_of(latency_s: float) -> float:
    """Long enough that the first, small windows are not all there is."""
    return 300.0 if latency_s < 5 else 900.0


def bucket(latency_s: float, in_flight: int, units: float = 1.0, **changes: object) -> Bucket:
    """A quota that 60 % of the workers could use up, 20 requests a second at most; ``units`` a request."""
    per_s = units * min(20.0, 0.6 * in_flight / latency_s)
    return Bucket(latency_s, np.random.default_rng(0), per_s=per_s, **changes)  # type: ignore[arg-type]  # a factory


def share(crowd: Crowd) -> float:
    """Units let through, of ``per_s * (T + burst_s)``."""
    server = crowd.server
    assert isinstance(server, Bucket)
    used = server.tokens_used if server.in_tokens else len(server.accepted)
    return used / (server.per_s * (crowd.seconds + server.burst_s))


def assert_good(crowd: Crowd, least: float = 0.95) -> None:
    assert share(crowd) >= least
    assert crowd.refusals_an_answer < 0.05
    assert crowd.lost == 0


@pytest.mark.parametrize(("latency_s", "in_flight"), SIZES)
def test_a_quota_of_requests_that_nobody_names_is_found(latency_s: float, in_flight: int) -> None:
    assert_good(ask(bucket(latency_s, in_flight), in_flight, seconds_of(latency_s)))


@pytest.mark.parametrize("tells", [None, "retry-after"])
@pytest.mark.parametrize(("latency_s", "in_flight"), [(0.3, 256), (5.0, 1_000)])
def test_a_bucket_that_holds_a_minute_is_emptied_and_then_followed(
    latency_s: float, in_flight: int, tells: str | None
) -> None:
    """OpenAI's buckets hold a minute: the first refusal comes late, and what went well before says nothing."""
    crowd = ask(bucket(latency_s, in_flight, burst_s=60.0, tells=tells), in_flight, seconds_of(latency_s))
    assert_good(crowd)


@pytest.mark.parametrize(("latency_s", "in_flight"), [(0.3, 64), (1.0, 256), (5.0, 1_000)])
@pytest.mark.parametrize("known", ["stated", "limits", "retry-after", None])
def test_a_quota_of_tokens_is_used_by_what_requests_take(latency_s: float, in_flight: int, known: str | None) -> None:
    """A request may take half as much again as it does; what it did not take is there for others."""
    server = bucket(latency_s, in_flight, TOKENS, in_tokens=True, tells="retry-after" if known == "stated" else known)
    stated = 60 * server.per_s if known == "stated" else None
    crowd = ask(server, in_flight, seconds_of(latency_s), tokens_per_minute=stated)
    assert_good(crowd)


@pytest.mark.parametrize(("latency_s", "in_flight"), [(0.3, 1_000), (5.0, 64)])
def test_a_limit_that_is_stated_or_named_in_replies_is_hardly_ever_run_into(latency_s: float, in_flight: int) -> None:
    named = ask(bucket(latency_s, in_flight, tells="limits"), in_flight, seconds_of(latency_s))
    server = bucket(latency_s, in_flight)
    stated = ask(server, in_flight, seconds_of(latency_s), requests_per_minute=60 * server.per_s)
    for crowd in (named, stated):
        assert_good(crowd)
        assert crowd.refusals <= 5


def test_a_quota_that_changes_is_followed() -> None:
    class Changing(Bucket):
        async def admit(self, tokens: int, now: float) -> None:
            self.per_s = 2.0 if 200 <= now < 400 else 20.0
            await super().admit(tokens, now)

    crowd = ask(Changing(1.0, np.random.default_rng(0)), 256, 700)
    used = np.histogram(crowd.server.accepted, [50, 200, 400, 500, 700])[0] / [150 * 20, 200 * 2, 100 * 20, 200 * 20]
    assert min(used[0], used[1], used[3]) >= 0.95
    assert used[2] >= 0.15  # it is looked for again, the faster the longer nothing was refused
    assert crowd.refusals_an_answer < 0.05


def test_after_a_pause_requests_go_out_at_the_pace_and_not_all_at_once() -> None:
    """A server that asks for two seconds at each refusal: 1,000 waiting workers do not meet it in one instant."""

    class Pausing(Bucket):
        async def admit(self, tokens: int, now: float) -> None:
            arrived.append(now)
            await super().admit(tokens, now)

        async def refuse(self, status: int, headers: object) -> None:
            paused.append(self._at)
            await super().refuse(status, {"retry-after": "2"})

    arrived: list[float] = []
    paused: list[float] = []
    ask(Pausing(0.3, np.random.default_rng(0), per_s=20.0), 1_000, 300)
    assert len(paused) >= 3
    for pause in paused[1:]:
        after = [at for at in arrived if pause + 2 <= at < pause + 2.5]
        assert len(after) <= 20, f"{len(after)} requests within half a second after the pause at {pause:.0f} s"


@pytest.mark.parametrize(("latency_s", "in_flight", "most"), [(0.3, 64, 0.9), (1.0, 256, 0.9)])
def test_the_rule_of_before_falls_short(latency_s: float, in_flight: int, most: float) -> None:
    """What the others beat, so that they can be seen to fail."""
    crowd = ask(bucket(latency_s, in_flight), in_flight, 300, FixedLimiter)
    assert share(crowd) < most
    assert crowd.refusals_an_answer > 0.5
