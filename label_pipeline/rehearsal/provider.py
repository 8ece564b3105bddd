"""A provider that speaks the OpenAI protocol on localhost: /v1/models, /v1/chat/completions, batches and /stats.

It sees only the request. Files and batches: batch_api.py.
"""

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from label_pipeline.rehearsal.batch_api import BatchApi, drop
from label_pipeline.rehearsal.batch_faults import BatchScript
from label_pipeline.rehearsal.batch_input import InputLine
from label_pipeline.rehearsal.batch_jobs import TWO_POLLS, Pace
from label_pipeline.rehearsal.completion import Usage, build_choice, build_completion, prompt_tokens
from label_pipeline.rehearsal.dialect import OPENAI, Dialect, RefusedError
from label_pipeline.rehearsal.faults import (
    ChangedFingerprint,
    DroppedConnection,
    Fault,
    RateLimited,
    ScriptedFaults,
    ServedAs,
    ServerError,
    SlowReply,
)
from label_pipeline.rehearsal.protocol import ChatRequest, Model, ProtocolError, parse_body, read_request
from label_pipeline.rehearsal.provider_stats import ProviderStats

DEFAULT_MAX_INPUT_CHARS = 200_000
LARGEST_BODY_BYTES = 32 * 2**20
CACHE_STEP_TOKENS, CACHE_LEAST_TOKENS = 128, 1024
"""Prompt caching as OpenAI documents it: prefixes of at least 1,024 tokens, in steps of 128."""

ORGANIZATION = "org-rehearsal"
"""Whose key it is, as OpenAI tells it in every response."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Provider:
    """Handlers and the little they remember."""

    def __init__(
        self,
        models: Sequence[Model],
        api_key: str,
        max_input_chars: int,
        faults: ScriptedFaults,
        clock: Callable[[], float],
        about: Mapping[str, object],
        dialect: Dialect,
    ) -> None:
        self._about, self._dialect = about, dialect
        self._models = {model.name: model for model in models}
        self._api_key, self._max_input_chars = api_key, max_input_chars
        self._faults, self._clock = faults, clock
        self._stats = ProviderStats()
        self._prefixes: set[bytes] = set()
        self._count = self._chats = 0

    def check_key(self, request: web.Request) -> None:
        """Raises ProtocolError 401 where a request carries another key."""
        self._dialect.check_entry(request, self._api_key)

    def _model(self, name: str) -> Model:
        if name not in self._models:
            known = ", ".join(sorted(self._models))
            raise ProtocolError(404, "model_not_found", f"The model {name!r} does not exist here; there are: {known}.")
        return self._models[name]

    def _cached(self, request: ChatRequest, total: int) -> int:
        """Prompt tokens whose prefix (all messages but the last) was sent before."""
        known = prompt_tokens(request.messages[:-1])
        if known < CACHE_LEAST_TOKENS:
            return 0
        key = hashlib.sha256("\x00".join((request.model, *request.messages[:-1])).encode()).digest()
        if key not in self._prefixes:
            self._prefixes.add(key)
            return 0
        return min(known // CACHE_STEP_TOKENS * CACHE_STEP_TOKENS, total)

    async def models(self, request: web.Request) -> web.Response:
        """GET /v1/models."""
        self.check_key(request)
        if self._dialect.model_list is not None:
            return web.json_response(self._dialect.model_list)
        data = [{"id": name, "object": "model", "created": 0, "owned_by": "rehearsal"} for name in sorted(self._models)]
        return web.json_response({"object": "list", "data": data})

    async def one_model(self, request: web.Request) -> web.Response:
        """GET /v1/models/NAME."""
        self.check_key(request)
        model = self._model(request.match_info["name"])
        return web.json_response({"id": model.name, "object": "model", "created": 0, "owned_by": "rehearsal"})

    async def stats(self, request: web.Request) -> web.Response:
        """GET /stats."""
        return web.json_response({**self._stats.as_json(), "about": self._about})

    async def reset(self, request: web.Request) -> web.Response:
        """POST /stats/reset."""
        self._stats.reset()
        return web.json_response(self._stats.as_json())

    async def chat(self, request: web.Request) -> web.Response:
        """POST /v1/chat/completions, counted whatever becomes of it."""
        body = await request.read()
        name = "(unreadable)"
        try:
            fields = parse_body(body)
            name = str(fields.get("model"))
        except ProtocolError as error:
            unreadable: ProtocolError | None = error
        else:
            unreadable = None
        self._stats.asked(name, body)
        try:
            self.check_key(request)
            if unreadable is not None:
                raise unreadable
            self._dialect.check(fields)
            response, usage = await self._reply(request, body, fields)
        except ProtocolError as error:
            self._stats.replied(name, str(error.status))
            raise
        self._stats.replied(name, "dropped" if response is None else str(response.status), usage)
        return response if response is not None else web.Response()

    async def _reply(
        self, request: web.Request, body: bytes, fields: dict[str, object]
    ) -> tuple[web.Response | None, Usage | None]:
        """The response (None when the connection was dropped) and what it used."""
        self._chats += 1
        if (instead := self._dialect.instead) is not None and instead.takes(self._chats):
            return instead.response(), None
        fault = self._faults.next()
        if isinstance(fault, RateLimited | ServerError):
            return _failure(fault), None
        if isinstance(fault, DroppedConnection) and not fault.after_work:
            drop(request)
            return None, None
        served_as = fault.model if isinstance(fault, ServedAs) else None
        fingerprint = fault.fingerprint if isinstance(fault, ChangedFingerprint) else None
        completion, usage = self._complete(body, fields, served_as, fingerprint)
        completion = self._dialect.answer(completion)
        if isinstance(fault, SlowReply):
            await asyncio.sleep(fault.seconds)
        if isinstance(fault, DroppedConnection):
            drop(request)
            return None, usage
        text, told = self._dialect.opening + json.dumps(completion), self._dialect.reply_headers
        return web.Response(body=text.encode(), content_type="application/json", headers=told), usage

    def batch_line(self, line: InputLine, served_as: str | None) -> dict[str, object]:
        """Answers one line of a batch, counted apart from the requests that came one by one.

        Raises:
            ProtocolError: the request is refused.
        """
        name = str(line.fields.get("model"))
        self._stats.batched.asked(name, line.body)
        try:
            completion, usage = self._complete(line.body, line.fields, served_as, None)
        except ProtocolError as error:
            self._stats.batched.replied(name, str(error.status))
            raise
        self._stats.batched.replied(name, "200", usage)
        return completion

    def _complete(
        self, body: bytes, fields: dict[str, object], served_as: str | None, fingerprint: str | None
    ) -> tuple[dict[str, object], Usage]:
        """The chat completion of one request, reported as another model's or version's where one is named."""
        asked = read_request(body, fields, max_input_chars=self._max_input_chars)
        model = self._model(asked.model)
        choice, length = build_choice(asked, model.answer(asked))
        total = prompt_tokens(asked.messages)
        usage = Usage(total, length, self._cached(asked, total))
        self._count += 1
        completion = build_completion(
            choice,
            usage,
            reply_id=f"chatcmpl-rehearsal-{self._count:08d}",
            created=int(self._clock()),
            served_as=served_as or model.served_as,
            fingerprint=fingerprint or model.fingerprint,
        )
        return completion, usage

    @web.middleware
    async def edge(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Turns refusals into OpenAI error bodies and gives every response a request id."""
        self._count += 1
        request_id = f"req-rehearsal-{self._count:08d}"
        try:
            response = await handler(request)
        except RefusedError as error:
            response = web.json_response(error.answer, status=error.status)
        except ProtocolError as error:
            response = web.json_response(error.body(), status=error.status)
        response.headers["x-request-id"] = request_id
        response.headers["openai-organization"] = ORGANIZATION
        return response


def _failure(fault: Fault) -> web.Response:
    """The answer to a rate limit or a server error."""
    if isinstance(fault, RateLimited):
        headers = {} if fault.retry_after_s is None else {"Retry-After": f"{fault.retry_after_s:g}"}
        error = {
            "message": "Rate limit reached, try again later.",
            "type": "rate_limit_error",
            "code": "rate_limit_exceeded",
        }
        return web.json_response({"error": error}, status=429, headers=headers)
    status = fault.status if isinstance(fault, ServerError) else 500
    error = {"message": "The server had an error.", "type": "server_error", "code": "server_error"}
    return web.json_response({"error": error}, status=status)


def make_app(
    models: Sequence[Model],
    *,
    api_key: str,
    max_input_chars: int = DEFAULT_MAX_INPUT_CHARS,
    faults: ScriptedFaults | None = None,
    clock: Callable[[], float] = time.time,
    about: Mapping[str, object] | None = None,
    batch_script: BatchScript | None = None,
    batch_pace: Pace = TWO_POLLS,
    enqueued_tokens: int | None = None,
    dialect: Dialect = OPENAI,
) -> web.Application:
    """The provider as an aiohttp application; one application runs once.

    Args:
        models: simulated and recorded models, with different names.
        api_key: the key clients must send.
        max_input_chars: characters all messages of a request may have together; more is 400 context_length_exceeded.
        faults: ordered troubles, for tests only.
        clock: seconds since 1970, for ``created``.
        about: figures of what the models play back, shown under ``about`` in /stats.
        batch_script: ordered troubles of batches, for tests only.
        batch_pace: how long a batch stays in each status; two polls until it is complete.
        enqueued_tokens: prompt tokens all batches under way may have together; a batch past it fails validation.
        dialect: how it differs from OpenAI; batches are OpenAI's in any.

    Raises:
        ValueError: two models have one name.
    """
    names = [model.name for model in models]
    if len(set(names)) != len(names):
        raise ValueError(f"found models of the same name in {sorted(names)}; every model needs its own")
    provider = _Provider(models, api_key, max_input_chars, faults or ScriptedFaults([]), clock, about or {}, dialect)
    app = web.Application(client_max_size=LARGEST_BODY_BYTES, middlewares=[provider.edge])
    if dialect.lists_models:
        app.router.add_get(f"{dialect.base}/models", provider.models)
        app.router.add_get(f"{dialect.base}/models/{{name}}", provider.one_model)
    app.router.add_post(f"{dialect.base}/chat/completions", provider.chat)
    script = batch_script or BatchScript()
    BatchApi(provider.check_key, provider.batch_line, clock, batch_pace, script, enqueued_tokens).add_routes(app)
    app.router.add_get("/stats", provider.stats)
    app.router.add_post("/stats/reset", provider.reset)
    return app
