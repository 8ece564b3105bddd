"""What does not fit between a judge's settings and an endpoint, from a first few replies: the very key to change. Pure.

A sentence says what was seen, a key what to write instead. Nothing here asks anybody. Keep out: asking
(operations/first_contact.py), what replies show together (noticed.py), what endpoints take (settings/presets.yaml).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from label_pipeline.core.codes import outcomes
from label_pipeline.core.judging.member import Member
from label_pipeline.core.ports import PairText, Reply

LESS_STRICT: Mapping[str, str] = {"json_schema": "json_object", "json_object": "text"}
"""The next reply format to try."""


@dataclass(frozen=True)
class Look:
    """What became of one request.

    Attributes:
        pair: what it was about.
        outcome: graded, or why not.
        grade: where graded.
        detail: why there is no grade; it may quote the endpoint.
        reply: as received; None where none came.
        planned_tokens: input tokens it was planned at.
        expected: whether a probability-weighted grade could be read.
    """

    pair: PairText
    outcome: str
    grade: int | None
    detail: str | None
    reply: Reply | None
    planned_tokens: int
    expected: bool


@dataclass(frozen=True)
class Misfit:
    """One thing that does not fit.

    Attributes:
        sentence: what was seen.
        key: the settings key to change.
        value: what to write there; None where only a person knows.
        endpoint_field: the field of `endpoints.NAME` that the key is; None where it is another.
    """

    sentence: str
    key: str
    value: object = None
    endpoint_field: str | None = None


@dataclass(frozen=True)
class _Rule:
    """Words of a refusal, and the field of the endpoint that answers them.

    Attributes:
        words: a group in them is the number to write.
        field: of `endpoints.NAME`.
        value: what to write there; None: the number they name, or the next looser reply format.
    """

    words: re.Pattern[str]
    field: str
    value: object


def _rule(words: str, field: str, value: object) -> _Rule:
    return _Rule(re.compile(words, re.IGNORECASE | re.DOTALL), field, value)


_RULES = (
    _rule(r"use \W?max_completion_tokens", "output_limit", "max_completion_tokens"),
    _rule(r"max_completion_tokens", "output_limit", "max_tokens"),
    _rule(
        r"top_?logprobs.{0,80}?(?:at most|maximum(?: is| of)?|equal to|between 0 and|<=)\s*(\d+)", "top_logprobs", None
    ),
    _rule(r"log_?prob", "logprobs", value=False),
    _rule(r"response_format|json_schema|json_object|structured output|guided|grammar", "reply_format", None),
    _rule(r"\bseed\b", "seed", value=False),
    _rule(r"developer instruction|system\W{0,3}(role|message|instruction|prompt)", "system_role", "fold"),
    _rule(r"role\W{0,30}developer|developer\W{0,20}role", "system_role", "system"),
    _rule(r"role\W{0,30}system|roles must alternate", "system_role", "fold"),
)
"""Fields by the words with which endpoints refuse them, the most exact first."""

_PARAMETER = re.compile(r"\b(temperature|top_p|top_k|reasoning_effort|stop|presence_penalty|frequency_penalty)\b")


def refused(member: Member, words: str) -> Misfit:
    """What to change where the endpoint refuses every request, by the words it says so with.

    Args:
        member: the judge that was refused.
        words: our sentence, which quotes the endpoint's.
    """
    at = f"endpoints.{member.endpoint}"
    if "rejects the API key" in words:
        return Misfit(words, f"{at}.api_key_env (or api_key_header, where it takes the key in another header)")
    if "no credit left" in words:
        return Misfit(words, "none of the settings: the account")
    for rule in _RULES:
        said = rule.words.search(words)
        if said is not None and (value := _value(rule, said, member)) is not None:
            return Misfit(words, f"{at}.{rule.field}", value, rule.field)
    if named := _PARAMETER.search(words):
        return Misfit(words, f"candidates[].parameters.{named.group(1)} of {member.name}, or {at}.parameters")
    if "knows no model" in words:
        return Misfit(words, f"candidates[].models ({member.model}), or {at}.base_url")
    return Misfit(words, f"{at}.base_url, or what its words name")


def _value(rule: _Rule, said: re.Match[str], member: Member) -> object:
    if rule.field == "reply_format":
        return LESS_STRICT.get(member.shape.reply_format)
    return int(said.group(1)) if rule.field == "top_logprobs" else rule.value


def misfits(member: Member, looks: Sequence[Look]) -> tuple[Misfit, ...]:
    """What does not fit, by what was seen in ``looks``; empty where everything does."""
    return tuple({found.key: found for found in _found(member, looks)}.values())


def _found(member: Member, looks: Sequence[Look]) -> Iterator[Misfit]:
    at, candidate = f"endpoints.{member.endpoint}", f"of candidate {member.name}"
    for look in looks:
        if look.outcome in {outcomes.FAILED, outcomes.REJECTED} and look.detail:
            yield refused(member, look.detail)
    unlike = sorted({look.reply.model for look in looks if look.outcome == outcomes.WRONG_MODEL and look.reply})
    if unlike:
        yield Misfit(
            f"model {member.model} was asked for, {', '.join(unlike)} answered: no grade of it counts",
            f"served_as {candidate}, if that is the same model under another name", unlike,
        )  # fmt: skip
    if any(look.outcome == outcomes.CUT for look in looks):
        limit = next(
            (name for name in ("max_tokens", "max_completion_tokens") if name in member.parameters), "max_tokens"
        )
        yield Misfit("a reply was cut at its output limit, reasoning included", f"parameters.{limit} {candidate}")
    unread = [look for look in looks if look.outcome == outcomes.MALFORMED]
    if unread:
        looser = LESS_STRICT.get(member.shape.reply_format)
        where = (f"{at}.reply_format", looser, "reply_format") if looser else (f"the prompt {candidate}", None, None)
        yield Misfit(f"{len(unread)} of {len(looks)} replies could not be read ({unread[0].detail})", *where)
    answered = [look for look in looks if look.reply is not None and look.outcome == outcomes.GRADED]
    if member.logprobs and answered and not any(look.expected for look in answered):
        yield Misfit("log-probabilities were asked for and not given", f"{at}.logprobs", False, "logprobs")
