"""Files a client has uploaded, and those a batch has written: in memory, as an OpenAI endpoint keeps them."""

from collections.abc import Mapping
from dataclasses import dataclass

from label_pipeline.rehearsal.protocol import ProtocolError

LARGEST_FILE_BYTES = 200 * 10**6


@dataclass(frozen=True)
class StoredFile:
    """One file.

    Attributes:
        id: its name here.
        name: its name there.
        purpose: ``batch`` or ``batch_output``.
        content: its bytes.
        created_at: seconds since 1970.
    """

    id: str
    name: str
    purpose: str
    content: bytes
    created_at: int

    def as_json(self) -> dict[str, object]:
        """The file object of the protocol."""
        return {
            "id": self.id, "object": "file", "bytes": len(self.content), "created_at": self.created_at,
            "filename": self.name, "purpose": self.purpose, "status": "processed", "status_details": None,
            "expires_at": None,
        }  # fmt: skip


class FileShelf:
    """Every file of this provider, oldest first."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._count = 0

    def add(self, name: str, purpose: str, content: bytes, created_at: int) -> StoredFile:
        """Keeps a file under a new id.

        Raises:
            ProtocolError: it is too large.
        """
        if len(content) > LARGEST_FILE_BYTES:
            raise too_large(len(content))
        self._count += 1
        file = StoredFile(f"file-rehearsal-{self._count:06d}", name, purpose, content, created_at)
        self._files[file.id] = file
        return file

    def get(self, file_id: str) -> StoredFile:
        """The file of an id.

        Raises:
            ProtocolError: 404 where there is none.
        """
        if file_id not in self._files:
            raise ProtocolError(404, "not_found", f"No such File object: {file_id}")
        return self._files[file_id]

    def delete(self, file_id: str) -> dict[str, object]:
        """Forgets a file.

        Raises:
            ProtocolError: 404 where there is none.
        """
        self.get(file_id)
        del self._files[file_id]
        return {"id": file_id, "object": "file", "deleted": True}

    def list(self, query: Mapping[str, str]) -> dict[str, object]:
        """One page, newest first; ``purpose`` chooses among them."""
        wanted = query.get("purpose")
        found = [file for file in reversed(self._files.values()) if wanted in (None, file.purpose)]
        return page([file.as_json() for file in found], query, most=10_000)


def too_large(size_bytes: int) -> ProtocolError:
    """The no to a file of this size."""
    return ProtocolError(413, "file_too_large", f"found a file of {size_bytes} bytes or more; at most 200 MB are taken")


def page(found: list[dict[str, object]], query: Mapping[str, str], *, most: int) -> dict[str, object]:
    """One page of a list: at most ``limit`` of what stands behind the object with id ``after``.

    Raises:
        ProtocolError: the limit is no number from 1 to ``most``, or nothing has that id.
    """
    told = query.get("limit", str(min(most, 20) if most <= 100 else most))
    if not told.isdigit() or not 1 <= int(told) <= most:
        raise ProtocolError(400, "invalid_value", f"limit must be a whole number of 1..{most}, got {told!r}")
    ids = [str(one["id"]) for one in found]
    if "after" in query:
        if query["after"] not in ids:
            raise ProtocolError(400, "invalid_value", f"nothing here has the id {query['after']!r} of `after`")
        found = found[ids.index(query["after"]) + 1 :]
    data = found[: int(told)]
    return {
        "object": "list", "data": data, "has_more": len(found) > len(data),
        "first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None,
    }  # fmt: skip
