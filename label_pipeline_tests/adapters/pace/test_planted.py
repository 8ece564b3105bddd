"""Faults of the pace that were planted to see whether the goals of the other files would notice."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from label_pipeline.adapters import limiter as limiting
from label_pipeline.adapters.pace import learned
from label_pipeline.adapters.pace.breaker import Breaker
from label_pipeline.adapters.pace.learned import LearnedPace
from label_pipeline.adapters.pace.quota import Quota
from label_pipeline.adapters.pace.troubles import Blame
from label_pipeline.adapters.pace.window import Window
from label_pipeline_tests.adapters.pace.crowd import ask
from label_pipeline_tests.adapters.pace.servers import Outage, Places
from label_pipeline_tests.adapters.pace.test_queue import p95_ratio
from label_pipeline_tests.adapters.pace.test_quota import TOKENS, bucket, share

Patch = pytest.MonkeyPatch


def tokens_used() -> bool:
    """A stated quota of tokens is used."""
    server = bucket(1.0, 256, TOKENS, in_tokens=True)
    return share(ask(server, 256, 300, tokens_per_minute=60 * server.per_s)) >= 0.95


def requests_used() -> bool:
    """A quota that nobody names is used, at a tenth of the refusals that are allowed: a guessed pace needs more."""
    crowd = ask(bucket(5.0, 256), 256, 900)
    return share(crowd) >= 0.95 and crowd.refusals_an_answer < 0.005


def quota_found_soon() -> bool:
    """Few are refused before the pace is found: what a burst is refused is one piece of news, not hundreds."""
    return ask(bucket(5.0, 256), 256, 300).refusals_an_answer < 0.004


def queue_short() -> bool:
    """A server that queues is not swamped."""
    return p95_ratio(ask(Places(1.0, np.random.default_rng(0), places=32), 256, 200)) <= 2


def outage_outlasted() -> bool:
    """No row is lost in a minute of 500."""
    return ask(Outage(0.3, np.random.default_rng(0), how="500", begins=15), 64, 100).lost == 0


def nothing_given_back(patch: Patch) -> None:
    take = Quota.take
    patch.setattr(Quota, "take", lambda self, units, now: take(self, max(units, 0.0), now))
    patch.setattr(limiting, "USED_SHARE", 0.0)


def every_refusal_of_a_burst_cuts(patch: Patch) -> None:
    refused = LearnedPace.refused

    def each(self: LearnedPace, sent_at: float, now: float) -> None:
        refused(self, math.inf, now)

    patch.setattr(LearnedPace, "refused", each)
    patch.setattr(Window, "per_s", property(lambda self: math.inf))  # so that there is a burst


def no_rate_is_found(patch: Patch) -> None:
    patch.setattr(learned, "ENOUGH", 10**9)


def a_pause_and_no_pace(patch: Patch) -> None:
    patch.setattr(LearnedPace, "_settle", lambda self, per_s, now: setattr(self, "_per_s", per_s))


def no_breaker(patch: Patch) -> None:
    patch.setattr(Breaker, "failed", lambda self, trouble, request, now, *, probe: Blame.REQUEST)


def blind_to_latency(patch: Patch) -> None:
    decide = Window._decide

    def blind(self: Window, now: float) -> None:
        self._idle = None
        decide(self, now)

    patch.setattr(Window, "_decide", blind)


GOALS = (tokens_used, requests_used, quota_found_soon, queue_short, outage_outlasted)


def test_without_a_fault_every_goal_is_met() -> None:
    assert [goal.__name__ for goal in GOALS if not goal()] == []


@pytest.mark.parametrize(
    ("plant", "goal"),
    [
        (nothing_given_back, tokens_used), (every_refusal_of_a_burst_cuts, quota_found_soon),
        (no_rate_is_found, requests_used), (a_pause_and_no_pace, requests_used), (no_breaker, outage_outlasted),
        (blind_to_latency, queue_short),
    ],
)  # fmt: skip
def test_a_planted_fault_is_noticed(
    plant: Callable[[Patch], None], goal: Callable[[], bool], monkeypatch: Patch
) -> None:
    plant(monkeypatch)
    assert not goal()
