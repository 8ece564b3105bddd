"""Outages: no row is lost through a minute, nobody storms, and a run whose endpoint stays away ends."""

import asyncio
from collections.abc import Mapping

import numpy as np
import pytest

from label_pipeline.adapters.openai_client import OpenAIChatClient
from label_pipeline.core.errors import ProviderUnavailableError
from label_pipeline_tests.adapters.pace.crowd import BODY, Crowd, ask
from label_pipeline_tests.adapters.pace.fixed import FixedLimiter
from label_pipeline_tests.adapters.pace.servers import Answer, Bucket, Outage

SIZES = [(0.3, 64), (1.0, 256), (5.0, 1_000)]
HOWS = ["503", "429", "500", "refused", "hang"]


def outage(latency_s: float, how: str, **changes: object) -> Outage:
    return Outage(latency_s, np.random.default_rng(0), how=how, **{"begins": 15.0, **changes})  # type: ignore[arg-type]  # a factory


def through(latency_s: float, in_flight: int, how: str) -> Crowd:
    return ask(outage(latency_s, how), in_flight, 100, timeout_s=20)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize(("latency_s", "in_flight"), SIZES)
def test_no_row_is_lost_through_a_minute_without_answers(latency_s: float, in_flight: int, how: str) -> None:
    crowd = through(latency_s, in_flight, how)
    assert crowd.lost == 0
    after = [at for at in crowd.server.accepted if at >= 75]
    assert after[0] <= 75 + 10 * 1.05, "probes are at most ten seconds apart"
    during = crowd.server.received - len(crowd.server.accepted)
    assert during <= 2 * in_flight, "those under way, the few that are sent before it is known, and probes"


@pytest.mark.parametrize("how", ["503", "refused"])
def test_the_rule_of_before_loses_rows_and_the_run(how: str) -> None:
    crowd = ask(outage(0.3, how), 64, 100, FixedLimiter)
    assert crowd.lost >= 20


def test_an_endpoint_that_stays_away_ends_the_run_when_patience_is_spent() -> None:
    server = outage(1.0, "refused", lasts=1e6)
    crowd = ask(server, 256, 1_000, patience_s=100)
    assert crowd.lost >= 20
    assert server.received - len(server.accepted) < 600
    assert crowd.limiter.breaker.given_up == 1


def test_without_patience_every_try_is_the_requests_own() -> None:
    crowd = ask(outage(1.0, "503", lasts=1e6), 64, 400, patience_s=0)
    assert crowd.lost >= 20
    assert not crowd.limiter.breaker.is_open


def test_an_endpoint_that_never_answered_is_given_up_as_soon_as_ever() -> None:
    crowd = ask(outage(1.0, "refused", begins=0.0, lasts=1e6), 64, 400)
    assert crowd.answers == 0
    assert crowd.server.received <= (20 + 64) * 6


@pytest.mark.parametrize(
    ("status", "alone", "least"), [(500, False, 6), (503, False, 6), (503, True, 6), (429, False, 26)]
)
def test_a_request_that_always_fails_is_given_up_alone(status: int, alone: bool, least: int) -> None:
    """A moderation that says 503 to one text, a text larger than the quota: it ends, whoever else is answered."""
    tries = 0

    class Poisoned(Outage):
        async def post(self, path: str, *, cast_to: object, body: Mapping[str, object]) -> Answer:
            if body["model"] == "poison":
                nonlocal tries
                tries += 1
                await self.refuse(status, {})
            return await super().post(path, cast_to=cast_to, body=body)

    async def poison(client: OpenAIChatClient) -> None:
        await asyncio.sleep(5)
        with pytest.raises(ProviderUnavailableError, match=f"{least} tries"):
            await client.complete({**BODY, "model": "poison"})

    server = Poisoned(1.0, np.random.default_rng(0), begins=1e9)
    crowd = ask(server, 0 if alone else 64, 120, beside=poison)
    assert (crowd.lost, tries) == (0, least)


@pytest.mark.parametrize("how", ["503", "429"])
@pytest.mark.parametrize("lasts", [0.3, 1.0, 3.0, 6.0])
@pytest.mark.parametrize(("latency_s", "in_flight"), SIZES[:2])
def test_a_blip_costs_seconds_not_minutes(latency_s: float, in_flight: int, lasts: float, how: str) -> None:
    """Refusals of three seconds were taken for a quota that lets nothing through: 20 s later 7 of 211 a second."""
    begins = 35.0
    accepted = np.array(ask(outage(latency_s, how, begins=begins, lasts=lasts), in_flight, 65).server.accepted)
    ended = begins + lasts
    before, after = (int(((accepted >= at) & (accepted < at + 10)).sum()) for at in (begins - 10, ended + 10))
    assert after >= 0.9 * before


def test_a_quota_that_is_slower_than_our_cuts_is_not_taken_for_a_blip_again_and_again() -> None:
    """One request in five seconds, a bucket of two: every burst of cuts is silent there too."""
    crowd = ask(Bucket(1.0, np.random.default_rng(0), per_s=0.2, burst_s=10.0), 64, 3_000)
    assert crowd.lost == 0
    assert crowd.answers >= 0.95 * 0.2 * 3_000
    assert crowd.refusals_an_answer < 0.3
