"""Builds requests as the pipeline sends them, and sends them over real HTTP.

Keep out: assertions.
"""

import asyncio
import json
from typing import NamedTuple

import aiohttp

from label_pipeline.rehearsal.protocol import ChatRequest, Model, ModelAnswer, read_request

NONCE = "0123456789abcdef"
KEY = "sk-rehearsal"


def prompt(query: str, document: str, nonce: str = NONCE) -> str:
    return (
        f"Grade this pair.\n<query-{nonce}>\n{query}\n</query-{nonce}>\n\n"
        f"<document-{nonce}>\n{document}\n</document-{nonce}>\nAnswer in JSON."
    )


def fields(model: str, user: str, *, lo: int = 0, hi: int = 3, **more: object) -> dict[str, object]:
    schema = {
        "type": "object",
        "properties": {
            "rationale": {"type": "string"},
            "grade": {"type": "integer", "enum": list(range(lo, hi + 1))},
        },
        "required": ["rationale", "grade"],
        "additionalProperties": False,
    }
    return {
        "model": model,
        "messages": [{"role": "system", "content": "You grade relevance."}, {"role": "user", "content": user}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "grade", "strict": True, "schema": schema}},
        **more,
    }


def ask_model(model: Model, query: str, document: str, *, lo: int = 0, hi: int = 3, salt: int = 0) -> ModelAnswer:
    """A model's answer without HTTP; ``salt`` changes the body and nothing else."""
    body = json.dumps(fields(model.name, prompt(query, document), lo=lo, hi=hi, seed=salt)).encode()
    return model.answer(request_of(body))


def request_of(body: bytes) -> ChatRequest:
    return read_request(body, json.loads(body), max_input_chars=10**6)


class Response(NamedTuple):
    """One HTTP response, header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        loaded: dict[str, object] = json.loads(self.body)
        return loaded

    def error(self) -> dict[str, str]:
        found = self.json["error"]
        assert isinstance(found, dict)
        return found

    def dig(self, *keys: str | int) -> object:
        """The value under nested keys and positions."""
        value: object = self.json
        for key in keys:
            if isinstance(value, dict):
                value = value[key]
            else:
                assert isinstance(value, list)
                assert isinstance(key, int)
                value = value[key]
        return value


async def _send(base_url: str, bodies: list[bytes], key: str) -> list[Response]:
    responses = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        for body in bodies:
            async with session.post(f"{base_url}/chat/completions", data=body) as reply:
                responses.append(
                    Response(
                        reply.status, {name.lower(): value for name, value in reply.headers.items()}, await reply.read()
                    )
                )
    return responses


def send(base_url: str, *bodies: dict[str, object] | bytes, key: str = KEY) -> list[Response]:
    """Posts chat completions one after the other."""
    raw = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
    return asyncio.run(_send(base_url, raw, key))


async def _call(method: str, url: str, key: str) -> Response:
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session,
        session.request(method, url) as reply,
    ):
        return Response(
            reply.status, {name.lower(): value for name, value in reply.headers.items()}, await reply.read()
        )


def get(url: str, key: str = KEY) -> Response:
    return asyncio.run(_call("GET", url, key))


def post(url: str, key: str = KEY) -> Response:
    return asyncio.run(_call("POST", url, key))


def stats_url(base_url: str) -> str:
    return base_url.removesuffix("/v1") + "/stats"
