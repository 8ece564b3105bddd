"""Requests cut into files the provider takes: so many lines, so many bytes, and so many tokens in its queue. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from label_pipeline.core.judging.batches.requests import BatchRequest

MOST_REQUESTS = 50_000
MOST_BYTES = 200 * 10**6
"""What OpenAI takes in one input file (developers.openai.com, guide "Batch", 2026): 50,000 requests, 200 MB."""


@dataclass(frozen=True)
class FileLimits:
    """What the provider takes.

    Attributes:
        requests: lines of one file.
        size_bytes: bytes of one file.
        enqueued_tokens: input tokens that all batches of one model may have waiting; None is no limit.
    """

    requests: int = MOST_REQUESTS
    size_bytes: int = MOST_BYTES
    enqueued_tokens: int | None = None


USUAL_LIMITS = FileLimits()
"""No limit of the queue: an account's own stands on its settings page, and belongs into ours."""


@dataclass(frozen=True)
class Cut:
    """Requests by file.

    Attributes:
        files: the requests of each, in order.
        left: those the queue has no room for until others have ended, in order.
        too_large: those no file or queue can ever take.
    """

    files: tuple[tuple[BatchRequest, ...], ...]
    left: tuple[BatchRequest, ...] = ()
    too_large: tuple[BatchRequest, ...] = ()


def cut(requests: Iterable[BatchRequest], limits: FileLimits, enqueued_tokens: int = 0) -> Cut:
    """Fills one file after the other, in the order given.

    Args:
        requests: what is to be sent.
        limits: what the provider takes.
        enqueued_tokens: input tokens of batches of the same model that have not ended.
    """
    files: list[list[BatchRequest]] = []
    left: list[BatchRequest] = []
    too_large: list[BatchRequest] = []
    size_bytes, room = 0, limits.enqueued_tokens
    if room is not None:
        room -= enqueued_tokens
    for request in requests:
        line_bytes = len(request.line())
        if line_bytes > limits.size_bytes or request.tokens > (limits.enqueued_tokens or request.tokens):
            too_large.append(request)
        elif left or (room is not None and request.tokens > room):  # in order: a smaller one does not slip in before
            left.append(request)
        else:
            if not files or len(files[-1]) == limits.requests or size_bytes + line_bytes > limits.size_bytes:
                files.append([])
                size_bytes = 0
            files[-1].append(request)
            size_bytes += line_bytes
            room = None if room is None else room - request.tokens
    return Cut(tuple(map(tuple, files)), tuple(left), tuple(too_large))
