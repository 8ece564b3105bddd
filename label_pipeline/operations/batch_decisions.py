"""What a person decides about a batch in quarantine, whose fate nobody can tell: it is that one, or it is lost.

Call both while holding the spending lock. Keep out: why a batch is in quarantine (core/judging/batches/adopting.py).
"""

from label_pipeline.core.errors import NotApplicableError
from label_pipeline.core.judging.batches.collecting import release, take_over
from label_pipeline.core.judging.batches.record import QUARANTINED, BatchRecord
from label_pipeline.core.judging.running import run_judging
from label_pipeline.operations import batches, endpoints
from label_pipeline.operations.amplify_orphans import book_orphans
from label_pipeline.operations.payments import settle_left
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run


def quarantined(project: Project) -> list[BatchRecord]:
    """The batches a person has to decide about, oldest first."""
    if not project.journal_path.exists():
        return []
    with batches.open_book(project) as book:
        return [one for one in book.open() if one.state == QUARANTINED]


def give_up(run: Run, project: Project, name: str, *, possibly_paid: bool) -> str:
    """Frees the requests of a batch in quarantine, so that they are sent again; returns how it stands, a sentence.

    Args:
        run: who decides.
        project: the project.
        name: its name in the book, or the beginning of one.
        possibly_paid: what its requests may have cost at most is booked as possibly paid.

    Raises:
        NotApplicableError: no batch in quarantine is called so, or several.
    """
    batch = _named(project, name)
    with batches.open_book(project) as book:
        news = release(batch, book, possibly_paid=possibly_paid)
    settle_left(project, run.log, batch.terms.run_id)
    book_orphans(project, run.log, killed=False)
    return f"{news.sentence}; its requests may be sent again"


def adopt(project: Project, name: str, batch_id: str) -> str:
    """Says that a batch in quarantine is this one of the provider's; returns a sentence.

    Args:
        project: the project.
        name: its name in the book, or the beginning of one.
        batch_id: name at the provider of a batch that nobody else collects.

    Raises:
        NotApplicableError: no batch in quarantine is called so, or several, or the provider's is of other requests.
        JudgeError: the provider does not answer.
    """
    batch = _named(project, name)
    endpoint = batch.terms.endpoint

    async def adopted() -> None:
        client = endpoints.batch_client(project.settings.endpoints[endpoint], endpoint)
        try:
            with batches.open_book(project) as book:
                await take_over(batch, batch_id, client=client, book=book)
        finally:
            await client.close()

    try:
        run_judging(adopted())
    except ValueError as error:
        raise NotApplicableError(str(error)) from error
    return f"batch {batch_id} is taken over with its {batch.requests} requests: the next run collects it"


def _named(project: Project, name: str) -> BatchRecord:
    held = quarantined(project)
    found = [one for one in held if one.reservation.startswith(name)]
    if len(found) != 1:
        known = ", ".join(one.reservation for one in held) or "none"
        raise NotApplicableError(
            f"{len(found)} batches in quarantine have a name that begins with {name!r}; there are: {known}; "
            "`label-pipeline batches` lists them"
        )
    return found[0]
