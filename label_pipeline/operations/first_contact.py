"""The first few requests to a judge: real pairs of train, priced, booked under purpose `check`, and looked at.

Nothing is asked here that a calibration would not ask; its journal answers the same pairs afterwards. With ``fitted``
the settings of the endpoint are changed, one misfit after the other, until they fit. Keep out: what does not fit
(core/judging/misfits.py), showing it (cli/ask.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from label_pipeline.core.codes import outcomes
from label_pipeline.core.codes.purposes import CHECK
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError
from label_pipeline.core.judging.asks import distinct_asks, prepare
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.misfits import Look, Misfit, misfits, refused
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import Plan, refuse_over, request_tokens
from label_pipeline.core.ports import PairText
from label_pipeline.operations.epochs import current_epoch
from label_pipeline.operations.judging import ask_and_store, price
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.operations.spending import spending
from label_pipeline.settings import EndpointSettings

MOST_TRIES = 8
"""Settings of one endpoint that are tried in turn: more fields than that do not differ."""


@dataclass(frozen=True)
class Contact:
    """What a first contact with one judge showed.

    Attributes:
        member: the judge, as it was asked last.
        looks: every request.
        misfits: what does not fit; empty where all does.
        changed: fields of its endpoint that were changed to get there.
        cost_usd: US dollars.
        noticed: what the replies show together, as sentences.
        failure: why nothing was asked or answered, in the words of the endpoint; None elsewhere.
    """

    member: Member
    looks: tuple[Look, ...]
    misfits: tuple[Misfit, ...]
    changed: dict[str, object]
    cost_usd: float
    noticed: tuple[str, ...] = ()
    failure: str | None = None

    @property
    def graded(self) -> int:
        """Requests of it that gave a grade."""
        return sum(look.outcome == outcomes.GRADED for look in self.looks)

    @property
    def fits(self) -> bool:
        """Whether every request gave a grade and nothing is amiss; what was not asked, or not answered, is no proof."""
        return 0 < self.graded == len(self.looks) and not self.misfits and self.failure is None


def plan_contacts(project: Project, pairs: Sequence[PairText]) -> Plan:
    """What asking every judge about ``pairs`` costs at most; sends nothing."""
    return sum((price(project, order, at_most=True) for order in _orders(project, pairs)), Plan())


def meet(run: Run, project: Project, pairs: Sequence[PairText], *, fit: bool = False) -> list[Contact]:
    """Asks every judge of the settings about ``pairs``.

    Args:
        run: who asks.
        project: the project.
        pairs: none of them customer text.
        fit: change the endpoint's settings, and ask again about the first pair, until they fit; within the same cap.

    Raises:
        BudgetError: without ``fit`` it may cost more than calibrate.cap_usd, or a price is unknown.
        BusyError: another run is asking a judge.
    """
    refuse_over(plan_contacts(project, pairs), project.settings.calibrate.cap_usd, "calibrate")
    found = []
    with spending(project, run.log):
        for order in _orders(project, pairs):
            contact = _ask(run, project, order, "")
            found.append(_fitted(run, project, order, contact) if fit and contact.misfits else contact)
    return found


def _orders(project: Project, pairs: Sequence[PairText]) -> list[JudgingOrder]:
    epoch, cap_usd = current_epoch(project), project.settings.calibrate.cap_usd
    return [JudgingOrder(member, pairs, CHECK, epoch, cap_usd=cap_usd) for member in project.members]


def _ask(run: Run, project: Project, order: JudgingOrder, part: str) -> Contact:
    """Asks within what is left of the cap: all judges, and everything that is tried with them, share it."""
    before = _paid_usd(run, project)
    try:
        judging = ask_and_store(run, project, replace(order, cap_usd=max(order.cap_usd - before, 0.0)), part)
    except (ProviderRejectedError, ProviderUnavailableError) as error:
        found = (refused(order.member, str(error)),) if isinstance(error, ProviderRejectedError) else ()
        return Contact(order.member, (), found, {}, _paid_usd(run, project) - before, failure=str(error))
    looks, noticed = tuple(_looks(project, order, judging.judgements)), tuple(judging.noticed.values())
    paid_usd = _paid_usd(run, project) - before
    return Contact(order.member, looks, misfits(order.member, looks), {}, paid_usd, noticed)


def _paid_usd(run: Run, project: Project) -> float:
    """What the run has paid so far, and may have: as it is booked, also where asking ended in an error."""
    booked = project.store("rank").read("payments", ["cost_usd", "possibly_usd"], {"run_id": run.run_id})
    return float(booked["cost_usd"].sum()) + float(booked["possibly_usd"].sum())


def _looks(project: Project, order: JudgingOrder, judgements: pl.DataFrame) -> list[Look]:
    pairs = {pair[:6]: pair for pair in order.pairs}
    found = []
    asks = distinct_asks(order)
    with project.journal() as journal:
        replies = journal.lookup(judgements["request_key"].to_list())
        planned = {one.key: request_tokens(one) for one in prepare(range(len(asks)), asks, order, journal)}
    for row in judgements.iter_rows(named=True):
        key = (row["task"], row["collection"], row["query_id"], row["doc_id"], row["doc_version"], row["context_id"])
        found.append(
            Look(
                pairs[key], row["outcome"], row["grade"], row["detail"], replies.get(row["request_key"]),
                planned.get(row["request_key"], 0), row["expected_grade"] is not None,
            )
        )  # fmt: skip
    return found


def _fitted(run: Run, project: Project, order: JudgingOrder, first: Contact) -> Contact:
    """The contact with the endpoint changed until it fits, or until no change is known; then all pairs once more."""
    changed: dict[str, object] = {}
    one, contact, cost_usd = replace(order, pairs=order.pairs[:1]), first, first.cost_usd
    for attempt in range(MOST_TRIES):
        new = {m.endpoint_field: m.value for m in contact.misfits if m.endpoint_field is not None}
        if not new or all(changed.get(name) == value for name, value in new.items()):
            break
        changed |= new
        fitted = _member(project, order.member, changed)
        contact = _ask(run, project, replace(one, member=fitted), f"fit {attempt}")
        cost_usd += contact.cost_usd
    if contact.fits and len(order.pairs) > 1:
        contact = _ask(run, project, replace(order, member=contact.member), "fitted")
        cost_usd += contact.cost_usd
    return replace(contact, changed=changed, cost_usd=cost_usd)


def _member(project: Project, member: Member, changed: dict[str, object]) -> Member:
    """The same judge at an endpoint with other settings; what is sent and hashed is made as settings make it."""
    before = project.settings.endpoints[member.endpoint]
    stated = {**before.model_dump(exclude_unset=True, exclude={"preset"}), **changed}
    endpoints = {**project.settings.endpoints, member.endpoint: EndpointSettings.model_validate(stated)}
    place = [one.member_hash for one in project.members].index(member.member_hash)
    return Project(project.settings.model_copy(update={"endpoints": endpoints}), project.clock).members[place]
