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
"""Replies without a grade, and not one with, after which a candidate is not asked any more. A judge of whom one reply
in two is unreadable is stopped by mistake once in a million."""

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

    def look(self, answer: Answer) -> None:
        """Looks at one more answer.

        Raises:
            NoGradesError: there were ``most`` replies, and none held a grade.
        """
        if self._most is None or answer.model is None:  # no reply, no evidence
            return
        outcome = answer.reading.outcome
        if outcome not in outcomes.UNREADABLE:
            self._most = None
            return
        self._seen[outcome] += answer.attempt + 1
        if (count := self._seen.total()) >= self._most:
            commonest = self._seen.most_common(1)[0][0]
            detail = f" ({answer.reading.detail})" if outcome == commonest and answer.reading.detail else ""
            raise NoGradesError(
                f"the first {count} replies of {self._member.name} hold no grade, most of them {commonest}{detail}: "
                f"nothing more was asked of it. Change {_KEYS[commonest].format(endpoint=self._member.endpoint)}; "
                "`label-pipeline check --ask 3 --fit` tries what would fit"
            )
