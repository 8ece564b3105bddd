"""What a chat completion request asks for, checked the way an OpenAI endpoint checks it."""

import json
from dataclasses import dataclass
from typing import Protocol

from label_pipeline.core.scale import Scale
from label_pipeline.rehearsal.prompt_blocks import UnreadablePromptError, read_blocks

MOST_TOP_LOGPROBS = 20
_SCHEMA_BEGINS = '{"type": "object"'


class ProtocolError(Exception):
    """A request this endpoint refuses, with the HTTP status and the OpenAI error code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def body(self) -> dict[str, dict[str, str | None]]:
        """The OpenAI-style error body."""
        return {
            "error": {"message": str(self), "type": "invalid_request_error", "param": None, "code": self.code},
        }


@dataclass(frozen=True)
class ChatRequest:
    """One readable request.

    Attributes:
        body: the exact bytes received; a simulated model is a pure function of them.
        model: the id asked for.
        query: text of the query block.
        document: text of the document block.
        scale: grades the JSON schema allows.
        with_rationale: whether the schema asks for one.
        messages: texts of all messages in order.
        top_logprobs: alternatives wanted a token, None when no log-probabilities are wanted.
        max_tokens: length limit of the reply in tokens, None for no limit.
    """

    body: bytes
    model: str
    query: str
    document: str
    scale: Scale
    with_rationale: bool
    messages: tuple[str, ...]
    top_logprobs: int | None
    max_tokens: int | None


@dataclass(frozen=True)
class ModelAnswer:
    """What a model says: ``before + str(grade) + after`` is the reply's text, or there is a refusal instead.

    Attributes:
        before: reply up to the grade (the whole reply when it has none).
        grade: the grade as written, None in a malformed reply.
        after: reply behind the grade.
        belief: probability of every grade of the scale, None when the model has no log-probabilities.
        refusal: the refusal's text, None when the model answered.
    """

    before: str = ""
    grade: int | None = None
    after: str = ""
    belief: dict[int, float] | None = None
    refusal: str | None = None


class Model(Protocol):
    """One model behind the endpoint."""

    @property
    def name(self) -> str:
        """The id to ask for."""

    @property
    def served_as(self) -> str:
        """The id reported back."""

    @property
    def fingerprint(self) -> str:
        """The system_fingerprint reported back."""

    def answer(self, request: ChatRequest) -> ModelAnswer:
        """The reply, from nothing but the request.

        Raises:
            ProtocolError: the model cannot answer this request.
        """


def _invalid(message: str, code: str = "invalid_value") -> ProtocolError:
    return ProtocolError(400, code, message)


def parse_body(body: bytes) -> dict[str, object]:
    """The JSON object of a body.

    Raises:
        ProtocolError: 400 when it is not one.
    """
    try:
        fields = json.loads(body)
    except ValueError as error:
        raise _invalid(f"the body is not JSON: {error}", "invalid_json") from error
    if not isinstance(fields, dict):
        raise _invalid("the body is JSON but not an object", "invalid_json")
    return fields


def _text(content: object) -> str:
    """A message's text: a string, or the text parts of a list."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(str(part.get("text", "")) for part in parts if isinstance(part, dict))


def _messages(fields: dict[str, object]) -> list[tuple[str, str]]:
    messages = fields.get("messages")
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        raise _invalid("messages must be a list of objects with role and content")
    return [(str(message.get("role")), _text(message.get("content"))) for message in messages]


def _dig(value: object, *keys: str) -> object:
    """The value under nested keys, None where a level is missing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _schema(fields: dict[str, object], texts: list[str]) -> object:
    """The schema of the field, or of the prompt where the field says only that JSON is wanted, or is absent."""
    asked = _dig(fields, "response_format", "type")
    if asked == "json_schema":
        return _dig(fields, "response_format", "json_schema", "schema")
    if asked == "json_object" and not any("json" in text.lower() for text in texts):
        raise _invalid("'messages' must contain the word 'json' in some form, to use 'response_format' of this type.")
    for text in texts:
        start = text.find(_SCHEMA_BEGINS)
        if start >= 0:
            return json.JSONDecoder().raw_decode(text, start)[0]
    return None


def _scale(fields: dict[str, object], texts: list[str]) -> tuple[Scale, bool]:
    """The scale in the schema's enum of grades, and whether a rationale is asked for."""
    properties = _dig(_schema(fields, texts), "properties")
    grades = _dig(properties, "grade", "enum")
    if not isinstance(grades, list):
        raise _invalid(
            "found no response_format of type json_schema whose schema has properties.grade.enum, nor such a schema in "
            "a message; this endpoint reads the grade scale from there",
            "grade_enum_missing",
        )
    whole = [grade for grade in grades if isinstance(grade, int) and not isinstance(grade, bool)]
    if len(whole) != len(grades) or len(grades) < 2 or whole != list(range(whole[0], whole[0] + len(whole))):
        raise _invalid(
            f"properties.grade.enum must be two or more consecutive integers, got {grades}", "grade_enum_invalid"
        )
    return Scale(whole[0], whole[-1]), _dig(properties, "rationale") is not None


def _whole(fields: dict[str, object], name: str, lowest: int, highest: int) -> int | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not lowest <= value <= highest:
        raise _invalid(f"{name} must be an integer of {lowest}..{highest}, got {value!r}")
    return value


def read_request(body: bytes, fields: dict[str, object], *, max_input_chars: int) -> ChatRequest:
    """Checks a request and finds what it asks about.

    Args:
        body: the exact bytes.
        fields: the same, parsed.
        max_input_chars: characters all messages together may have.

    Raises:
        ProtocolError: 400, saying what was found and expected.
    """
    messages = _messages(fields)
    size = sum(len(text) for _, text in messages)
    if size > max_input_chars:
        raise _invalid(
            f"the messages have {size} characters; this model's context holds {max_input_chars}. Shorten the messages.",
            "context_length_exceeded",
        )
    if fields.get("stream") or fields.get("n") not in (None, 1):
        raise _invalid("stream and n > 1 are not supported here; send one request a reply", "unsupported_parameter")
    scale, with_rationale = _scale(fields, [text for _, text in messages])
    from_user = [text for role, text in messages if role == "user"]
    if not from_user:
        raise _invalid(
            "found no user message; expected the query and document blocks in the last one", "blocks_unreadable"
        )
    try:
        blocks = read_blocks(from_user[-1])
    except UnreadablePromptError as error:
        raise _invalid(str(error), "blocks_unreadable") from error
    top = _whole(fields, "top_logprobs", 0, MOST_TOP_LOGPROBS)
    if top is not None and not fields.get("logprobs"):
        raise _invalid("top_logprobs needs logprobs: true")
    limit = _whole(fields, "max_completion_tokens", 1, 1 << 30)
    return ChatRequest(
        body=body,
        model=str(fields.get("model")),
        query=blocks.query,
        document=blocks.document,
        scale=scale,
        with_rationale=with_rationale,
        messages=tuple(text for _, text in messages),
        top_logprobs=(top or 0) if fields.get("logprobs") else None,
        max_tokens=limit if limit is not None else _whole(fields, "max_tokens", 1, 1 << 30),
    )
