"""The input file of a batch, checked line by line the way an OpenAI endpoint checks it while it is ``validating``."""

import json
from typing import NamedTuple

from label_pipeline.rehearsal.completion import prompt_tokens

MOST_LINES = 50_000
CHAT = "/v1/chat/completions"


class InputLine(NamedTuple):
    """One request: the bytes are those the openai client would have sent to ``CHAT``."""

    custom_id: str
    body: bytes
    fields: dict[str, object]


class LineTrouble(NamedTuple):
    """What is wrong with one line, numbered from 1; None where it is the whole file."""

    code: str
    message: str
    line: int | None = None

    def as_json(self) -> dict[str, object]:
        """One entry of ``errors.data``."""
        return {"code": self.code, "message": self.message, "line": self.line, "param": None}


def read_input(content: bytes) -> tuple[list[InputLine], list[LineTrouble]]:
    """The lines of an input file, and what is wrong with it."""
    lines: list[InputLine] = []
    troubles: list[LineTrouble] = []
    seen: set[str] = set()
    for number, raw in enumerate(filter(None, content.split(b"\n")), start=1):
        found = _line(raw, number)
        if isinstance(found, LineTrouble):
            troubles.append(found)
        elif found.custom_id in seen:
            troubles.append(LineTrouble("duplicate_custom_id", "The custom_id of this line was seen before.", number))
        else:
            seen.add(found.custom_id)
            lines.append(found)
    if not lines and not troubles:
        troubles.append(LineTrouble("empty_file", "The input file holds no request."))
    if len(lines) > MOST_LINES:
        troubles.append(LineTrouble("max_requests_exceeded", f"The input file has more than {MOST_LINES} requests."))
    if len({line.fields.get("model") for line in lines}) > 1:
        troubles.append(LineTrouble("mismatched_model", "Every request of a batch must name the same model."))
    return lines, troubles


def _line(raw: bytes, number: int) -> InputLine | LineTrouble:
    try:
        found = json.loads(raw)
    except ValueError:
        return LineTrouble("invalid_json_line", "This line is not parseable as valid JSON.", number)
    body = found.get("body") if isinstance(found, dict) else None
    if not isinstance(body, dict) or not isinstance(found.get("custom_id"), str):
        return LineTrouble("invalid_request", "Missing required parameter: custom_id, method, url or body.", number)
    if found.get("method") != "POST" or found.get("url") != CHAT:
        return LineTrouble("invalid_url", f"method and url must be POST and {CHAT}, as the batch says.", number)
    # as the openai client writes a body: the same request by batch or online is the same bytes, so the same reply
    exact = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    return InputLine(found["custom_id"], exact, body)


def input_tokens(lines: list[InputLine]) -> int:
    """Prompt tokens a batch puts into the queue."""
    total = 0
    for line in lines:
        messages = line.fields.get("messages")
        texts = (
            [str(one.get("content")) for one in messages if isinstance(one, dict)] if isinstance(messages, list) else []
        )
        total += prompt_tokens(tuple(texts))
    return total
