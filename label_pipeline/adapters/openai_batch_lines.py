"""What one line of a batch's output or error file means: a reply, the same as online, or why there is none. Pure.

Keep out: which request it answers (core/judging/batches/matching.py).
"""

import json
import re
from collections.abc import Mapping

import httpx2
import openai

from label_pipeline.adapters.openai_refusals import bare_code, rejection
from label_pipeline.adapters.openai_replies import UnusableAnswerError, parse_reply
from label_pipeline.core.judging.batches.matching import AGAIN, EVERYONE, TEXT, NextTry, NoAnswer, OutputLine
from label_pipeline.core.judging.batches.record import BatchTerms
from label_pipeline.core.ports import Reply

_CODE = re.compile(r"[a-z0-9_]{1,40}")
_SECONDS = 0.0
"""Latency of a reply by batch: nobody waited for it, and the provider does not say how long it took."""


def output_line(raw: bytes, sent: Mapping[str, int], terms: BatchTerms, base_url: str, host: str) -> OutputLine:
    """Reads one line.

    Args:
        raw: the line.
        sent: bytes each request sent, by its key; what token counts are checked against where the texts are gone.
        terms: what the batch was submitted under.
        base_url: the endpoint's address, for people.
        host: its host, for ``served_by``.
    """
    try:
        line = json.loads(raw)
    except (ValueError, RecursionError):
        return OutputLine(None, None)
    if not isinstance(line, dict) or not isinstance(line.get("custom_id"), str):
        return OutputLine(None, None)
    key, response = line["custom_id"], line.get("response")
    if not isinstance(response, dict):
        error = line.get("error")
        named = error.get("code") if isinstance(error, dict) else None
        usable = isinstance(named, str) and _CODE.fullmatch(named)
        return OutputLine(key, NoAnswer(str(named) if usable else "no_response"))
    status, body = response.get("status_code"), response.get("body")
    if status != 200:
        return OutputLine(key, _refused(status, body, terms, base_url))
    request_id = response.get("request_id")
    known_id = request_id if isinstance(request_id, str) else None
    return OutputLine(key, _reply(body, sent.get(key, 0), terms, known_id, host))


def _reply(body: object, sent_bytes: int, terms: BatchTerms, request_id: str | None, host: str) -> Reply | NoAnswer:
    if not isinstance(body, dict) or not isinstance(body.get("choices"), list):
        free = isinstance(body, dict) and not body.get("usage")
        return NoAnswer("200 unusable", lost=not free)
    # the texts are not kept: their length is all that is looked at
    stand_in = {"messages": [{"content": "x" * sent_bytes}], "reasoning_effort": terms.effort}
    try:
        return parse_reply(body, stand_in, request_id, _SECONDS, host)
    except UnusableAnswerError as error:
        return NoAnswer("200 unusable", lost=not error.free)


def _refused(status: object, body: object, terms: BatchTerms, base_url: str) -> NoAnswer:
    """The same no online would be raised by the openai library as an exception: it is read the same way."""
    if isinstance(status, bool) or not isinstance(status, int) or not 100 <= status <= 599:
        return NoAnswer("no_status")
    told = body.get("error", body) if isinstance(body, dict) else body
    response = httpx2.Response(status, request=httpx2.Request("POST", base_url))
    error = openai.APIStatusError("a line of a batch", response=response, body=told)
    no = rejection(error, base_url, terms.model, "", terms.fields)
    kind: NextTry = AGAIN if no is None else TEXT if no.request_only else EVERYONE
    return NoAnswer(bare_code(error), kind)
