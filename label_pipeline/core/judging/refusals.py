"""Whether an endpoint's no concerns one text or all: observed among the other answers, not read off one body.

Azure's filter, vLLM's overlong text and a gateway's moderation spell "this text" in ways no list knows; a changed
endpoint spells "nobody" in as many.
"""

from collections import deque

from label_pipeline.core.errors import ProviderRejectedError

IN_A_ROW = 20
"""Texts refused in a row that mean the endpoint and not the texts, where nothing else passes."""

WINDOW = 200
STOP_SHARE = 0.5
"""Share of the last ``WINDOW`` answers that may be refusals."""


class Refusals:
    """Counts one run's refusals among its answers."""

    def __init__(self) -> None:
        self._recent: deque[bool] = deque(maxlen=WINDOW)
        self._passed = False
        self.in_a_row = self._unsure = 0

    def answered(self) -> None:
        """A reply came."""
        self._passed = True
        self.in_a_row = self._unsure = 0
        self._recent.append(False)

    def refused(self, error: ProviderRejectedError, known_before: bool) -> str | None:
        """Why the run must stop at this no; None where it is one text's.

        A no that reads as if it concerned everyone, such as an unknown field, stops a run in which nothing has passed
        yet at once: it costs one request. Where others pass, it stops after ``IN_A_ROW`` of its kind.

        Args:
            error: what the endpoint said.
            known_before: an earlier run had replies of the same requests, or this one had.
        """
        self.in_a_row += 1
        self._unsure = 0 if error.request_only else self._unsure + 1
        self._recent.append(True)
        if error.account or (not error.request_only and not self._passed):
            return ""
        if not known_before and self.in_a_row >= IN_A_ROW:
            return f"rejected each of the first {self.in_a_row} requests"
        if self._unsure >= IN_A_ROW:
            return f"rejected {self._unsure} requests in a row, after it had answered others"
        if len(self._recent) == WINDOW and sum(self._recent) > STOP_SHARE * WINDOW:
            return f"rejected {sum(self._recent)} of the last {WINDOW} requests"
        return None
