"""What a run would send and cost, before its first request.

Estimates are deliberately on the high side: a plan that passes the cap should not end over it.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from label_pipeline.core.boundary import sendable
from label_pipeline.core.codes.outcomes import UNREADABLE
from label_pipeline.core.errors import BudgetError
from label_pipeline.core.judging.asks import Prepared, distinct_asks, prepare
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.reply import read_reply
from label_pipeline.core.ports import Journal

BYTES_PER_TOKEN = 3
"""UTF-8 bytes counted as one token. English is nearer 4.5, Chinese and Japanese about 3: high in every language."""

MESSAGE_TOKENS = 120
"""Tokens a request is given for its frame and the reply's schema."""

RATIONALE_TOKENS = 300
"""Tokens a reply is given where no limit is lower: about 200 words and a grade."""

REASONING_TOKENS = {"none": 0, "minimal": 500, "low": 2000, "medium": 5000, "high": 15000}
"""Hidden reasoning tokens a reply is given by ``reasoning_effort``; an unknown effort counts as high."""

STANDARD_ERRORS = 2.0
"""How far above its mean a bill is planned, so that it is rarely passed."""

UNSTATED_EFFORT = "medium"
"""What is planned where neither an effort nor an output limit is stated: the model may reason as long as it likes."""


@dataclass(frozen=True)
class Plan:
    """What would be sent. Plans add up: ``sum(plans, Plan())``, or plain ``sum(plans)``.

    Attributes:
        pairs: pairs that get a judgement.
        requests: requests to send; identical ones count once.
        answered: asks the journal already answers.
        input_tokens: estimated tokens of the requests to send.
        output_tokens: estimated tokens of their replies.
        cost_usd: estimated US dollars; nan where a price is unknown.
        skipped_customer: pairs that may not go to this endpoint.
        notes: how the figures were made, as sentences.
    """

    pairs: int = 0
    requests: int = 0
    answered: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    skipped_customer: int = 0
    notes: tuple[str, ...] = ()

    def __add__(self, other: "Plan") -> "Plan":
        return Plan(
            self.pairs + other.pairs,
            self.requests + other.requests,
            self.answered + other.answered,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_usd + other.cost_usd,
            self.skipped_customer + other.skipped_customer,
            tuple(dict.fromkeys(self.notes + other.notes)),
        )

    def __radd__(self, other: int) -> "Plan":
        return self if other == 0 else NotImplemented


def estimate_tokens(text: str) -> int:
    """Tokens of ``text``, on the high side."""
    return math.ceil(len(text.encode("utf-8", "replace")) / BYTES_PER_TOKEN)


@dataclass(frozen=True)
class Measured:
    """What one reply of a member takes, from so many of its own (measured.py).

    Attributes:
        replies: that were measured.
        input_factor: input tokens through those that are planned by their bytes.
        input_spread: standard deviation of one request's input around it, in shares of the mean.
        cached_share: share of the input tokens served from cache.
        output_tokens: tokens of a reply.
        output_spread: standard deviation of one reply around it, in shares of the mean.
        requests: requests a vote, unreadable replies that were asked again included.
    """

    replies: int
    input_factor: float
    input_spread: float
    cached_share: float
    output_tokens: float
    output_spread: float
    requests: float

    def above(self, spread: float, count: int) -> float:
        """What a sum of ``count`` is planned at, in shares of the mean: two standard errors of its prediction up."""
        return 1.0 + STANDARD_ERRORS * spread * math.sqrt(1 / self.replies + 1 / count)


def plan(order: JudgingOrder, journal: Journal, measured: Measured | None = None) -> Plan:
    """Counts and prices what ``judge_pairs`` would send for the same order. Sends nothing.

    Args:
        order: what is to be judged by whom; customer pairs are skipped where the member's endpoint is outside.
        journal: replies already paid for.
        measured: what the member's own replies took; None plans by bytes and limits, on the high side.
    """
    member = order.member
    order, offered = replace(order, pairs=sendable(order.pairs, inside=member.inside)), len(order.pairs)
    asks = distinct_asks(order)
    per_reply = reply_tokens(member)
    requests = answered = input_tokens = largest = 0
    open_asks: Sequence[int] = range(len(asks))
    for attempt in range(member.attempts):
        unreadable = []
        for prepared in prepare(open_asks, asks, order, journal, attempt):
            if prepared.reply is None or not order.accepts(prepared.reply.model):
                requests += 1
                tokens = request_tokens(prepared)
                input_tokens, largest = input_tokens + tokens, max(largest, tokens)
            elif read_reply(prepared.reply, member.scale).outcome in UNREADABLE:
                unreadable.append(prepared.number)
            else:
                answered += 1
        open_asks = unreadable
    output_tokens, cached_tokens = requests * per_reply, 0
    if measured is not None and requests:
        again = measured.requests
        sent = input_tokens * measured.input_factor * again * measured.above(measured.input_spread, requests)
        cached_tokens = math.floor(sent * measured.cached_share)
        # and one at its greatest price: the last request is let out only while that fits below the cap
        input_tokens = math.ceil(sent) + largest
        written = requests * measured.output_tokens * again * measured.above(measured.output_spread, requests)
        output_tokens = math.ceil(written) + most_reply_tokens(member)
    return Plan(
        pairs=len(order.pairs),
        requests=requests,
        answered=answered + len(open_asks),  # asked as often as allowed and still unreadable: nothing more is sent
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cost_usd=member.price.cost_usd(input_tokens, cached_tokens, output_tokens) if requests else 0.0,
        skipped_customer=offered - len(order.pairs),
        notes=_notes(member, per_reply, order.purpose, measured),
    )


def any_to_send(order: JudgingOrder, journal: Journal) -> bool:
    """Whether ``judge_pairs`` would send anything for the same order; looks no further than the first it would."""
    member, asks = order.member, distinct_asks(order)
    unreadable = False
    for prepared in prepare(range(len(asks)), asks, order, journal):
        if prepared.reply is None or not order.accepts(prepared.reply.model):
            return True
        unreadable = unreadable or read_reply(prepared.reply, member.scale).outcome in UNREADABLE
    return unreadable and plan(order, journal).requests > 0


def refuse_over(plan: Plan, cap_usd: float, stage: str) -> None:
    """Raises unless the plan's cost is known and within the cap.

    Raises:
        BudgetError: with both figures and what to do.
    """
    if math.isnan(plan.cost_usd):
        raise BudgetError(
            f"{stage}: {plan.requests} requests to send and no known price; "
            "state `price` for the model in settings (0 if it is free)"
        )
    if plan.cost_usd > cap_usd:
        raise BudgetError(
            f"{stage}: the plan costs about {plan.cost_usd:.4f} US dollars ({plan.requests} requests, "
            f"{plan.input_tokens} input and {plan.output_tokens} output tokens), the cap is {cap_usd:.4f}; "
            "nothing was sent: raise the cap, or send fewer pairs or votes"
        )


def request_tokens(prepared: Prepared) -> int:
    """Tokens of one request, on the high side."""
    messages = prepared.body["messages"]
    assert isinstance(messages, list)  # made by Member.body
    return MESSAGE_TOKENS + sum(estimate_tokens(str(message["content"])) for message in messages)


def reply_tokens(member: Member) -> int:
    """Tokens a reply of ``member`` may have: its output limit, or what is planned where it states none."""
    effort = UNSTATED_EFFORT if _unlimited(member) else effort_of(member.parameters)
    reasoning = 0 if effort is None else REASONING_TOKENS.get(str(effort), REASONING_TOKENS["high"])
    return min([RATIONALE_TOKENS + reasoning, *_limits(member)])


def effort_of(fields: Mapping[str, object]) -> object:
    """The reasoning effort a request states: ``reasoning_effort``, or OpenRouter's ``reasoning.effort``."""
    nested = fields.get("reasoning")
    stated = nested.get("effort") if isinstance(nested, Mapping) else None
    return fields.get("reasoning_effort", stated)


def most_reply_tokens(member: Member) -> int:
    """Tokens a reply may have at most: the stated output limit; what is planned where there is none."""
    return min(_limits(member), default=reply_tokens(member))


def at_most(found: Plan, member: Member) -> Plan:
    """``found`` with every reply as long as the judge's output limit allows."""
    output_tokens = found.requests * most_reply_tokens(member)
    cost_usd = member.price.cost_usd(found.input_tokens, 0, output_tokens) if found.requests else 0.0
    return replace(found, output_tokens=output_tokens, cost_usd=cost_usd)


def _limits(member: Member) -> list[int]:
    stated = [member.parameters.get(name) for name in ("max_tokens", "max_completion_tokens")]
    return [limit for limit in stated if isinstance(limit, int)]


def _unlimited(member: Member) -> bool:
    return not _limits(member) and effort_of(member.parameters) is None


def _notes(member: Member, per_reply: int, purpose: str, measured: Measured | None) -> tuple[str, ...]:
    notes = [
        f"{purpose}: {member.name} is planned at one token per {BYTES_PER_TOKEN} bytes of text, {per_reply} tokens a "
        "reply, no cache discount and every reply readable at once"
        if measured is None
        else f"{purpose}: {member.name} is planned by {measured.replies} replies of its own: "
        f"{measured.output_tokens:.0f} tokens a reply, {measured.cached_share:.0%} of the input from cache, "
        f"{measured.requests:.2f} requests a vote",
    ]
    if member.votes > 1 and not member.vary_seed and member.parameters.get("temperature") == 0:
        notes.append(
            f"{purpose}: {member.name} pays for {member.votes} votes that will be equal (no seed, temperature 0)"
        )
    if _unlimited(member) and measured is None:
        notes.append(
            f"{purpose}: {member.name} states neither max_tokens, max_completion_tokens nor reasoning_effort, so "
            f"{REASONING_TOKENS[UNSTATED_EFFORT]} reasoning tokens a reply are planned; state one for a closer plan"
        )
    return tuple(notes)
