"""The workers behind ``judge_pairs``: they pull asks from one iterator and share one state.

Order of things for one vote: journal or request, reply durable in the journal, served model checked, reply read, asked
again if unreadable.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from label_pipeline.core.boundary import WITHHELD, any_private
from label_pipeline.core.codes.outcomes import FAILED, GRADED, OVER_CAP, REJECTED, UNREADABLE, WRONG_MODEL
from label_pipeline.core.errors import ProviderRejectedError, ProviderUnavailableError, ServedModelError
from label_pipeline.core.judging.advance import Advance
from label_pipeline.core.judging.answers import Answer, Used
from label_pipeline.core.judging.asks import Ask, Prepared, distinct_asks, prepare
from label_pipeline.core.judging.budget import Budget
from label_pipeline.core.judging.first_replies import FirstReplies
from label_pipeline.core.judging.noticed import Noticed
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.receipts import OpenReceipt, intent_to_send
from label_pipeline.core.judging.refusals import Refusals
from label_pipeline.core.judging.reply import Reading, read_reply
from label_pipeline.core.judging.sending import SENDING, Sending
from label_pipeline.core.ports import ChatClient, Clock, Journal, Paid, Progress, Reply

FAILURES_IN_A_ROW = 20
"""Requests in a row without an answer (each after all its retries) that mean the endpoint is down, not the request."""

_LOG = logging.getLogger(__name__)


class Workers:
    """The state that the workers of one ``judge_pairs`` share.

    Attributes:
        asks: every distinct ask.
        requests: requests sent so far.
        budget: what was paid, and whether the cap was reached.
        noticed: what the replies of this run show together.
    """

    def __init__(
        self, order: JudgingOrder, client: ChatClient, journal: Journal, concurrency: int, clock: Clock,
        progress: Progress | None, drain_s: float, run_id: str,
    ) -> None:  # fmt: skip
        self.asks: list[Ask] = distinct_asks(order)
        self.requests = 0
        self.budget = Budget(order, self.asks)
        self._order, self._member, self._client, self._journal = order, order.member, client, journal
        self._clock, self._progress, self._drain_s, self._run_id = clock, progress, drain_s, run_id
        self._private = any_private(order.pairs)
        self._under_way = 0
        self._count = max(1, min(concurrency, len(self.asks)))
        self._feed = prepare(range(len(self.asks)), self.asks, order, journal)
        self._answers: dict[int, Answer] = {}
        self._scouted = asyncio.Event()
        self._error: BaseException | None = None
        self._stopping = False
        self._kept = self._unanswered = 0
        self._refusals = Refusals()
        self.noticed = Noticed(order.member)
        self._sendings: list[Sending] = []
        self._votes_left = [order.member.votes] * len(order.pairs)
        self._done = 0
        self._first = FirstReplies(order.member, order.gives_up)
        self._ungraded: Counter[str] = Counter()

    async def finish(self) -> list[Answer]:
        """Every ask's answer, in order. Raises the first error, once nothing is under way any more."""
        self._sendings = [Sending([self._refuse_stopped]) for _ in range(self._count)]
        workers = [asyncio.create_task(self._work(own, scout=i == 0)) for i, own in enumerate(self._sendings)]
        try:
            await asyncio.wait(workers)
        except asyncio.CancelledError:
            self._stopping = True
            self.budget.stop()
            await self._drain(workers)
            raise
        await asyncio.gather(*workers, return_exceptions=True)  # marks every error as seen; the first one is raised
        if self._error is not None:
            raise self._error
        return [self._answers[number] for number in range(len(self.asks))]

    def paid(self) -> list[tuple[Ask, Answer]]:
        """The asks that got a reply so far, in order; also those given up after an unreadable one."""
        known = ((self.asks[number], answer) for number, answer in sorted(self._answers.items()))
        return [(ask, a) for ask, a in known if a.model is not None or a.input_tokens or a.output_tokens]

    async def _drain(self, workers: Sequence[asyncio.Task[None]]) -> None:
        for worker, sending in zip(workers, self._sendings, strict=True):
            if sending.queued:  # it was not sent, so it is not waited for
                worker.cancel()
        with suppress(asyncio.CancelledError):  # a second interrupt: give up now; the caller raises the first one
            await asyncio.wait(workers, timeout=self._drain_s)
        if self._under_way:
            _LOG.warning(
                "gave up %d requests under way to endpoint %s (judge %s): the provider may charge for them, and the "
                "next run sends them again",
                self._under_way, self._member.endpoint, self._member.name,
            )  # fmt: skip
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _work(self, sending: Sending, *, scout: bool) -> None:
        SENDING.set(sending)  # of this task only
        if not scout:
            await self._scouted.wait()
        try:
            for prepared in self._feed:
                if self._stopping:
                    return
                self._answers[prepared.number] = await self._answer(prepared)
                self.budget.end(prepared.number)
                self._first.look(self._answers[prepared.number], self.asks[prepared.number].rows[0])
                self._tell(prepared.number)
                if prepared.number % 100 == 0:
                    await asyncio.sleep(0)  # a run answered by the journal never waits, and must still hear a cancel
        except BaseException as error:
            self._error = self._error or error
            self._stopping = True
            self.budget.stop()
            raise
        finally:
            self._scouted.set()

    async def _answer(self, prepared: Prepared) -> Answer:
        spent = Used()
        attempt = 0
        while True:
            reply = prepared.reply
            reused = reply is not None and self._accepts(reply)
            if reply is None or not reused:
                received = await self._send(prepared, attempt)
                if isinstance(received, Reading):
                    return self._record(prepared, attempt, received, None, spent)
                reply = received
                if not self._accepts(reply):
                    raise self._other_model(prepared, attempt, reply, spent)
                self._scouted.set()
            self._kept += reused
            spent.add(reply, self._member.price, sent=not reused)
            reading = read_reply(reply, self._member.scale)
            attempt += 1
            if reading.outcome not in UNREADABLE or attempt == self._member.attempts:
                return self._record(prepared, attempt - 1, reading, reply, spent)
            [prepared] = prepare([prepared.number], self.asks, self._order, self._journal, attempt)

    async def _send(self, prepared: Prepared, attempt: int) -> Reply | Reading:
        """The durable reply to one request, or why there is none.

        No answer may come yet and is no evidence about the judge; a no to this one text is an answer, and a final one.
        """
        if self._stopped():
            return Reading(FAILED, detail="the run was stopped")
        if not await self.budget.admit(prepared):
            if self._stopped():
                return Reading(FAILED, detail="the run was stopped")
            return Reading(OVER_CAP, detail=f"over the cap: {self.budget.told}; raise it and run again")
        if self._stopped():
            return Reading(FAILED, detail="the run was stopped")
        sending = SENDING.get() or Sending()
        received = await self._exchange(prepared, attempt, sending)
        if isinstance(received, Reply):
            return received
        if self._stopped() and sending.queued:
            self.requests -= 1
            return Reading(FAILED, detail="the run was stopped")
        # Outside the except block: what is raised here has no __context__ that repeats the provider's words.
        if isinstance(received, ProviderUnavailableError):
            self._check_alive(received)
            return Reading(FAILED, detail=str(received))
        self._check_welcome(received)
        return Reading(REJECTED, detail=f"the endpoint rejects this text: {received}")

    async def _exchange(
        self, prepared: Prepared, attempt: int, sending: Sending
    ) -> Reply | ProviderUnavailableError | ProviderRejectedError:
        """One request under its receipt: the durable reply, or what the client says instead."""
        intent = intent_to_send(
            self._order,
            self.asks[prepared.number],
            prepared.key,
            attempt,
            self._run_id,
            self.budget.greatest_usd(prepared),
        )
        receipt = OpenReceipt(self._journal, intent)
        sending.begin(lambda: receipt.write_down(sending.lost))
        self.requests += 1
        self._under_way += 1
        try:
            reply = await self._client.complete(prepared.body)
            if receipt.number is None:  # a client that does not tell its tries is paid all the same
                await receipt.write_down(0)
            return await self._keep(prepared, reply, receipt.number, sending.lost)
        except (ProviderUnavailableError, ProviderRejectedError) as error:
            receipt.close(sending)
            return error
        except BaseException:
            if sending.queued:  # it waited for its turn, so nothing more of it is under way
                receipt.close(sending)
            raise
        finally:
            self._under_way -= 1
            self.budget.lose(prepared, sending.lost)

    def _stopped(self) -> bool:
        return self._stopping

    def _refuse_stopped(self) -> None:
        if self._stopping:
            raise ProviderUnavailableError("the run was stopped before this request was sent")

    async def _keep(self, prepared: Prepared, reply: Reply, receipt: int | None, lost: int) -> Reply:
        self._unanswered = 0
        self._refusals.answered()
        self.noticed.see(prepared.body, reply)
        usd = self._member.price.cost_usd(reply.input_tokens, reply.cached_tokens, reply.output_tokens)
        await self._journal.remember(prepared.key, reply, receipt, Paid(usd, self._accepts(reply), lost))
        self._kept += 1
        self.budget.pay(usd)
        self.budget.answered(prepared.number)
        return reply

    def _accepts(self, reply: Reply) -> bool:
        return self._order.accepts(reply.model)

    def _other_model(self, prepared: Prepared, attempt: int, reply: Reply, spent: Used) -> ServedModelError:
        """Books the reply of a model that is not accepted, and says so."""
        wanted = self._order.served or self._member.model
        spent.add(reply, self._member.price, sent=True)
        reading = Reading(WRONG_MODEL, detail=f"answered by model {reply.model}, expected {wanted}")
        self._answers[prepared.number] = self._record(prepared, attempt, reading, reply, spent)
        return ServedModelError(
            f"endpoint {self._member.endpoint} answered with model {reply.model}, expected {wanted} "
            f"(judge {self._member.name}): no grade of it counts. If it is the same model under another name, "
            "add it to `served_as`; if the provider changed the model, calibrate and certify again"
        )

    def _sayable(self, failure: ProviderUnavailableError | ProviderRejectedError) -> str:
        """What an error may say: the provider's words may quote the request, and customer text stays inside."""
        if not self._private:
            return str(failure)
        return f"{failure.bare} [{WITHHELD}]" if failure.bare else WITHHELD

    def _check_alive(self, error: ProviderUnavailableError) -> None:
        self._scouted.set()
        self._unanswered += 1
        # An endpoint that never answered is given up sooner than one that did, in this run or by the journal's memory.
        limit = FAILURES_IN_A_ROW if self._kept else min(FAILURES_IN_A_ROW, self._count)
        if self._unanswered >= limit:
            raise ProviderUnavailableError(
                f"endpoint {self._member.endpoint} left {self._unanswered} requests in a row unanswered, the last one: "
                f"{self._sayable(error)}. {self._kept} of {len(self.asks)} replies are kept; run again when it is back"
            ) from (None if self._private else error)

    def _check_welcome(self, error: ProviderRejectedError) -> None:
        why = self._refusals.refused(error, known_before=self._kept > 0)
        if why is None:
            self._scouted.set()
            return
        if not why:
            if not self._private:
                raise error
            raise ProviderRejectedError(self._sayable(error))
        raise ProviderRejectedError(
            f"endpoint {self._member.endpoint} {why} of judge {self._member.name}, the last one: {self._sayable(error)}"
        ) from (None if self._private else error)

    def _record(self, prepared: Prepared, attempt: int, reading: Reading, reply: Reply | None, spent: Used) -> Answer:
        return Answer(
            key=prepared.key,
            attempt=attempt,
            reading=reading,
            model=reply.model if reply else None,
            fingerprint=reply.fingerprint if reply else None,
            served_by=reply.served_by if reply else None,
            input_tokens=spent.input_tokens,
            cached_tokens=spent.cached_tokens,
            output_tokens=spent.output_tokens,
            cost_usd=spent.cost_usd,
            latency_s=reply.latency_s if reply else 0.0,
            reused=reply is not None and spent.requests == 0,
            judged_at=self._clock(),
        )

    def _tell(self, number: int) -> None:
        ask, before, outcome = self.asks[number], self._done, self._answers[number].reading.outcome
        if outcome != GRADED:
            self._ungraded[outcome] += 1
        for row in ask.rows:
            self._votes_left[row] -= 1
            self._done += self._votes_left[row] == 0
        if self._progress is not None and self._done > before:
            self._progress(Advance(self._done, len(self._order.pairs), self.budget.paid_usd, dict(self._ungraded)))
