"""A day of labels by batch: its requests are sent, and the day waits until each has a reply; then it is labelled.

Labelling itself is as online (amplify_chunks.py): it finds the replies in the journal, asks what few are left, and
looks at verdict, host and canary again. So a day is labelled as a whole, under the epoch its batches were sent in:
where another verdict stands by then, its requests have other keys, and what was paid for is booked and rests unused.
Keep out: batches themselves (batches.py), and what they must prove first (batch_canary.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from label_pipeline.core.judging.asks import distinct_asks
from label_pipeline.core.judging.batches.requests import BatchRequest
from label_pipeline.operations import batches
from label_pipeline.operations.amplify_caps import Room
from label_pipeline.operations.amplify_chunks import Begin, Refusal, Task
from label_pipeline.operations.amplify_stream import Chunk, DayStream
from label_pipeline.operations.batch_canary import stand_batch_canary
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run

BATCH = "batch"
"""The word of `amplify.send`."""


@dataclass(frozen=True)
class Sent:
    """What became of one collection's day.

    Attributes:
        waits: what it waits for, a sentence; None where it is to be labelled now.
        refusal: why nothing of it may be sent or labelled; the day is booked as refused.
        usd: what was paid now, and what the batches sent now may cost at most.
    """

    waits: str | None = None
    refusal: Refusal | None = None
    usd: float = 0.0


LABEL_NOW = Sent()


@dataclass(frozen=True)
class _Survey:
    """Requests of a day: all, those that wait in a batch, and those to be sent by one."""

    total: int = 0
    waiting: int = 0
    fresh: int = 0


def goes_by_batch(project: Project, task: Task) -> bool:
    """Whether settings send this collection's day by batch: the judge's endpoint has a Batch API."""
    return project.settings.amplify.send == BATCH and batches.settings_of(project, task.member) is not None


def send_day(run: Run, project: Project, task: Task, begin: Begin, left: Room, refused: frozenset[str]) -> Sent:
    """Sends what of a day is to go by batch and does not wait there. Call it while holding the spending lock.

    A day sent online waits too for what of it was sent by batch before: asked again, it would be paid for twice.

    Args:
        run: who asks.
        project: the project.
        task: the collection's day; its stream is not read.
        begin: what must be done before the first request.
        left: what may be spent.
        refused: keys of requests whose text a batch was refused: they are asked online.

    Raises:
        JudgeError: the endpoint cannot do it.
    """
    by_batch = goes_by_batch(project, task)
    if not by_batch and not batches.waits_at(project, task.member.endpoint):
        return LABEL_NOW
    found = _survey(run, project, task, refused)
    stated = batches.settings_of(project, task.member)
    few = found.fresh <= (stated.rest_share if stated else 0.0) * found.total
    if not by_batch or few:
        return Sent(_waits(task, found)) if found.waiting else LABEL_NOW
    sending = _Sending(run, project, task, begin, left, refused)
    if sending.send() or found.waiting or sending.delayed:
        return Sent(_waits(task, found, sending.why), usd=sending.usd)
    return Sent(refusal=sending.refusal, usd=sending.usd)


def _waits(task: Task, found: _Survey, why: str = "") -> str:
    answered = found.total - found.waiting - found.fresh
    return f"[{task.collection}] {task.stream.day}: waiting, {answered} of {found.total}{why and f' ({why})'}"


def _chunks(task: Task) -> Iterator[Chunk]:
    """The chunks of the day with something to ask; the stream of ``task`` itself stays unread."""
    stream = DayStream(
        task.stream.project, task.stream.day, task.stream.standing, task.stream.inside, list(task.stream.slices)
    )
    while (chunk := stream.next_chunk()) is not None:
        if chunk.work.ask:
            yield chunk


def _survey(run: Run, project: Project, task: Task, refused: frozenset[str]) -> _Survey:
    found = _Survey()
    for chunk in _chunks(task):
        order = task.order(chunk.work.ask)
        requests, waiting = _requests(run, project, task, chunk)
        fresh = _fresh(requests, waiting, refused)
        found = _Survey(found.total + len(distinct_asks(order)), found.waiting + len(waiting), found.fresh + len(fresh))
    return found


def _requests(run: Run, project: Project, task: Task, chunk: Chunk) -> tuple[list[BatchRequest], set[str]]:
    """What an engine would send of a chunk, and the keys of what of it waits in a batch."""
    order = replace(task.order(chunk.work.ask), day=task.stream.day)
    with project.journal() as journal, batches.open_book(project) as book:
        requests = batches.to_send(project, order, journal, run.run_id)
        return requests, book.waiting([one.key for one in requests])


def _fresh(requests: Sequence[BatchRequest], waiting: set[str], refused: frozenset[str]) -> list[BatchRequest]:
    """Those that go by batch: a reply nobody could read is asked for once more online, and waits no second day."""
    return [one for one in requests if one.intent.attempt == 0 and one.key not in waiting and one.key not in refused]


class _Sending:
    """The requests of one day on their way, chunk by chunk, whole queries up to the cap.

    Attributes:
        usd: what was paid now, and what the batches sent now may cost at most.
        refusal: why nothing may be sent.
        delayed: whether something else must be answered first.
        why: what a person should know of the wait.
    """

    def __init__(
        self, run: Run, project: Project, task: Task, begin: Begin, left: Room, refused: frozenset[str]
    ) -> None:
        cheap = replace(task.member, price=batches.price_of(project, task.member))
        self._run, self._project, self._left, self._refused = run, project, left, refused
        self._task, self._begin = replace(task, member=cheap), begin
        self._source = task
        self.usd, self.why, self.delayed = 0.0, "", False
        self.refusal: Refusal | None = None

    def send(self) -> int:
        """Sends them; returns how many are under way because of it."""
        sent, begun = 0, False
        for chunk in _chunks(self._source):
            requests, waiting = _requests(self._run, self._project, self._source, chunk)
            fresh = _fresh(requests, waiting, self._refused)
            if not fresh:
                continue
            if not begun and not self._may_begin(chunk):
                return 0
            begun = True
            fit = self._within_cap(fresh)
            sent += self._submit(chunk, fit)
            if len(fit) < len(fresh):
                self.why = self.why or f"{self._left.key} leaves no room for more until it is collected"
            if self.why:
                break
        return sent

    def _may_begin(self, chunk: Chunk) -> bool:
        first = self._begin(self._task, chunk, self._left)
        self._spend(first.paid_usd)
        self.refusal = first.refusal
        if self.refusal is None:
            passed = stand_batch_canary(
                self._run, self._project, self._task.collection, self._task.stream.day, self._task.judge.judge_version,
                self._left, self._refused,
            )  # fmt: skip
            self._spend(passed.usd)
            self.refusal, self.delayed = passed.refusal, passed.waiting > 0
            if self.delayed:
                self.why = f"{passed.waiting} anchor pairs are asked by batch first"
        if self.refusal is not None:
            self.why = self.refusal[1]
        return self.refusal is None and not self.delayed

    def _spend(self, usd: float) -> None:
        self.usd += usd
        self._left = self._left._replace(usd=self._left.usd - usd)

    def _within_cap(self, requests: Sequence[BatchRequest]) -> list[BatchRequest]:
        """The first whole queries that the cap has room for, whatever their replies will take."""
        fit: list[BatchRequest] = []
        usd = 0.0
        for _, query in groupby(requests, lambda one: (one.intent.pair[0], one.intent.pair[2])):
            whole = list(query)
            usd += sum(one.intent.greatest_usd for one in whole)
            if usd > self._left.usd:
                break
            fit += whole
        return fit

    def _submit(self, chunk: Chunk, requests: Sequence[BatchRequest]) -> int:
        """Sends requests of one chunk; returns how many are under way, or may be."""
        if not requests:
            return 0
        order = replace(self._source.order(chunk.work.ask), day=self._source.stream.day)
        found = batches.send(self._run.run_id, self._project, order, requests)
        unsent = {*found.left, *found.too_large}
        under_way = [one for one in requests if one.key not in unsent]
        self._spend(sum(one.intent.greatest_usd for one in under_way))
        for batch in found.batches:
            self._run.log.info(f"[{self._source.collection}] batch {batch.batch_id}: {batch.requests} requests sent")
        for reservation, why in found.quarantined:
            self._run.log.warning(f"batch {reservation} is in quarantine, and its requests wait: {why}")
        if found.left:
            self.delayed, self.why = True, "the provider's queue has no room for more until it is collected"
        if found.unsure:
            self.why = (
                "the provider did not say whether it created a batch; it is looked for when batches are collected"
            )
        return len(under_way)
