"""A webhook receiver: a real server that keeps what it was sent and answers as scripted."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from label_pipeline.rehearsal.serving import running_provider

SECRET = "T0SECRET0/B0SECRET0/whoever-knows-this-may-post"


@dataclass
class Receiver:
    """Where posts arrive.

    Attributes:
        answers: status of the next posts, in order; 200 when used up.
        wait_s: seconds before it answers.
        tried: bodies of all posts.
        taken: bodies answered with 200.
    """

    answers: list[int] = field(default_factory=list)
    wait_s: float = 0
    tried: list[dict[str, Any]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    async def receive(self, request: web.Request) -> web.Response:
        self.tried.append(await request.json())
        await asyncio.sleep(self.wait_s)
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.taken.append(self.tried[-1])
        headers = {"Location": self.url} if status == 307 else {}
        return web.Response(status=status, text="ok", headers=headers)


@contextmanager
def receiving(answers: Sequence[int] = (), wait_s: float = 0) -> Iterator[Receiver]:
    """A receiver while the block runs."""
    receiver = Receiver(list(answers), wait_s)
    app = web.Application()
    app.router.add_post(f"/services/{SECRET}", receiver.receive)
    with running_provider(app) as url:
        receiver.url = f"{url.removesuffix('/v1')}/services/{SECRET}"
        yield receiver
