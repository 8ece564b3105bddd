"""The provider's batch object as a record of ours, from whatever JSON it sends. Pure."""

import json
from collections.abc import Mapping

from label_pipeline.adapters.openai_replies import UnusableAnswerError, json_answer
from label_pipeline.core.judging.batches.record import RemoteBatch


def json_object(content: bytes, listed: str | None = None) -> dict[str, object]:
    """An answer as a JSON object; with ``listed``, one whose field of that name is a list of objects.

    Raises:
        UnusableAnswerError: it is not.
    """
    if listed is not None:
        return json_answer(content, listed)
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UnusableAnswerError(f"the answer ({len(content)} bytes) is not JSON; is the base URL right?") from error
    if not isinstance(data, dict):
        raise UnusableAnswerError("the answer is no JSON object; is the base URL right?")
    return data


def remote_of(data: Mapping[str, object]) -> RemoteBatch:
    """A batch.

    Raises:
        UnusableAnswerError: it has no id or no status.
    """
    counts, errors = _object(data.get("request_counts")), _object(data.get("errors"))
    first = errors.get("data")
    failed = _object(first[0]) if isinstance(first, list) and first else {}
    return RemoteBatch(
        batch_id=id_of(data.get("id")),
        status=id_of(data.get("status")),
        endpoint=_text(data.get("endpoint")) or "",
        window=_text(data.get("completion_window")) or "",
        input_file_id=_text(data.get("input_file_id")) or "",
        output_file_id=_text(data.get("output_file_id")),
        error_file_id=_text(data.get("error_file_id")),
        total=_count(counts.get("total")),
        completed=_count(counts.get("completed")),
        metadata=metadata_of(data),
        code=_text(failed.get("code")) or ("failed" if data.get("status") == "failed" else None),
    )


def metadata_of(data: Mapping[str, object]) -> dict[str, str]:
    """What was told of a batch when it was created."""
    return {name: value for name, value in _object(data.get("metadata")).items() if isinstance(value, str)}


def id_of(value: object) -> str:
    """An id the provider gave.

    Raises:
        UnusableAnswerError: it is none.
    """
    if not isinstance(value, str) or not value:
        raise UnusableAnswerError("the answer names no id; is the base URL right?")
    return value


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
