"""What one provider reply says: a grade, or why there is none. Pure.

Unreadable replies are outcomes, never exceptions, and no grade is ever repaired: not clipped, not rounded, not searched
for in prose. Keep out: asking again (core/judging/engine.py) and which model answered (core/judging/member.py).
"""

import json
import math
import re
from typing import NamedTuple

from label_pipeline.core.codes.outcomes import CUT, GRADED, MALFORMED, OUT_OF_SCALE, REFUSED, Outcome
from label_pipeline.core.ports import Reply, TokenChoice
from label_pipeline.core.scale import Scale

READING_VERSION = 1
"""Part of every member's hash: raise it when ``read_reply``, MASS_FLOOR or the scheme of reading attempts changes which
grade comes of the same replies. Certificates and calibrations of the old reading then stop counting."""

MASS_FLOOR = 0.9
"""Below this probability on the scale's tokens there is no expected grade: what is left is not the model's opinion."""

MAX_LOGPROB = 0.01
"""A log-probability is at most 0; servers round. Above this, or not a number, it is none."""

_FENCE = re.compile(r"```(?:json)?[ \t]*\n(.*?)\n?```", re.DOTALL | re.IGNORECASE)
_CLOSING = re.compile(r"[\s}`]*")


class Reading(NamedTuple):
    """What a reply was read as: a grade, or why it holds none.

    Attributes:
        outcome: graded or why not; the engine sets those of which there is no reply of the judge.
        grade: a whole grade of the scale; None unless graded.
        expected_grade: probability-weighted grade; None without usable log-probabilities.
        grade_mass: probability on the scale's tokens before renormalising, 0-1.
        rationale: the judge's reason.
        detail: why there is no grade. Quotes nothing of the reply: it may repeat customer text.
    """

    outcome: Outcome
    grade: int | None = None
    expected_grade: float | None = None
    grade_mass: float | None = None
    rationale: str | None = None
    detail: str | None = None


class _UnreadableError(ValueError):
    """The content is not one unambiguous JSON object."""


def read_reply(reply: Reply, scale: Scale) -> Reading:
    """Reads the grade of one reply.

    Args:
        reply: the reply as received.
        scale: the grades that exist.
    """
    if reply.refusal or reply.finish_reason == "content_filter":
        return Reading(REFUSED, detail="the model refused" if reply.refusal else "the provider's filter withheld it")
    if reply.finish_reason == "length":
        return Reading(CUT, detail=f"cut after {reply.output_tokens} output tokens; raise the output token limit")
    try:
        answer = _one_object(reply.content or "")
    except _UnreadableError as error:
        return Reading(MALFORMED, detail=str(error))
    rationale = _rationale(answer.get("rationale"))
    if "grade" not in answer:
        return Reading(MALFORMED, rationale=rationale, detail="the reply has no field `grade`")
    grade = answer["grade"]
    if isinstance(grade, bool) or not isinstance(grade, int):
        detail = f"the grade is of type {type(grade).__name__}; expected a whole number"
        return Reading(MALFORMED, rationale=rationale, detail=detail)
    if not scale.lo <= grade <= scale.hi:
        shown = grade if abs(grade) < 10**6 else "a huge number"
        detail = f"the grade is {shown}; expected {scale.lo} to {scale.hi}"
        return Reading(OUT_OF_SCALE, rationale=rationale, detail=detail)
    expected, mass = expected_grade(reply.tokens, grade, scale)
    return Reading(GRADED, grade, expected, mass, rationale)


def expected_grade(tokens: tuple[TokenChoice, ...], grade: int, scale: Scale) -> tuple[float | None, float | None]:
    """Mean sum_k k p_k / sum_k p_k over the grades' tokens where the last grade token stands, and its mass sum_k p_k.

    Log-probabilities are pre-grammar: a provider that forces the schema reports what the model would have written
    freely, so the mass can be below 1 and says how much of the distribution the scale covers.

    Args:
        tokens: what the model wrote, or the end of it.
        grade: the grade read from the content; another last grade token means the token is not the grade.
        scale: the grades that exist.

    Returns:
        (expected grade, mass); the first is None below MASS_FLOOR, both are None where the grade is not the last thing
        written, or where tokens may be pieces of grades.
    """
    texts = {str(k): k for k in scale.grades}
    last = next((i for i in range(len(tokens) - 1, -1, -1) if tokens[i].token.strip() in texts), None)
    if last is None or tokens[last].token.strip() != str(grade):
        return None, None
    if not _CLOSING.fullmatch("".join(choice.token for choice in tokens[last + 1 :])):
        return None, None
    if not all(logprob <= MAX_LOGPROB for _, logprob in tokens[last].alternatives):  # of an older journal; nan is not
        return None, None
    weights: dict[str, float] = {}
    for token, logprob in tokens[last].alternatives:
        text = token.strip()
        if text in texts:
            weights[text] = weights.get(text, 0.0) + math.exp(logprob)
    if not weights or _may_be_pieces(weights, scale):
        return None, None
    mass = math.fsum(weights.values())
    if mass < MASS_FLOOR:
        return None, min(mass, 1.0)
    mean = math.fsum(texts[text] * p for text, p in weights.items()) / mass
    return min(max(mean, float(scale.lo)), float(scale.hi)), min(mass, 1.0)  # the last digit may round past an end


def _may_be_pieces(weights: dict[str, float], scale: Scale) -> bool:
    """Whether a token like "1" may be the beginning of "10": some tokenisers write numbers digit by digit.

    A grade of several characters seen as one token proves that this one does not.
    """
    if any(len(text) > 1 for text in weights):
        return False
    longer = [str(k) for k in scale.grades if len(str(k)) > 1]
    return any(other.startswith(text) for text in weights for other in longer)


def _one_object(content: str) -> dict[str, object]:
    text = content.strip()
    if not text:
        raise _UnreadableError("the reply is empty")
    fenced = _FENCE.fullmatch(text)
    try:
        value = json.loads(fenced.group(1) if fenced else text, object_pairs_hook=_no_repeats)
    except _UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise _UnreadableError(f"the reply ({len(content)} characters) is not one JSON object") from error
    if not isinstance(value, dict):
        raise _UnreadableError(f"the reply is a JSON {type(value).__name__}; expected an object")
    return value


def _no_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    # {"grade": 0, "grade": 3}: which one counts would be a guess.
    answer = dict(pairs)
    if len(answer) < len(pairs):
        raise _UnreadableError("the reply repeats a field")
    return answer


def _rationale(value: object) -> str | None:
    # JSON can spell lone surrogates, which no file format of ours can hold.
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else None
