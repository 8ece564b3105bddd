"""The parts of an upload form (multipart/form-data, RFC 7578), whole in memory.

aiohttp's own reader warns of its own deprecated parts where a chunk ends inside a boundary. Keep out: what they mean.
"""

import re
from typing import NamedTuple

from label_pipeline.rehearsal.protocol import ProtocolError

FORM_BYTES = 1 << 16
"""Bytes a form may have beside its file."""

_BOUNDARY = re.compile(r'boundary="?([^";,]+)"?', re.IGNORECASE)
_NAME = re.compile(rb'[; ]name="([^"]*)"')
_FILENAME = re.compile(rb'filename="([^"]*)"')


class FormPart(NamedTuple):
    """One field of a form; no file name where it is no file."""

    filename: str
    content: bytes


def form_parts(content_type: str, body: bytes) -> dict[str, FormPart]:
    """The fields by name.

    Raises:
        ProtocolError: 400 where it is no form.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ProtocolError(400, "invalid_value", f"expected multipart/form-data, got {content_type!r}")
    found = {}
    for part in body.split(b"--" + boundary.group(1).encode()):
        head, _, content = part.partition(b"\r\n\r\n")
        name, filename = _NAME.search(head), _FILENAME.search(head)
        if name is not None:
            called = filename.group(1).decode() if filename is not None else ""
            found[name.group(1).decode()] = FormPart(called, content.removesuffix(b"\r\n"))
    return found
