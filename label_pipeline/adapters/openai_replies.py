"""What an endpoint's bytes mean: a reply, or no answer at all. Pure.

Keep out: what a no means (openai_refusals.py), and how tokens are counted (openai_usage.py).
"""

import json
import math
import re
from collections.abc import Mapping

from label_pipeline.adapters.openai_usage import is_short, usage_of
from label_pipeline.core.judging.plan import effort_of
from label_pipeline.core.judging.reply import MAX_LOGPROB
from label_pipeline.core.ports import Reply, TokenChoice

TAIL_TOKENS = 16
"""Tokens kept with their alternatives: the grade is the last thing written, the rationale's are 5 KB a reply."""

NO_ANSWER = frozenset({"error", "abort", "network_error", "insufficient_system_resource"})
"""Finish reasons of a server that broke off (OpenRouter, vLLM, Z.ai, DeepSeek): what was written is not the answer."""

_USAGE_CHARS = 2000
_MARK = "\ufeff"
_THOUGHT = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)
_TEXT_PARTS = ("text", "output_text")

_USUAL = {
    **dict.fromkeys(("max_tokens", "model_context_window_exceeded"), "length"),
    **dict.fromkeys(("safety", "recitation", "sensitive", "prohibited_content", "blocklist", "spii"), "content_filter"),
}
"""Finish reasons of Gemini, Anthropic and Z.ai in the protocol's words."""


class UnusableAnswerError(ValueError):
    """Status 200, and not what the protocol says: a proxy's page, an error in a success, half a body.

    ``free``: it is whole, and counts no tokens. Of any other nobody knows whether it was charged.
    """

    def __init__(self, message: str, *, free: bool = False) -> None:
        super().__init__(message)
        self.free = free


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
        free = isinstance(data, dict) and not data.get("usage")
        raise UnusableAnswerError(f"the answer has no list `{field}`; is the base URL right?", free=free)
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
        UnusableAnswerError: there is no choice with a message, or the server broke off and says so inside a success.
    """
    choices = data["choices"]
    choice = _object(choices[0] if isinstance(choices, list) and choices else None)
    message = choice.get("message")
    given = _object(data.get("usage"))
    if not isinstance(message, dict):
        raise UnusableAnswerError("the answer has no choice with a message", free=not given)
    refusal = _text(message.get("refusal"))
    written, place = _written(message)
    said = (_text(choice.get("finish_reason")) or "unknown").casefold()
    finish = _USUAL.get(said, said)
    # silence without a reason, and nothing counted: a model that wrote, or thought, for money has answered
    silent = finish == "unknown" and not (written or refusal or given.get("completion_tokens"))
    if finish in NO_ANSWER or _object(choice.get("error")) or silent:
        said = f"the answer is a success that holds an error (finish_reason {finish[:40]})"
        raise UnusableAnswerError(said, free=not given)
    sent = _sent(body)
    usage = usage_of(given, sent, written or "", str(effort_of(body)))
    answer = None if written is None else _answer(written)
    return Reply(
        content=answer,
        refusal=refusal,
        finish_reason=finish,
        model=_text(data.get("model")) or "",
        fingerprint=_text(data.get("system_fingerprint")),
        request_id=request_id or _text(data.get("id")),
        input_tokens=usage.input_tokens,
        cached_tokens=usage.cached_tokens,
        output_tokens=usage.output_tokens,
        latency_s=latency_s,
        tokens=_tokens(_object(choice.get("logprobs")).get("content")),
        served_by=f"{host} ({provider[:60]})" if (provider := _text(data.get("provider"))) else host,
        usage=json.dumps(given)[:_USAGE_CHARS] if given else None,
        estimated=usage.estimated,
        short_count=is_short(given, sent),
        found_in=" ".join(filter(None, (place, "after_think" if _thought(written) else None))) or None,
    )


def _written(message: Mapping[str, object]) -> tuple[str | None, str | None]:
    """The text of a message, and where it stands where that is not plainly its content.

    Servers with a reasoning parser put a grammar's whole output into `reasoning_content` and leave content null.
    """
    content = message.get("content")
    if isinstance(content, list):
        parts = [_text(part.get("text")) or "" for part in map(_object, content) if part.get("type") in _TEXT_PARTS]
        return "".join(parts), "parts"
    if content is None and not message.get("refusal"):
        thought = _text(message.get("reasoning_content"))
        return (None, None) if thought is None else (thought, "reasoning_content")
    return _text(content), None


def _answer(written: str) -> str:
    """What was written without a byte order mark and without the one block of thoughts in front of it."""
    return _THOUGHT.sub("", written.removeprefix(_MARK), count=1)


def _thought(written: str | None) -> bool:
    return written is not None and _THOUGHT.match(written.removeprefix(_MARK)) is not None


def _sent(body: Mapping[str, object]) -> str:
    """Every text of the messages."""
    messages = body.get("messages")
    return "\n".join(str(_object(one).get("content")) for one in (messages if isinstance(messages, list) else []))


def _tokens(content: object) -> tuple[TokenChoice, ...]:
    """The last tokens with their alternatives, finite ones; none at all where one is more than a probability."""
    if not isinstance(content, list):
        return ()
    choices = []
    for entry in map(_object, content[-TAIL_TOKENS:]):
        others = entry.get("top_logprobs")
        seen = [_alternative(other) for other in map(_object, others if isinstance(others, list) else [])]
        own = _alternative(entry)
        # The token drawn is not always among the likeliest.
        listed = seen if own[0] in (token for token, _ in seen) else [own, *seen]
        if not all(logprob <= MAX_LOGPROB for _, logprob in listed):  # nan is not
            return ()
        choices.append(TokenChoice(own[0], tuple(one for one in listed if one[1] > -math.inf)))
    return tuple(choices)


def _alternative(entry: Mapping[str, object]) -> tuple[str, float]:
    """A token and its log-probability: -inf where it has none, nan where it is no number of any size we know."""
    logprob = entry.get("logprob")
    number = isinstance(logprob, int | float) and not isinstance(logprob, bool)
    try:
        return str(entry.get("token")), float(logprob) if number else -math.inf  # type: ignore[arg-type]  # a number
    except OverflowError:  # JSON spells whole numbers of any length
        return str(entry.get("token")), math.nan


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
