"""What an endpoint's no means: for this text, for the judge or for the account; and how long to wait. Pure.

Whether a no concerns one text is only guessed here; the engine observes it (core/judging/refusals.py).
"""

import re
from collections.abc import Collection, Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import openai

from label_pipeline.adapters.openai_access import without
from label_pipeline.core.errors import ProviderRejectedError

RETRIED = frozenset({408, 409, 425, 429})
"""HTTP statuses worth another try, beside every 5xx."""

REQUEST_STATUSES = frozenset({400, 413, 422})
"""Statuses that may be about one request only."""

_ONE_TEXT = frozenset({"content_filter", "context_length_exceeded", "string_above_max_length"})
_EVERY_REQUEST = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter", "model_not_found"})
_NO_MODEL = re.compile(
    r"(unknown|invalid|unsupported) model|model\b.*\b(not found|not exist)", re.IGNORECASE | re.DOTALL
)
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_CREDIT = re.compile(r"credit balance is too low|billing (hard )?limit|exceeded your current quota", re.IGNORECASE)
_CREDIT_STATUSES = frozenset({400, 402, 403, 429})
_OVERLONG = re.compile(r"maximum context length|context window|input tokens", re.IGNORECASE)
_DELAY = re.compile(r"(?:retry|try again) (?:in|after) ((?:\d+(?:\.\d+)?\s*(?:ms|h|m|s)(?:[a-z]*\s*))+)", re.IGNORECASE)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|h|m|s)", re.IGNORECASE)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_CODE = re.compile(r"[a-z0-9_]{1,40}")
_QUOTE_CHARS = 300


class _No(NamedTuple):
    head: str
    tail: str
    request_only: bool = False
    account: bool = False


def rejection(
    error: openai.APIStatusError, base_url: str, model: str | None, secrets: str | tuple[str, ...],
    fields: Collection[str] = (),
) -> ProviderRejectedError | None:  # fmt: skip
    """The refusal for good that ``error`` is, or None when another try may help.

    Args:
        error: the endpoint's answer.
        base_url: its address, for people.
        model: that was asked for.
        secrets: the key, and whatever else no message may hold.
        fields: names of the request's fields: a no that names one of them, other than the messages, is about the judge.
    """
    no = _refusal(error, base_url, model, fields)
    if no is None:
        return None
    return ProviderRejectedError(
        f"{no.head} ({quote(error, secrets)}){no.tail}",
        request_only=no.request_only,
        account=no.account,
        bare=f"{no.head} ({bare_code(error)}){no.tail}",
    )


def _refusal(error: openai.APIStatusError, base_url: str, model: str | None, fields: Collection[str]) -> _No | None:
    """Our sentence before and after what the provider said, and whom it concerns."""
    status, named, words = error.status_code, _code(error), _words(error)
    delayed = status == 429 and wait_s(error) is not None
    poor = named in _NO_CREDIT or (status in _CREDIT_STATUSES and _CREDIT.search(words))
    if status == 402 or (not delayed and poor):
        return _No(f"{base_url} says the account has no credit left", "; top it up, then run again", account=True)
    if status in RETRIED or status >= 500:
        return None
    if status == 401:
        advice = "; check the environment variable settings name for this endpoint"
        return _No(f"{base_url} rejects the API key", advice, account=True)
    if status == 404 and model is None:
        advice = "; check base_url, or state model_list: false where the endpoint has none"
        return _No(f"{base_url} has no list of models, or is no such address", advice)
    if status == 404:
        return _No(f"{base_url} knows no model {model}, or is no such address", "; check both")
    # a gateway's 403 may be its moderation, its firewall or a closed region: the engine sees which
    if status not in REQUEST_STATUSES or not _concerns_every_request(error, named, words, fields):
        return _No(f"{base_url} rejects this request", "", request_only=True)
    return _No(f"{base_url} rejects requests to model {model}", "; correct the judge's settings")


def _concerns_every_request(
    error: openai.APIStatusError, named: str | None, words: str, fields: Collection[str]
) -> bool:
    if named in _ONE_TEXT or _OVERLONG.search(words):
        return False
    if named in _EVERY_REQUEST or _NO_MODEL.search(words):
        return True
    body = _object(error)
    places = [entry.get("loc") for entry in _details(body)]
    roots = [str(body.get("param") or "")] + [str(loc[1]) for loc in places if isinstance(loc, list) and len(loc) > 1]
    return any(re.split(r"[.\[]", root)[0] in set(fields) - {"messages"} for root in roots)


def wait_s(error: openai.APIStatusError) -> float | None:
    """Seconds the provider asks to wait, in a header, in Google's RetryInfo or in words; None where it says nothing."""
    told = _told_s(error)
    return told if told is not None and told < float("inf") else None


def _told_s(error: openai.APIStatusError) -> float | None:
    told = retry_after_s(error.response.headers)
    if told is not None:
        return told
    details = _object(error).get("details")
    for entry in details if isinstance(details, list) else []:
        delay = entry.get("retryDelay") if isinstance(entry, Mapping) else None
        if isinstance(delay, str) and re.fullmatch(r"\d+(\.\d+)?s", delay):
            return float(delay[:-1])
    found = _DELAY.search(_words(error))
    if found is None:
        return None
    return sum(float(count) * _SECONDS[unit.lower()] for count, unit in _PART.findall(found.group(1)))


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks to wait: ``retry-after-ms``, or ``retry-after`` in seconds or as a date.

    A date is compared with the response's own ``date``: the two clocks need not agree.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        return seconds if 0 <= seconds < float("inf") else None
    try:
        until, now = (parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date"))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        return None


def quote(error: openai.APIStatusError, secrets: str | tuple[str, ...]) -> str:
    """Status and the provider's words, short, on one line, without the key: some providers repeat it."""
    words = " ".join((_words(error) or str(error.message)).split())
    return f"{error.status_code}: {without(words, secrets)[:_QUOTE_CHARS]}"


def bare_code(error: openai.APIStatusError) -> str:
    """Status and error code, none of the provider's words: those may quote the request."""
    named = _code(error)
    return f"{error.status_code} {named if named and _CODE.fullmatch(named) else ''}".rstrip()


def _object(error: openai.APIStatusError) -> Mapping[str, object]:
    """The error object, where there is one: Google sends it as the first of a list."""
    body: object = error.body
    if isinstance(body, list) and body:
        body = body[0]
    if isinstance(body, Mapping) and isinstance(body.get("error"), Mapping):
        body = body["error"]
    return body if isinstance(body, Mapping) else {}


def _code(error: openai.APIStatusError) -> str | None:
    found = _object(error).get("code")
    return found if isinstance(found, str) else None


def _words(error: openai.APIStatusError) -> str:
    """What the provider says, without what it quotes of the request (FastAPI's `input`)."""
    body = _object(error)
    said = body.get("message") or body.get("error")
    if isinstance(said, str):
        return said
    told = [f"{'.'.join(map(str, _list(entry.get('loc'))))}: {entry.get('msg')}" for entry in _details(body)]
    if told:
        return "; ".join(told)
    detail = body.get("detail")
    if isinstance(detail, str):
        return detail
    return error.body if isinstance(error.body, str) else ""


def _details(body: Mapping[str, object]) -> list[Mapping[str, object]]:
    """FastAPI's list of what is wrong; Mistral puts it into the message."""
    message = body.get("message")
    found = message.get("detail") if isinstance(message, Mapping) else body.get("detail")
    return [entry for entry in _list(found) if isinstance(entry, Mapping)]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
