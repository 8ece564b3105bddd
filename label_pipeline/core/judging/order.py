"""What is asked of whom: the one record that plan, engine and books pass along."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

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
        cap_usd: US dollars: a request is sent while what is paid, what is under way and it fit, at the greatest price.
        whole_queries: what the cap leaves unasked is whole queries, in the order of the pairs.
        day: the day that is labelled; for the books.
        gives_up: replies, and none with a grade, after which nothing more is asked; None asks everything.
    """

    member: Member
    pairs: Sequence[PairText]
    purpose: Purpose
    epoch: int
    served: str | None = None
    cap_usd: float = math.inf
    whole_queries: bool = False
    day: date | None = None
    gives_up: int | None = None

    def accepts(self, model: str) -> bool:
        """Whether a reply of ``model`` counts."""
        return self.member.accepts(model, self.served)
