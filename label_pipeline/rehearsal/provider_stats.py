"""What the provider has been asked so far: the numbers behind ``/stats``.

Keep out: anything that could change a reply.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field

from label_pipeline.rehearsal.completion import Usage


@dataclass
class Tally:
    """Counts of one model, or of all."""

    requests: int = 0
    bodies: set[bytes] = field(default_factory=set)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    statuses: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, object]:
        """Plain numbers; ``statuses`` counts replies by HTTP status, ``dropped`` those never sent."""
        return {
            "requests": self.requests,
            "distinct_bodies": len(self.bodies),
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_tokens": self.cached_tokens,
            "statuses": dict(self.statuses),
        }


class Tallies:
    """Counts chat completion requests, refused and failed ones included: in all and by model."""

    def __init__(self) -> None:
        self._all, self._models = Tally(), dict[str, Tally]()

    def _tallies(self, model: str) -> tuple[Tally, Tally]:
        return self._all, self._models.setdefault(model, Tally())

    def asked(self, model: str, body: bytes) -> None:
        """Counts a request that has arrived."""
        digest = hashlib.sha256(body).digest()
        for tally in self._tallies(model):
            tally.requests += 1
            tally.bodies.add(digest)

    def replied(self, model: str, status: str, usage: Usage | None = None) -> None:
        """A request has been answered, with this status."""
        for tally in self._tallies(model):
            tally.statuses[status] += 1
            if usage is not None:
                tally.prompt_tokens += usage.prompt
                tally.completion_tokens += usage.completion
                tally.cached_tokens += usage.cached

    def as_json(self) -> dict[str, object]:
        """Totals, and the same by model asked for under ``models``."""
        return {**self._all.as_json(), "models": {name: tally.as_json() for name, tally in self._models.items()}}


class ProviderStats(Tallies):
    """What was asked one by one, and under ``batched`` what came by batch: its tokens cost half.

    Attributes:
        batched: lines of batches that were answered.
    """

    def __init__(self) -> None:
        super().__init__()
        self.batched = Tallies()

    def reset(self) -> None:
        """Forgets every request counted so far."""
        self._all, self._models, self.batched = Tally(), {}, Tallies()

    def as_json(self) -> dict[str, object]:
        """The counts of single requests, and those of batches under ``batched``."""
        return {**super().as_json(), "batched": self.batched.as_json()}
