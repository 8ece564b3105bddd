"""Lines of output matched with the requests of a batch: by their key only, whatever the order. Pure.

A file may hold lines twice, lines of requests nobody sent, broken lines, and not all there should be. Keep out: what
one line says (adapters/openai_batch_lines.py).
"""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from label_pipeline.core.ports import Paid, Reply

AGAIN: Final = "again"
"""Another try may succeed: send it again."""
TEXT: Final = "text"
"""A no that concerns this one text, as far as one body tells."""
EVERYONE: Final = "everyone"
"""A no that concerns every request of the judge, or the account."""

UNKNOWN, DUPLICATE, DIFFERING, UNREADABLE_LINE = "unknown", "duplicate", "differing", "unreadable"
"""What a line may be that answers nothing."""

MISSING = "missing"
"""Why a request has no answer whose line is in no file."""


NextTry = Literal["again", "text", "everyone"]


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why one request has no reply.

    Attributes:
        code: HTTP status and error code, none of the provider's words: those may quote the request.
        kind: what is to be done about it.
        lost: the provider may have charged for it all the same.
    """

    code: str
    kind: NextTry = AGAIN
    lost: bool = False


class OutputLine(NamedTuple):
    """What one line of output says; no key where it cannot be read."""

    key: str | None
    answer: Reply | NoAnswer | None


class KeptReply(NamedTuple):
    """One reply that is to be kept, and what it cost."""

    key: str
    reply: Reply
    paid: Paid


@dataclass(frozen=True)
class BatchProgress:
    """How far the requests of one batch are.

    Attributes:
        waiting: not ended.
        answered: ended with a reply.
        other_model: of these, replies of a model that does not count.
        cost_usd: US dollars paid.
        possibly_usd: US dollars possibly paid beside them.
        unanswered: ended without a reply, by request key: why.
    """

    waiting: int
    answered: int
    other_model: int
    cost_usd: float
    possibly_usd: float
    unanswered: Mapping[str, NoAnswer]


class Matching:
    """The lines of one batch's files, read once from the first to the last.

    Attributes:
        unanswered: requests whose line holds no reply, so far.
        told: odd lines by what they are.
    """

    def __init__(self, keys: Collection[str]) -> None:
        self.unanswered: dict[str, NoAnswer] = {}
        self.told: Counter[str] = Counter()
        self._keys, self._said = frozenset(keys), dict[str, tuple[object, ...]]()
        self._charged: set[str] = set()

    def take(self, line: OutputLine) -> Reply | None:
        """The reply to be kept; None where the line brings none, or none any more.

        The first reply to a request wins, and one that says something else is counted as differing. A reply wins over
        an error, whichever came first: it was paid for.
        """
        if line.key is None or line.answer is None:
            self.told[UNREADABLE_LINE] += 1
        elif line.key not in self._keys:
            self.told[UNKNOWN] += 1
        elif isinstance(line.answer, NoAnswer):
            if line.key in self._said or line.key in self.unanswered:
                self.told[DUPLICATE] += 1
            else:
                self.unanswered[line.key] = line.answer
            if line.answer.lost:
                self._charged.add(line.key)
        else:
            return self._first(line.key, line.answer)
        return None

    def _first(self, key: str, reply: Reply) -> Reply | None:
        said = (reply.model, reply.content, reply.refusal)
        if key in self._said:
            self.told[DUPLICATE] += 1
            self.told[DIFFERING] += said != self._said[key]
            return None
        self._said[key] = said
        self._charged.add(key)
        if self.unanswered.pop(key, None) is not None:
            self.told[DUPLICATE] += 1
        return reply

    def left(self, completed: int | None, code: str | None) -> NoAnswer:
        """What those are whose line is in no file.

        Args:
            completed: requests that succeeded, as the provider counts; None where it does not. Where every one of them
                was seen, the missing ones cost nothing: only what completed is charged, also of an expired or
                cancelled batch (developers.openai.com, guide "Batch", section "Batch expiration", 2026).
            code: why the whole batch failed.
        """
        return NoAnswer(code or MISSING, lost=completed is None or completed > len(self._charged))
