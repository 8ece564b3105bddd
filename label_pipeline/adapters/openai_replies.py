"""What an endpoint's bytes mean: replies, refusals for good, and how long to wait. Pure."""

import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import openai

from label_pipeline.core.errors import ProviderRejectedError
from label_pipeline.core.judging.plan import estimate_tokens
from label_pipeline.core.ports import Reply, TokenChoice

TAIL_TOKENS = 16
"""Tokens kept with their alternatives: the grade is the last thing written, the rationale's are 5 KB a reply."""

RETRIED = frozenset({408, 409, 429})
"""HTTP statuses worth another try, beside every 5xx."""

REQUEST_STATUSES = frozenset({400, 413, 422})
"""Statuses that may be about one request only."""

_EVERY_REQUEST = frozenset({"unsupported_parameter", "unsupported_value", "unknown_parameter", "model_not_found"})
_NO_MODEL = re.compile(
    r"(unknown|invalid|unsupported) model|model\b.*\b(not found|not exist)", re.IGNORECASE | re.DOTALL
)
_NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
_CREDIT = re.compile(r"credit balance|billing (hard )?limit|exceeded your current quota", re.IGNORECASE)
_CODE = re.compile(r"[a-z0-9_]{1,40}")
_QUOTE_CHARS = 300


class UnusableAnswerError(ValueError):
    """Status 200, and not what the protocol says: a proxy's page, an error in a success, half a body."""


def json_answer(content: bytes, field: str) -> dict[str, object]:
    """The answer as a JSON object whose ``field`` is a list of objects.

    Raises:
        UnusableAnswerError: it is not.
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError(f"the answer ({len(content)} bytes) is not JSON; is the base URL right?") from error
    items = data.get(field) if isinstance(data, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise UnusableAnswerError(f"the answer has no list `{field}`; is the base URL right?")
    assert isinstance(data, dict)  # for the type checker: items came from it
    return data


def parse_reply(
    data: Mapping[str, object], body: Mapping[str, object], request_id: str | None, latency_s: float, host: str
) -> Reply:
    """The reply of a chat request.

    Args:
        data: the answer, with at least one choice.
        body: the request; tokens are estimated from it where the answer has no usage, so that no spending looks free.
        request_id: of the response headers; a server that sends none (llama.cpp) names the answer in its body.
        latency_s: seconds.
        host: that was asked; a router names the provider behind it in the field ``provider``.

    Raises:
        UnusableAnswerError: there is no choice with a message.
    """
    choices = data["choices"]
    choice = _object(choices[0] if isinstance(choices, list) and choices else None)
    message = choice.get("message")
    if not isinstance(message, dict):
        raise UnusableAnswerError("the answer has no choice with a message")
    content = _text(message.get("content"))
    usage = _object(data.get("usage"))
    return Reply(
        content=content,
        refusal=_text(message.get("refusal")),
        finish_reason=_text(choice.get("finish_reason")) or "unknown",
        model=_text(data.get("model")) or "",
        fingerprint=_text(data.get("system_fingerprint")),
        request_id=request_id or _text(data.get("id")),
        input_tokens=_count(usage.get("prompt_tokens"), estimate_tokens(json.dumps(body)) if not usage else 0),
        cached_tokens=_count(_object(usage.get("prompt_tokens_details")).get("cached_tokens"), 0),
        output_tokens=_count(usage.get("completion_tokens"), estimate_tokens(content or "") if not usage else 0),
        latency_s=latency_s,
        tokens=_tokens(_object(choice.get("logprobs")).get("content")),
        served_by=f"{host} ({provider[:60]})" if (provider := _text(data.get("provider"))) else host,
    )


def rejection(
    error: openai.APIStatusError, base_url: str, model: str | None, secret: str
) -> ProviderRejectedError | None:
    """The refusal for good that ``error`` is, or None when another try may help."""
    found = _refusal(error, base_url, model)
    if found is None:
        return None
    head, tail, request_only = found
    return ProviderRejectedError(
        f"{head} ({quote(error, secret)}){tail}", request_only=request_only, bare=f"{head} ({bare_code(error)}){tail}"
    )


def _refusal(error: openai.APIStatusError, base_url: str, model: str | None) -> tuple[str, str, bool] | None:
    """Our sentence before and after what the provider said, and whether it is about this one request only."""
    status = error.status_code
    if error.code in _NO_CREDIT or _CREDIT.search(str(error.body)):
        return f"{base_url} says the account has no credit left", "; top it up, then run again", False
    if status in RETRIED or status >= 500:
        return None
    if status == 401:
        advice = "; check the environment variable settings name for this endpoint"
        return f"{base_url} rejects the API key", advice, False
    if status == 404:
        return f"{base_url} knows no model {model}, or is no such address", "; check both", False
    if status in REQUEST_STATUSES and not _concerns_every_request(error):
        return f"{base_url} rejects this request", "", True
    return f"{base_url} rejects requests to model {model}", "; correct the judge's settings", False


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks to wait: ``retry-after-ms``, or ``retry-after`` in seconds or as a date.

    A date is compared with the response's own ``date``: the two clocks need not agree.
    """
    for name, unit_s in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit_s
        except ValueError:
            continue
        return seconds if seconds >= 0 else None
    try:
        until, now = (parsedate_to_datetime(headers.get(name, "")) for name in ("retry-after", "date"))
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError):
        return None


def quote(error: openai.APIStatusError, secret: str) -> str:
    """Status and the provider's words, short, on one line, without the key: some providers repeat it."""
    said = error.body.get("message") if isinstance(error.body, dict) else error.body
    words = " ".join(str(said or error.message).split())
    if len(secret) > 3:
        words = words.replace(secret, "***")
    return f"{error.status_code}: {words[:_QUOTE_CHARS]}"


def bare_code(error: openai.APIStatusError) -> str:
    """Status and error code, none of the provider's words: those may quote the request."""
    code = error.code if isinstance(error.code, str) and _CODE.fullmatch(error.code) else ""
    return f"{error.status_code} {code}".rstrip()


def _concerns_every_request(error: openai.APIStatusError) -> bool:
    if error.code in _EVERY_REQUEST or (error.param and not error.param.startswith("messages")):
        return True
    return _NO_MODEL.search(str(error.body)) is not None


def _tokens(content: object) -> tuple[TokenChoice, ...]:
    if not isinstance(content, list):
        return ()
    choices = []
    for entry in map(_object, content[-TAIL_TOKENS:]):
        others = entry.get("top_logprobs")
        seen = [_alternative(other) for other in map(_object, others if isinstance(others, list) else [])]
        own = _alternative(entry)
        # The token drawn is not always among the likeliest.
        choices.append(TokenChoice(own[0], tuple(seen if own[0] in (token for token, _ in seen) else [own, *seen])))
    return tuple(choices)


def _alternative(entry: Mapping[str, object]) -> tuple[str, float]:
    logprob = entry.get("logprob")
    return str(entry.get("token")), float(logprob) if isinstance(logprob, int | float) else float("-inf")


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _count(value: object, default: int) -> int:
    return value if isinstance(value, int) else default
