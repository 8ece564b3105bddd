"""How one endpoint differs from OpenAI's: what a request must carry, what is refused and how, how it answers.

A dialect is data: a corpus of them is one value a file. Keep out: answering (provider.py), and troubles that pass
(faults.py).
"""

import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from label_pipeline.rehearsal.protocol import ProtocolError

AUTHORIZATION = "Authorization"


class RefusedError(ProtocolError):
    """A request this dialect refuses, with the body the real endpoint sends."""

    def __init__(self, status: int, answer: object) -> None:
        super().__init__(status, "refused", str(answer))
        self.answer = answer


@dataclass(frozen=True)
class Refusal:
    """A no to every request with a field, or with one of some values of it.

    Attributes:
        path: dotted path of the field; of a list every entry counts: ``messages.role``.
        values: what is refused; None refuses any.
        status: HTTP status.
        answer: the body.
    """

    path: str
    values: tuple[object, ...] | None
    status: int
    answer: object

    def concerns(self, body: Mapping[str, object]) -> bool:
        """Whether ``body`` holds what is refused."""
        return any(self.values is None or value in self.values for value in _found(body, self.path.split(".")))


@dataclass(frozen=True)
class Instead:
    """What is answered in place of a completion.

    Attributes:
        status: HTTP status.
        body: a text as it is, anything else as JSON.
        headers: beside the content type.
        after: chat requests that are answered as ever before it.
        times: chat requests it answers; None all that follow.
    """

    status: int
    body: object
    headers: Mapping[str, str] = field(default_factory=dict)
    after: int = 0
    times: int | None = None

    def takes(self, number: int) -> bool:
        """Whether it answers chat request ``number``, counted from 1."""
        return self.after < number and (self.times is None or number <= self.after + self.times)

    def response(self) -> web.Response:
        """The answer, anew for every request."""
        page = isinstance(self.body, str)
        text = self.body if isinstance(self.body, str) else json.dumps(self.body)
        kind = "text/html" if page else "application/json"
        return web.Response(status=self.status, text=text, content_type=kind, headers=self.headers)


@dataclass(frozen=True)
class Dialect:
    """One endpoint's ways; the default is OpenAI's.

    Attributes:
        base: path in front of ``/chat/completions``.
        key_header: what carries the key: ``Bearer KEY`` in Authorization, the bare key in any other; None takes none.
        query: parameters every address must carry.
        headers: headers every request must carry.
        lists_models: whether there is a list of models.
        refuses: what is refused, the first that concerns a request.
        answer: the completion as this endpoint writes it.
        instead: what is answered in place of completions.
        reply_headers: beside every completion.
        opening: characters in front of every completion's JSON.
        model_list: the body of the list of models; None is OpenAI's.
    """

    base: str = "/v1"
    key_header: str | None = AUTHORIZATION
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    lists_models: bool = True
    refuses: tuple[Refusal, ...] = ()
    answer: Callable[[dict[str, object]], dict[str, object]] = dict
    instead: Instead | None = None
    reply_headers: Mapping[str, str] = field(default_factory=dict)
    opening: str = ""
    model_list: object = None

    def check_entry(self, request: web.Request, api_key: str) -> None:
        """Raises ProtocolError where a request carries another key, or lacks what every one must carry."""
        if self.key_header is not None:
            bearer = self.key_header == AUTHORIZATION
            given, wanted = request.headers.get(self.key_header, ""), f"Bearer {api_key}" if bearer else api_key
            if not hmac.compare_digest(given.encode(), wanted.encode()):
                told = f"Incorrect API key provided. Send it as: {self.key_header}: {'Bearer ' if bearer else ''}KEY."
                raise ProtocolError(401, "invalid_api_key", told)
        for carried, wants in ((request.query, self.query), (request.headers, self.headers)):
            if any(carried.get(name) != value for name, value in wants.items()):
                raise RefusedError(404, {"error": {"code": "404", "message": "Resource not found"}})

    def check(self, body: Mapping[str, object]) -> None:
        """Raises RefusedError where ``body`` holds what this endpoint refuses."""
        for refusal in self.refuses:
            if refusal.concerns(body):
                raise RefusedError(refusal.status, refusal.answer)


OPENAI = Dialect()


def _found(value: object, path: list[str]) -> Iterator[object]:
    """Every value at ``path`` below ``value``."""
    if not path:
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from _found(one, path)
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _found(value[path[0]], path[1:])
