"""The shape of a request: where the system text stands, how the reply's form is asked for, and what else is graded.

Endpoints that speak one protocol differ in these. Every default is OpenAI's shape and adds nothing to a member's hash.
Keep out: which endpoint has which shape (settings), the texts themselves (prompt.py).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from label_pipeline.core.scale import Scale

ReplyFormat = Literal["json_schema", "json_object", "text"]
SystemRole = Literal["system", "developer", "fold"]


@dataclass(frozen=True)
class Shape:
    """How one endpoint wants to be asked.

    Attributes:
        reply_format: ``json_schema`` sends the schema as a field; ``json_object`` says there only that JSON is wanted,
            ``text`` nothing, and with both the schema stands in the system text.
        system_role: role of the system text; ``fold`` puts it in front of the user's message.
        query: parameters of the address, as settings state them: a text, or where a value is kept, never that value.
        headers: of the headers, those that can change a grade, stated in the same way.
    """

    reply_format: ReplyFormat = "json_schema"
    system_role: SystemRole = "system"
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def system(self, rendered: str, scale: Scale) -> str:
        """The system text: the prompt's, and the schema where no field carries it."""
        if self.reply_format == "json_schema":
            return rendered
        # The word JSON is part of the contract: endpoints refuse json_object where no message says it.
        schema = json.dumps(_schema(scale))
        asked = "Answer with one JSON object and nothing else. It follows this JSON Schema, its fields in this order:"
        return f"{rendered.rstrip()}\n\n{asked} {schema}"

    def messages(self, system: str, user: str) -> list[dict[str, str]]:
        """The messages of one request."""
        if self.system_role == "fold":
            return [{"role": "user", "content": f"{system.rstrip()}\n\n{user}"}]
        return [{"role": self.system_role, "content": system}, {"role": "user", "content": user}]

    def response_format(self, scale: Scale) -> dict[str, object] | None:
        """The body field of this name; None sends none."""
        if self.reply_format == "text":
            return None
        if self.reply_format == "json_object":
            return {"type": "json_object"}
        return {
            "type": "json_schema",
            "json_schema": {"name": "judgement", "strict": True, "schema": _schema(scale)},
        }

    @property
    def hashed(self) -> dict[str, object]:
        """What a member's hash holds beside its body: nothing where settings state nothing."""
        stated = {"query": dict(self.query), "headers": dict(self.headers)}
        return {name: values for name, values in stated.items() if values}

    def describe(self) -> dict[str, object]:
        """The shape as plain JSON data. Holds no secret."""
        return {
            "reply_format": self.reply_format, "system_role": self.system_role,
            "query": dict(self.query), "graded_headers": dict(self.headers),
        }  # fmt: skip


def _schema(scale: Scale) -> dict[str, object]:
    # The rationale comes first: a model that has written its reason grades better than one that must justify a
    # grade, and the grade is the last thing written, where read_reply looks for its log-probabilities.
    return {
        "type": "object",
        "properties": {
            "rationale": {"type": "string"},
            "grade": {"type": "integer", "enum": list(scale.grades)},
        },
        "required": ["rationale", "grade"],
        "additionalProperties": False,
    }
