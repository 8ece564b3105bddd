"""What is asked of whom: the one record that plan, engine and books pass along."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from label_pipeline.core.codes.purposes import Purpose
from label_pipeline.core.judging.member import Member
from label_pipeline.core.ports import PairText


@dataclass(frozen=True)
class JudgingOrder:
    """Pairs to be judged by one member, and within what.

    Attributes:
        member: who judges.
        pairs: what is judged; a pair may not be listed twice.
        purpose: why they are asked; for rows and sentences.
        epoch: calibration epoch, part of every request key.
        served: the only model id whose replies count; None accepts what ``member.serves``.
        cap_usd: US dollars: no request is sent once this much is spent; those under way may end above it.
    """

    member: Member
    pairs: Sequence[PairText]
    purpose: Purpose
    epoch: int
    served: str | None = None
    cap_usd: float = math.inf

    def accepts(self, model: str) -> bool:
        """Whether a reply of ``model`` counts."""
        return self.member.accepts(model, self.served)
