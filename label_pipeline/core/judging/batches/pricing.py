"""What a batch costs, and whether it is worth waiting for. Pure."""

import math
from datetime import timedelta
from typing import Literal, NamedTuple

from label_pipeline.core.judging.plan import Plan
from label_pipeline.core.ports import Price

BATCH_SHARE = 0.5
"""Share of the list price a batch costs where nothing else is stated: OpenAI, Azure, Mistral and Groq halve it."""


def batch_price(price: Price, share: float = BATCH_SHARE) -> Price:
    """The price of a batch: ``share`` of input, cached input and output alike."""
    return Price(price.input_usd * share, price.cached_usd * share, price.output_usd * share)


class Advice(NamedTuple):
    """How to send, and why, as a sentence for people."""

    send: Literal["online", "batch"]
    sentence: str


def advice(online: Plan, batch: Plan, deadline: timedelta | None, window: timedelta = timedelta(days=1)) -> Advice:
    """Online or batch, by deadline first and price second.

    Args:
        online: what would be sent one by one.
        batch: the same at the price of a batch.
        deadline: time until the labels are needed; None where nobody waits.
        window: time a batch may take; what it has not answered by then is sent again.
    """
    if online.requests == 0:
        return Advice("online", "nothing is to be sent: the journal answers every request")
    if deadline is not None and deadline < window:
        return Advice(
            "online",
            f"online: the labels are needed in {_hours(deadline)}, and a batch may take {_hours(window)}",
        )
    saved = online.cost_usd - batch.cost_usd
    if math.isnan(saved):
        return Advice("online", "online: a price is unknown; state `price` for the model to compare")
    if saved <= 0:
        return Advice("online", f"online: a batch saves nothing (${batch.cost_usd:.4f} against ${online.cost_usd:.4f})")
    share = saved / online.cost_usd
    return Advice(
        "batch",
        f"batch: {online.requests} requests cost about ${batch.cost_usd:.4f} instead of ${online.cost_usd:.4f} "
        f"({share:.0%} less), within {_hours(window)}",
    )


def _hours(time: timedelta) -> str:
    return f"{time.total_seconds() / 3600:.3g} hours"
