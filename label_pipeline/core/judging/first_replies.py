"""The first replies of a judge nobody knows: where none of them holds a grade, the rest would be paid for nothing.

Only calibrate asks so. Where a judge is measured or labels, unreadable replies are evidence, and asking goes on. Keep
out: what does not fit and what mends it, reply by reply (misfits.py).
"""

from collections import Counter

from label_pipeline.core.codes import outcomes
from label_pipeline.core.errors import NoGradesError
from label_pipeline.core.judging.answers import Answer
from label_pipeline.core.judging.member import Member

MOST = 20
"""Replies without a grade, and not one with, after which a candidate is not asked any more."""

FEWEST_TEXTS = 10
"""So many texts they are about: votes on one text, and attempts to read one, fail together. A judge that cannot be read
on one text in ten, five times what a gate allows, is stopped by mistake once in 10^10."""

_KEYS = {
    outcomes.MALFORMED: "`reply_format` of endpoints.{endpoint}, or the prompt",
    outcomes.CUT: "a higher output limit (max_tokens) in `parameters` of the candidate",
    outcomes.OUT_OF_SCALE: "the prompt or the rubric: the scale it names is not the project's",
}


class FirstReplies:
    """Counts replies until one holds a grade.

    Args:
        member: who is asked.
        most: how many may hold none; None = all.
    """

    def __init__(self, member: Member, most: int | None) -> None:
        self._member, self._most = member, most
        self._seen: Counter[str] = Counter()
        self._texts: set[int] = set()

    def look(self, answer: Answer, text: int) -> None:
        """Looks at one more answer.

        Args:
            answer: it.
            text: number of the text it is about.

        Raises:
            NoGradesError: there were ``most`` replies on ``FEWEST_TEXTS`` texts, and none held a grade.
        """
        if self._most is None or answer.model is None:  # no reply, no evidence
            return
        outcome = answer.reading.outcome
        if outcome not in outcomes.UNREADABLE:
            self._most = None
            return
        self._seen[outcome] += answer.attempt + 1
        self._texts.add(text)
        if (count := self._seen.total()) >= self._most and len(self._texts) >= FEWEST_TEXTS:
            commonest = self._seen.most_common(1)[0][0]
            detail = f" ({answer.reading.detail})" if outcome == commonest and answer.reading.detail else ""
            raise NoGradesError(
                f"the first {count} replies of {self._member.name} hold no grade, most of them {commonest}{detail}: "
                f"nothing more was asked of it. Change {_KEYS[commonest].format(endpoint=self._member.endpoint)}; "
                "`label-pipeline check --ask 3 --fit` tries what would fit"
            )
