"""The Batch API of a project's endpoints: what waits there, requests sent, replies collected and booked.

Everything here takes seconds and is done under the spending lock; while batches wait nobody holds it. Keep out: which
requests, and what waiting means for a day of labels (amplify_batch.py); how a batch goes on (core/judging/batches).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

from label_pipeline.adapters.batch_book import SQLiteBatchBook
from label_pipeline.adapters.lease import confirm_held
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError, ServedModelError, SettingsError
from label_pipeline.core.judging.batches.collecting import Collected, collect
from label_pipeline.core.judging.batches.cutting import FileLimits
from label_pipeline.core.judging.batches.news import BatchNews, news_of
from label_pipeline.core.judging.batches.pricing import batch_price
from label_pipeline.core.judging.batches.record import QUARANTINED
from label_pipeline.core.judging.batches.requests import BatchRequest, requests_of, terms_of
from label_pipeline.core.judging.batches.submitting import Submission, submit
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.running import run_judging
from label_pipeline.core.ports import Journal, Price
from label_pipeline.operations import endpoints
from label_pipeline.operations.amplify_orphans import book_orphans
from label_pipeline.operations.payments import settle_left
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.settings import BatchSettings


@contextmanager
def open_book(project: Project) -> Iterator[SQLiteBatchBook]:
    """The book of batches on this machine's disk; it is the journal's file."""
    with SQLiteBatchBook(project.journal_path, project.clock) as book:
        yield book


def held_usd(project: Project) -> float:
    """US dollars that requests which wait in batches may cost at most: spent, as far as a cap is concerned."""
    if not project.journal_path.exists():
        return 0.0
    with open_book(project) as book:
        return book.held_usd()


def waits_at(project: Project, endpoint: str) -> bool:
    """Whether a batch of this endpoint is not over."""
    if not project.journal_path.exists():
        return False
    with open_book(project) as book:
        return bool(book.open(endpoint))


def told(project: Project) -> list[str]:
    """How every batch that is not over stands, as it is written down: a sentence each. Asks nobody."""
    if not project.journal_path.exists():
        return []
    with open_book(project) as book:
        return [f"{one.terms.endpoint}: {news_of(one, book).sentence}" for one in book.open()]


def days_waiting(project: Project) -> list[date]:
    """The label days that wait for a batch, oldest first; not those whose batch a person has to decide about."""
    if not project.journal_path.exists():
        return []
    with open_book(project) as book:
        found = {one.terms.day for one in book.open() if one.state != QUARANTINED}
    return sorted(day for day in found if day is not None)


def settings_of(project: Project, member: Member) -> BatchSettings | None:
    """What is stated of the Batch API of a member's endpoint; None where it is asked online only."""
    return project.settings.endpoints[member.endpoint].batch


def price_of(project: Project, member: Member) -> Price:
    """The price of one request of ``member`` by batch; the list price where its endpoint has no Batch API."""
    stated = settings_of(project, member)
    return member.price if stated is None else batch_price(member.price, stated.price_share)


def to_send(project: Project, order: JudgingOrder, journal: Journal, run_id: str) -> list[BatchRequest]:
    """What an engine would send for ``order``, priced by batch; what waits in a batch is among it."""
    return requests_of(order, journal, run_id, price_of(project, order.member))


def send(run_id: str, project: Project, order: JudgingOrder, requests: Sequence[BatchRequest]) -> Submission:
    """Sends ``requests`` of ``order`` by batch. Call it while holding the spending lock; keep the cap before it.

    Raises:
        JudgeError: the endpoint takes no batch of this account or model, or does not answer.
    """
    confirm_held()
    name, stated = order.member.endpoint, settings_of(project, order.member)
    limits = FileLimits(enqueued_tokens=stated.enqueued_tokens if stated else None)

    async def sent() -> Submission:
        client = endpoints.batch_client(project.settings.endpoints[name], name)
        try:
            terms = terms_of(order, await client.account(), run_id, price_of(project, order.member))
            with open_book(project) as book:  # in the thread that uses it
                return await submit(requests, terms, client=client, book=book, clock=project.clock, limits=limits)
        finally:
            await client.close()

    return run_judging(sent())


class Ready(NamedTuple):
    """What came of collecting.

    Attributes:
        refused: keys of requests whose text was refused.
        troubles: why batches of an endpoint could not be looked at, a sentence each; they wait on.
    """

    refused: frozenset[str] = frozenset()
    troubles: tuple[str, ...] = ()


def collect_ready(run: Run, project: Project) -> Ready:
    """Collects what is ready at every endpoint, and books it.

    Replies are booked under the run that sent them, at the price of a batch, before anybody asks for their pairs. An
    endpoint that does not answer, or whose key is gone, keeps its own batches waiting and nothing else.

    Raises:
        ServedModelError: another model answered than the one the batch was sent for.
        ProviderRejectedError: the endpoint refuses every request of the judge.
    """
    if not project.journal_path.exists():
        return Ready()
    with open_book(project) as book:
        names = sorted({batch.terms.endpoint for batch in book.open()})
    news: list[BatchNews] = []
    troubles: list[str] = []
    try:
        for name in names:
            if name not in project.settings.endpoints:
                troubles.append(f"batches wait at endpoint {name!r}, which settings state no more: put it back")
                continue
            confirm_held()
            try:
                found = run_judging(_collected(project, name))
            except (ProviderRejectedError, ProviderUnavailableError, SettingsError) as error:
                troubles.append(f"batches wait at endpoint {name!r}, which cannot be asked: {error}")
                continue
            news += found.news
            for sentence in (*(one.sentence for one in found.news), *(why for _, why in found.troubles)):
                run.log.info(f"{name}: {sentence}")
    finally:
        for run_id in sorted({one.batch.terms.run_id for one in news}):
            settle_left(project, run.log, run_id)
        if news:
            book_orphans(project, run.log, killed=False)
    for trouble in troubles:
        run.log.warning(trouble)
    _refuse_strangers(news)
    return Ready(frozenset(key for one in news for key in one.refused), tuple(troubles))


async def _collected(project: Project, name: str) -> Collected:
    client = endpoints.batch_client(project.settings.endpoints[name], name)
    try:
        with open_book(project) as book:
            return await collect(name, client=client, book=book, clock=project.clock)
    finally:
        await client.close()


def _refuse_strangers(news: Sequence[BatchNews]) -> None:
    for one in news:
        if one.other_model:
            raise ServedModelError(
                f"{one.sentence}; {one.other_model} replies are of another model than {one.batch.terms.model}: they "
                "are booked and kept, and no label rests on them. Materialise anchor_run, which finds out what changed"
            )
        if one.stopped:
            raise ProviderRejectedError(
                f"{one.sentence}; the provider refuses every request like these: correct the account, the model or its "
                "parameters, then run again"
            )
