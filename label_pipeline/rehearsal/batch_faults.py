"""Troubles a test can order from the provider's batches, one entry per batch in order of creation.

Keep out: troubles of single requests (faults.py); they do not touch the lines of a batch.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BatchFault:
    """How one batch goes wrong. Fields add up: a shuffled output may also lack lines.

    Attributes:
        shuffled: the output is not in the order of the input: it is reversed.
        duplicated: this many output lines stand there twice.
        differing: the second of each two says something else.
        missing: this many answered lines are in no file.
        foreign: this many output lines answer requests nobody sent.
        truncated: the last output line breaks off.
        served_as: model id every reply reports.
        failing: this many lines, from the first, end with ``status``, in the error file.
        status: HTTP status of failing lines.
        error_code: error code of failing lines.
        every_line_fails: the batch completes and nothing succeeded: told in an error file with no output file beside
            it, as OpenAI does, or in the output file.
        expires_after: the window ends when this many lines are answered.
        cancels_after: somebody cancels it when this many lines are answered.
        fails_with: code and message of a failed validation.
        never_validates: it stays ``validating`` until it is cancelled.
        lost_create: it is created, and the connection drops before the answer.
        lost_polls: this many times the connection drops when it is asked for.
        no_output_file: the output file is gone before it was read.
    """

    shuffled: bool = False
    duplicated: int = 0
    differing: bool = False
    missing: int = 0
    foreign: int = 0
    truncated: bool = False
    served_as: str | None = None
    failing: int = 0
    status: int = 500
    error_code: str = "server_error"
    every_line_fails: Literal["error_file", "output_file"] | None = None
    expires_after: int | None = None
    cancels_after: int | None = None
    fails_with: tuple[str, str] | None = None
    never_validates: bool = False
    lost_create: bool = False
    lost_polls: int = 0
    no_output_file: bool = False


class BatchScript:
    """What happens to the batches that are created.

    Args:
        script: the first entries; None is an ordinary batch.
        then: every later one (default: ordinary).
    """

    def __init__(self, script: Iterable[BatchFault | None] = (), then: BatchFault | None = None) -> None:
        self._left = deque(script)
        self._then = then

    def next(self) -> BatchFault:
        """The entry for the batch that has just been created."""
        return (self._left.popleft() if self._left else self._then) or BatchFault()
