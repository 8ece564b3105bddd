"""Deliver one alert to a webhook that takes JSON with a ``text``: Slack, Mattermost, Rocket.Chat, or your own receiver.

The address is a secret: it is in no message, no log and no exception of this module.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp

from label_pipeline.core.errors import WebhookError

LONGEST = 600
"""Characters of a sentence; a longer one is cut, the page has all of it."""


@dataclass(frozen=True)
class Alert:
    """One thing a person should look at.

    Attributes:
        alert_id: the same for every delivery of this alert, so that a receiver can drop a repetition.
        title: what happened, e.g. "check judge_gate of gate_verdict failed".
        sentence: found, expected, what to do.
        severity: ERROR or WARN.
        link: the page of it.
        runbook: its section of the runbook.
        asset: user string of the asset's key; None for a run or a sum.
        check: name of the asset check; None for a run or a sum.
        run_id: run it happened in; None for a sum.
    """

    alert_id: str
    title: str
    sentence: str
    severity: str
    link: str
    runbook: str
    asset: str | None = None
    check: str | None = None
    run_id: str | None = None


def payload(alert: Alert) -> dict[str, str | None]:
    """The JSON an alert is sent as: ``text`` for people, the fields for programs."""
    sentence = alert.sentence if len(alert.sentence) <= LONGEST else alert.sentence[: LONGEST - 1] + "…"
    text = f"{alert.severity}: {alert.title}: {sentence}\n{alert.link}\nwhat to do: {alert.runbook}"
    return {
        "text": escaped(text),
        "id": alert.alert_id,
        "asset": alert.asset,
        "check": alert.check,
        "severity": alert.severity,
        "sentence": sentence,
        "link": alert.link,
        "runbook": alert.runbook,
        "run": alert.run_id,
    }


def escaped(text: str) -> str:
    """``text`` with the three characters escaped that have a meaning in Slack's ``text``, e.g. ``<!channel>``."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def post(address: str, body: Mapping[str, str | None], timeout_s: float) -> None:
    """Sends ``body`` once; returns when the receiver has taken it (2xx).

    Args:
        address: the webhook's URL.
        body: JSON.
        timeout_s: seconds for all of it.

    Raises:
        WebhookError: no connection, no answer in time, another answer than 2xx, or an address that is none.
    """
    asyncio.run(_post(address, body, timeout_s))


async def _post(address: str, body: Mapping[str, str | None], timeout_s: float) -> None:
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        # a redirect is not followed: it would carry the text to another host
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=True) as session,
            session.post(address, json=dict(body), allow_redirects=False) as answer,
        ):
            status = answer.status
    except TimeoutError:
        raise WebhookError(f"the webhook gave no answer within {timeout_s:g} s; it is tried again") from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        # `from None`: the cause may quote the address
        kind = type(error).__name__
        raise WebhookError(
            f"the webhook cannot be reached ({kind}); check its address and the network; it is tried again"
        ) from None
    if not 200 <= status < 300:
        raise WebhookError(
            f"the webhook answered {status}, expected 2xx; it is tried again. 403, 404 and 410 say that it was removed"
        )
