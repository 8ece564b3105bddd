"""A run's money: paid, under way, and whether one more request may go out. The cap cannot be overshot.

What is under way is held at its greatest price: input on the high side (plan.py), output as long as the judge's stated
limit allows. A judge that states no limit may write more than is planned for it, and end above its cap.
"""

import asyncio
from collections.abc import Mapping, Sequence

from label_pipeline.core.judging.asks import Ask, Prepared
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.plan import estimate_tokens, most_reply_tokens, request_tokens


class Budget:
    """What one ``judge_pairs`` may spend. Its methods are called from one event loop.

    With ``order.whole_queries`` a query is begun only when all its requests fit, so that a reached cap leaves no query
    half labelled; the first one that does not fit ends the run, in the order of the plan.

    Attributes:
        paid_usd: US dollars paid so far.
        lost_usd: US dollars that tries whose answer never came may have cost: possibly paid, so there is no room there.
        spent: a request was refused for want of room; none is let out after it.
    """

    def __init__(self, order: JudgingOrder, asks: Sequence[Ask]) -> None:
        self.paid_usd, self.lost_usd, self.spent = 0.0, 0.0, False
        self._order, self._asks = order, asks
        self._stopped = False
        self._free = not any(order.member.price)
        self._per_reply = most_reply_tokens(order.member)
        self._frame: int | None = None
        self._held: dict[int, float] = {}
        self._held_usd = 0.0
        self._out: set[int] = set()
        self._ended: set[int] = set()
        self._admitted: set[int] = set()
        self._changed, self._turn = asyncio.Event(), asyncio.Lock()
        # asks of one query that follow one another: held together, and pulled before any of the next
        self._group: list[int] = []
        self._members: dict[int, list[int]] = {}
        query: tuple[str, str, str] | None = None
        for number in range(len(asks)) if order.whole_queries else ():
            group = len(self._members) - (self._query(number) == query)
            query = self._query(number)
            self._group.append(group)
            self._members.setdefault(group, []).append(number)

    @property
    def told(self) -> str:
        """What was spent, for people."""
        lost = f", up to {self.lost_usd:.4f} possibly paid for answers that never came" if self.lost_usd else ""
        spent = f"{self.paid_usd:.4f} of {self._order.cap_usd:.4f} US dollars spent{lost}"
        return f"{spent}, and no room for this one"

    async def admit(self, prepared: Prepared) -> bool:
        """Holds the greatest price of one request; waits for those under way where they may yet leave room.

        Returns:
            False where there is no room and none will come.
        """
        if self._free:
            return True
        if not await self._admitted_now(prepared):
            return False
        self._out.add(prepared.number)
        return True

    async def _admitted_now(self, prepared: Prepared) -> bool:
        number = prepared.number
        if number in self._held:
            return True
        whole = self._order.whole_queries
        if whole and self._group[number] in self._admitted:  # a query that is begun waits for no other
            return await self._hold_again(prepared)
        async with self._turn:  # in the order they came: a smaller one does not slip in before
            if number in self._held:  # a sibling has come in meanwhile
                return True
            siblings = self._siblings(prepared) if whole else {}
            return await self._hold(prepared, siblings)

    async def _hold_again(self, prepared: Prepared) -> bool:
        """Holds one more request of a query that is begun: a reply could not be read, or its hold was taken.

        What its siblings hold that are not asked yet is taken where it is in the way, from the last one on: nobody may
        be there to ask them while this one waits. They are held again, or given up, when it is their turn.
        """
        usd = self.greatest_usd(prepared)
        while self._full(usd):
            waiting = [n for n in self._members[self._group[prepared.number]] if n in self._held and n not in self._out]
            if self._stopped or not (self._out or waiting):
                self.spent = True
                return False
            if self._out:
                self._changed.clear()
                await self._changed.wait()
            else:
                self._release(waiting[-1])
        self._held[prepared.number] = usd
        self._held_usd += usd
        return True

    async def _hold(self, prepared: Prepared, siblings: Mapping[int, float]) -> bool:
        wanted = {**siblings, prepared.number: self.greatest_usd(prepared)}
        while self.spent or self._full(sum(wanted.values())):
            if self.spent or not self._held:
                self.spent = True
                return False
            self._changed.clear()
            await self._changed.wait()
            # The journal may have answered some meanwhile: what nobody will ask would be held for ever.
            wanted = {number: usd for number, usd in wanted.items() if number not in self._ended}
        self._held |= wanted
        self._held_usd += sum(wanted.values())
        if self._order.whole_queries:
            self._admitted.add(self._group[prepared.number])
        return True

    def _full(self, usd: float) -> bool:
        return self.paid_usd + self.lost_usd + self._held_usd + usd > self._order.cap_usd

    def pay(self, usd: float) -> None:
        """Books what one reply cost."""
        self.paid_usd += usd

    def lose(self, prepared: Prepared, tries: int) -> None:
        """Books tries of one request whose answer never came."""
        if tries and not self._free:
            self.lost_usd += tries * self.greatest_usd(prepared)

    def answered(self, number: int) -> None:
        """Releases what one request was held at, whatever became of it."""
        self._out.discard(number)
        self._release(number)
        self._changed.set()

    def _release(self, number: int) -> None:
        self._held_usd -= self._held.pop(number, 0.0)
        if not self._held:  # so many additions leave a rest
            self._held_usd = 0.0

    def stop(self) -> None:
        """The run is over: whoever waits for room gets none."""
        self._stopped = self.spent = True
        self._changed.set()

    def end(self, number: int) -> None:
        """An ask is done with: the journal's, answered or given up."""
        self._ended.add(number)
        self.answered(number)

    def _siblings(self, prepared: Prepared) -> dict[int, float]:
        """The greatest price of every request of this query that is not done with."""
        if self._frame is None:  # what every request has beside the texts: prompt, rubric, schema
            self._frame = request_tokens(prepared) - self._text_tokens(prepared.number)
        waiting = [number for number in self._members[self._group[prepared.number]] if number not in self._ended]
        return {number: self._usd(self._frame + self._text_tokens(number)) for number in waiting}

    def greatest_usd(self, prepared: Prepared) -> float:
        """US dollars one try may cost at most."""
        return 0.0 if self._free else self._usd(request_tokens(prepared))

    def _usd(self, input_tokens: int) -> float:
        return self._order.member.price.cost_usd(input_tokens, 0, self._per_reply)

    def _text_tokens(self, number: int) -> int:
        pair = self._order.pairs[self._asks[number].rows[0]]
        return sum(estimate_tokens(text) for text in self._order.member.texts(pair))

    def _query(self, number: int) -> tuple[str, str, str]:
        pair = self._order.pairs[self._asks[number].rows[0]]
        return pair.task, pair.collection, pair.query_id
