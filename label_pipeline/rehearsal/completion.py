"""Dresses a model's answer as an OpenAI chat completion: tokens, log-probabilities, usage, finish reason."""

import json
import math
import re
from dataclasses import dataclass
from typing import NamedTuple

from label_pipeline.rehearsal.protocol import ChatRequest, ModelAnswer

_PIECES = re.compile(r"\s*(?:\w{1,8}|[^\w\s])|\s+")
CHARS_PER_TOKEN = 4
MESSAGE_TOKENS = 4
"""Tokens a message costs beside its text."""
SURE = -1e-6
"""Log-probability of every token that is not the grade."""
LEAST = -30.0
"""Floor for grades the model rules out."""
OFF_SCALE, OFF_SCALE_TOKEN = 0.02, '"'
"""Probability where the grade stands that is on no grade: a real server (llama.cpp) reports what the model would have
written before the schema forbade it."""

LogProb = dict[str, object]


class Token(NamedTuple):
    """One token of a reply and, where it is the grade, the belief over all grades."""

    text: str
    belief: dict[int, float] | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens of one exchange; ``cached`` of the prompt's were already known to the server."""

    prompt: int
    completion: int
    cached: int


def json_reply(rationale: str | None, grade: int) -> ModelAnswer:
    """A well-formed reply: ``{"rationale": "...", "grade": n}``, without belief."""
    before = (
        '{"grade": ' if rationale is None else f'{{"rationale": {json.dumps(rationale, ensure_ascii=False)}, "grade": '
    )
    return ModelAnswer(before=before, grade=grade, after="}")


def tokenise(answer: ModelAnswer) -> list[Token]:
    """The reply's text in pieces that join back to it; the grade is a token of its own."""
    if answer.refusal is not None:
        return [Token(piece) for piece in _PIECES.findall(answer.refusal)]
    tokens = [Token(piece) for piece in _PIECES.findall(answer.before)]
    if answer.grade is not None:
        tokens.append(Token(str(answer.grade), answer.belief))
    return tokens + [Token(piece) for piece in _PIECES.findall(answer.after)]


def prompt_tokens(messages: tuple[str, ...]) -> int:
    """About one token for four characters, and a few a message."""
    return sum(MESSAGE_TOKENS + math.ceil(len(text) / CHARS_PER_TOKEN) for text in messages)


def _entry(text: str, logprob: float) -> LogProb:
    return {"token": text, "logprob": logprob, "bytes": list(text.encode())}


def _log(probability: float) -> float:
    return max(math.log(probability), LEAST) if probability > 0 else LEAST


def token_logprobs(token: Token, top: int) -> LogProb:
    """One entry of ``logprobs.content``: the token's log-probability and the ``top`` likeliest, itself included."""
    if token.belief is None:
        return {**_entry(token.text, SURE), "top_logprobs": [_entry(token.text, SURE)][:top]}
    grades = sorted(token.belief.items(), key=lambda item: (-item[1], item[0]))
    shares = {str(grade): probability * (1 - OFF_SCALE) for grade, probability in grades}
    ranked = sorted({**shares, OFF_SCALE_TOKEN: OFF_SCALE}.items(), key=lambda item: -item[1])
    return {
        **_entry(token.text, _log(shares.get(token.text, 0.0))),
        "top_logprobs": [_entry(text, _log(probability)) for text, probability in ranked[:top]],
    }


def build_choice(request: ChatRequest, answer: ModelAnswer) -> tuple[dict[str, object], int]:
    """``choices[0]`` and its length in tokens.

    A reply longer than the request allows is cut at a token and ends with finish_reason ``length``.
    """
    tokens = tokenise(answer)
    cut = request.max_tokens is not None and len(tokens) > request.max_tokens
    tokens = tokens[: request.max_tokens] if cut else tokens
    text = "".join(token.text for token in tokens)
    refused = answer.refusal is not None
    logprobs: dict[str, object] | None = None
    if request.top_logprobs is not None and not refused and answer.belief is not None:
        logprobs = {"content": [token_logprobs(token, request.top_logprobs) for token in tokens], "refusal": None}
    choice: dict[str, object] = {
        "index": 0,
        "message": {"role": "assistant", "content": None if refused else text, "refusal": text if refused else None},
        "logprobs": logprobs,
        "finish_reason": "length" if cut else "stop",
    }
    return choice, len(tokens)


def build_completion(
    choice: dict[str, object], usage: Usage, *, reply_id: str, created: int, served_as: str, fingerprint: str
) -> dict[str, object]:
    """The whole response body."""
    return {
        "id": reply_id,
        "object": "chat.completion",
        "created": created,
        "model": served_as,
        "system_fingerprint": fingerprint,
        "choices": [choice],
        "usage": {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
        },
    }
