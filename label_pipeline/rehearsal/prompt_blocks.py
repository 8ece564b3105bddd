"""Finds the query and the document in a prompt, by their delimited blocks.

The prompt holds ``<query-N> .. </query-N>``, perhaps a ``<context-N>`` block, then ``<document-N> .. </document-N>``,
every tag on a line of its own, with one 16-digit hexadecimal nonce N. Text inside a block is data.
"""

import re
from itertools import pairwise
from typing import NamedTuple

_FIRST_QUERY = re.compile(r"<query-([0-9a-f]{16})>")
_ANY_OPENING = re.compile(r"<(query|context|document)-[0-9a-f]{16}>")


class Blocks(NamedTuple):
    """What the prompt asks about."""

    query: str
    document: str


class UnreadablePromptError(ValueError):
    """A block is missing, or there are two readings; the message says which."""


class _Span(NamedTuple):
    """Where one block lies: [start, end) with its tags, and the text between them."""

    start: int
    end: int
    text: str


def _only(text: str, tag: str) -> int:
    """The position of ``tag``, which must occur exactly once."""
    count = text.count(tag)
    if count == 0:
        raise UnreadablePromptError(
            f"found no {tag} in the last user message; expected exactly one, with the nonce of <query-...>"
        )
    if count > 1:
        raise UnreadablePromptError(
            f"found {tag} {count} times in the last user message; with two readings it is not judged"
        )
    return text.index(tag)


def _block(text: str, name: str, nonce: str) -> _Span:
    opening, closing = f"<{name}-{nonce}>", f"</{name}-{nonce}>"
    start, stop = _only(text, opening), _only(text, closing)
    if stop < start:
        raise UnreadablePromptError(f"found {closing} before {opening}; expected the block to open first")
    body = text[start + len(opening) : stop]
    return _Span(start, stop + len(closing), body.removeprefix("\n").removesuffix("\n"))


def read_blocks(text: str) -> Blocks:
    """Query and document of the last user message.

    Args:
        text: the whole message.

    Raises:
        UnreadablePromptError: a block is missing, stands twice (outside the blocks, with any nonce), or is out
            of order.
    """
    first = _FIRST_QUERY.search(text)
    if first is None:
        raise UnreadablePromptError(
            "found no <query-N> block (N = 16 hexadecimal digits) in the last user message; "
            "expected <query-N>, then <document-N>"
        )
    nonce = first.group(1)
    query, document = _block(text, "query", nonce), _block(text, "document", nonce)
    spans = [query]
    if f"<context-{nonce}>" in text or f"</context-{nonce}>" in text:
        spans.append(_block(text, "context", nonce))
    spans.append(document)
    for earlier, later in pairwise(spans):
        if later.start < earlier.end:
            raise UnreadablePromptError(
                "found the blocks inside one another or out of order; expected query, context, document"
            )
    edges = [0, *(edge for span in spans for edge in (span.start, span.end)), len(text)]
    outside = "\n".join(text[edges[i] : edges[i + 1]] for i in range(0, len(edges), 2))
    second = _ANY_OPENING.search(outside)
    if second is not None:
        raise UnreadablePromptError(
            f"found a second block {second.group(0)} outside the first ones; with two readings it is not judged"
        )
    return Blocks(query.text, document.text)
