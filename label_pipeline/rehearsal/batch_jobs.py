"""One batch of the provider: its status as time goes on, and the lines it writes. Pure but for what it is handed.

Keep out: HTTP (batch_api.py) and where files are (batch_files.py).
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from label_pipeline.rehearsal.batch_faults import BatchFault
from label_pipeline.rehearsal.batch_input import CHAT, InputLine, LineTrouble
from label_pipeline.rehearsal.protocol import ProtocolError

WINDOW_S = 24 * 3600
ENDED = frozenset({"failed", "completed", "expired", "cancelled"})

Complete = Callable[[InputLine, str | None], dict[str, object]]
"""The chat completion of one line, reported as another model where one is named; ProtocolError where it is refused."""


class Pace(NamedTuple):
    """How long a batch stays where, in ``unit``: times it was asked for, or seconds of the provider's clock."""

    validating: float = 1
    in_progress: float = 1
    finalizing: float = 0
    unit: Literal["polls", "seconds"] = "polls"


TWO_POLLS = Pace()


@dataclass
class BatchJob:
    """One batch.

    Attributes:
        id: its name here.
        input_file_id: what was uploaded.
        metadata: as the client gave it.
        created_at: seconds since 1970.
        lines: what is asked.
        fault: how it goes wrong.
        tokens: prompt tokens it holds in the queue.
        status: as the protocol names it.
        polls: how often it was asked for.
        times: when it entered each status.
        errors: why validation failed.
        output_file_id: what succeeded.
        error_file_id: what did not.
        completed: lines that succeeded.
        failed: lines that did not.
        lost_polls: polls that are still to be dropped.
    """

    id: str
    input_file_id: str
    metadata: dict[str, str]
    created_at: int
    lines: list[InputLine]
    fault: BatchFault
    tokens: int
    status: str = "validating"
    polls: int = 0
    times: dict[str, int] = field(default_factory=dict)
    errors: list[LineTrouble] = field(default_factory=list)
    output_file_id: str | None = None
    error_file_id: str | None = None
    completed: int = 0
    failed: int = 0
    lost_polls: int = 0

    def enter(self, status: str, now: int) -> None:
        """The batch is in another status from now on."""
        self.status = status
        self.times.setdefault(status, now)

    def as_json(self) -> dict[str, object]:
        """The batch object of the protocol."""
        named = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
        errors = {"object": "list", "data": [one.as_json() for one in self.errors]} if self.errors else None
        return {
            "id": self.id, "object": "batch", "endpoint": CHAT, "errors": errors,
            "input_file_id": self.input_file_id, "completion_window": "24h", "status": self.status,
            "output_file_id": self.output_file_id, "error_file_id": self.error_file_id,
            "created_at": self.created_at, "expires_at": self.created_at + WINDOW_S,
            **{f"{name}_at": self.times.get(name) for name in named},
            "request_counts": {"total": len(self.lines), "completed": self.completed, "failed": self.failed},
            "metadata": self.metadata,
        }  # fmt: skip


def due(job: BatchJob, pace: Pace, now: int) -> str:
    """The status a batch has reached by now, before its faults."""
    age: float = job.polls if pace.unit == "polls" else now - job.created_at
    for name, lasts in (("validating", pace.validating), ("in_progress", pace.in_progress)):
        if age < lasts:
            return name
        age -= lasts
    return "finalizing" if age < pace.finalizing else "completed"


class Written(NamedTuple):
    """The two files of a batch that has ended, and its counts; an empty file is none."""

    output: bytes
    errors: bytes
    completed: int
    failed: int


def write(job: BatchJob, complete: Complete, answered: int, left: str) -> Written:
    """Answers the first ``answered`` lines; the others end as ``left``: ``batch_expired`` or ``batch_cancelled``."""
    fault, output, errors = job.fault, list[dict[str, object]](), list[dict[str, object]]()
    for number, line in enumerate(job.lines):
        if number >= answered:
            told = {"code": left, "message": "This request could not be executed before the batch ended."}
            errors.append(_entry(job, number, line.custom_id, None, told))
            continue
        broken = number < fault.failing or fault.every_line_fails is not None
        status, body = _failed(fault) if broken else _answer(line, complete, fault.served_as)
        response = {"status_code": status, "request_id": f"req-{job.id}-{number}", "body": body}
        entry = _entry(job, number, line.custom_id, response, None)
        (output if status == 200 or fault.every_line_fails == "output_file" else errors).append(entry)
    completed = sum(_status(entry) == 200 for entry in output)
    return Written(_output(job, output), _text(errors), completed, len(job.lines) - completed)


def _output(job: BatchJob, output: list[dict[str, object]]) -> bytes:
    fault = job.fault
    copies = [
        _changed(entry) if fault.differing and _status(entry) == 200 else entry for entry in output[: fault.duplicated]
    ]
    foreign = [{**entry, "custom_id": f"{number:064x}"} for number, entry in enumerate(output[: fault.foreign])]
    kept = output[fault.missing :] + copies + foreign
    text = _text(kept[::-1] if fault.shuffled else kept)
    return text[: -len(text.splitlines()[-1]) // 2] if fault.truncated and text else text


def _entry(job: BatchJob, number: int, custom_id: str, response: object, error: object) -> dict[str, object]:
    entry_id = f"batch_req_{job.id}_{number}"
    return {"id": entry_id, "custom_id": custom_id, "response": response, "error": error}


def _status(entry: dict[str, object]) -> object:
    response = entry["response"]
    return response["status_code"] if isinstance(response, dict) else None


def _failed(fault: BatchFault) -> tuple[int, dict[str, object]]:
    error = {"message": "The line was ordered to fail.", "type": "error", "param": None, "code": fault.error_code}
    return fault.status, {"error": error}


def _answer(line: InputLine, complete: Complete, served_as: str | None) -> tuple[int, object]:
    try:
        return 200, complete(line, served_as)
    except ProtocolError as error:
        return error.status, error.body()


def _changed(entry: dict[str, object]) -> dict[str, object]:
    """A copy of an answered line that says something else."""
    changed: dict[str, Any] = json.loads(json.dumps(entry))
    message = changed["response"]["body"]["choices"][0]["message"]
    message["content"] = f"Asked again: {message['content']}"
    return changed


def _text(entries: list[dict[str, object]]) -> bytes:
    return b"".join(json.dumps(entry).encode() + b"\n" for entry in entries)
