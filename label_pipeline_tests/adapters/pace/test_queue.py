"""Servers that queue and never refuse: throughput against ``places / latency``, and what the queue costs in latency."""

import numpy as np
import pytest

from label_pipeline_tests.adapters.pace.crowd import Crowd, ask
from label_pipeline_tests.adapters.pace.fixed import FixedLimiter
from label_pipeline_tests.adapters.pace.servers import Places

SIZES = [(0.3, 4, 64), (1.0, 32, 256), (5.0, 100, 1_000)]


def places(latency_s: float, count: int, spread: float = 0.25, **changes: object) -> Places:
    return Places(latency_s, np.random.default_rng(0), spread=spread, places=count, **changes)  # type: ignore[arg-type]  # a factory


def throughput(crowd: Crowd) -> float:
    """Of ``places / latency_s``, slow start included."""
    server = crowd.server
    assert isinstance(server, Places)
    return crowd.answers * server.latency_s / (server.places * crowd.seconds)


def p95_ratio(crowd: Crowd) -> float:
    """95th percentile of all latencies, through that of the work alone (of a lognormal, in closed form)."""
    spread = crowd.server.spread
    alone_s = crowd.server.latency_s * float(np.exp(1.6449 * spread - spread**2 / 2))
    return float(np.quantile(crowd.server.latencies, 0.95)) / alone_s


@pytest.mark.parametrize("spread", [0.05, 0.4])
@pytest.mark.parametrize(("latency_s", "count", "in_flight"), SIZES)
def test_a_server_that_queues_is_kept_busy_at_little_more_than_its_own_latency(
    latency_s: float, count: int, in_flight: int, spread: float
) -> None:
    crowd = ask(places(latency_s, count, spread), in_flight, 200 * latency_s)
    assert throughput(crowd) >= 0.95
    assert p95_ratio(crowd) <= 2.0
    assert (crowd.refusals, crowd.lost) == (0, 0)


def test_a_rule_that_reacts_to_refusals_alone_is_blind_there() -> None:
    assert p95_ratio(ask(places(1.0, 32), 256, 100, FixedLimiter)) > 5


def test_a_server_that_becomes_slower_of_itself_is_not_asked_for_less() -> None:
    """Half as many requests take as long: it is not they who queue."""
    crowd = ask(places(1.0, 32, slower=(60.0, 3.0)), 256, 400)
    assert sum(at >= 100 for at in crowd.server.accepted) >= 0.95 * 300 * 32 / 3


def test_the_setting_is_the_upper_bound() -> None:
    crowd = ask(places(1.0, 10_000), 50, 60)
    assert crowd.limiter.window.limit == 50
    assert throughput(crowd) == pytest.approx(50 / 10_000, rel=0.15)  # slow start is four of sixty seconds
