"""One seed: a project's runs until one ends well, whatever befalls them, and what must hold whatever befalls them."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import polars as pl

from label_pipeline.adapters.limiter import Limiter
from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.codes.outcomes import GRADED, NO_ANSWER
from label_pipeline.core.errors import JudgeError, StorageError, TableError
from label_pipeline.core.judge import pair_grades
from label_pipeline.core.judging.booking import payments, recovered
from label_pipeline.core.judging.engine import Judging, judge_pairs
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.receipts import Receipt
from label_pipeline.core.judging.sending import SENDING
from label_pipeline.core.ports import PairText, Reply
from label_pipeline.core.scale import Scale
from label_pipeline_tests.core.judging.scripted import REPLY_USD, make_member, make_pair
from label_pipeline_tests.simulation.clock import Killed, SimulatedLoop, simulated
from label_pipeline_tests.simulation.disk import Disk, SimulatedJournal
from label_pipeline_tests.simulation.provider import ADDRESS, SimulatedClient, SimulatedProvider, Weather

MOST_RUNS = 12
FAULTS = ("429", "500", "503", "refused connection", "hang", "slow", "reset", "garbage")
TIMEOUT_S = 8.0
CENT_OF_A_REPLY = REPLY_USD / 100


@dataclass(frozen=True)
class Run:
    """What befalls one run: when it is stopped, killed, loses its lease or its disk, simulated seconds; None = not."""

    stopped_at: float | None
    killed_at: float | None
    lease_ends_at: float | None
    full_at: float | None
    cap_usd: float
    concurrency: int


@dataclass(frozen=True)
class History:
    """What became of one seed.

    Attributes:
        seed: its number.
        runs: how many there were.
        requests: the provider received.
        paid_usd: US dollars of the receipts with a reply.
        possibly_usd: US dollars of tries whose answer never came, at their greatest price.
        bill_usd: US dollars the provider charges.
    """

    seed: int
    runs: int
    requests: int
    paid_usd: float
    possibly_usd: float
    bill_usd: float


class LeasedSimulatedClient:
    """The client behind a lease that may end: looked at before every try, as the product does."""

    def __init__(self, client: SimulatedClient, ends_at: float | None) -> None:
        self._client, self._ends_at = client, ends_at

    def check(self) -> None:
        """Raises once the lease is another machine's."""
        if self._ends_at is not None and asyncio.get_running_loop().time() >= self._ends_at:
            raise StorageError("the spending lease is another machine's")

    async def complete(self, body: dict[str, object]) -> Reply:
        """One request."""
        sending = SENDING.get()
        if sending is not None and self.check not in sending.before_try:
            sending.before_try.append(self.check)
        self.check()
        return await self._client.complete(body)


def play(seed: int) -> History:
    """Plays one seed through.

    Raises:
        AssertionError: something that must hold does not; the message names the seed.
    """
    rng = np.random.default_rng(seed)
    member, pairs = _member(rng), _pairs(rng)
    provider = SimulatedProvider(_weather(rng), rng)
    disk, now = Disk(), 0.0
    stored = JUDGEMENTS.empty()
    for number in range(1, MOST_RUNS + 1):
        last = number == MOST_RUNS
        if last:
            provider.weather = Weather({}, (), provider.weather.latency_s, provider.weather.unreadable)
        run = _run(rng, now, calm=last, pairs=len(pairs) * member.votes)
        bill, held = provider.bill_usd, len(disk.intents)
        judging, now = _played(run, number, member, pairs, provider, disk, rng, now)
        _check_run(seed, run, provider, disk, bill, held)
        _check_sent(seed, member, pairs, provider, disk)
        if judging is not None:
            _check_rows(seed, judging.judgements, member)
            stored = pl.concat([stored, _new(judging.judgements, stored)])
            if judging.outcome == "complete" and not judging.judgements["outcome"].is_in(NO_ANSWER).any():
                _check_end(seed, judging, stored, member, pairs, provider, disk)
                return _told(seed, number, provider, disk)
        now += 60.0
    raise AssertionError(f"seed {seed}: the last run, in which nothing goes wrong, did not end well")


def _played(
    run: Run, number: int, member: Member, pairs: list[PairText], provider: SimulatedProvider, disk: Disk,
    rng: np.random.Generator, now: float,
) -> tuple[Judging | None, float]:  # fmt: skip
    loop = SimulatedLoop(now)
    journal = SimulatedJournal(disk, rng, run.full_at)
    order = JudgingOrder(member, pairs, "amplify", 0, cap_usd=run.cap_usd, whole_queries=bool(rng.random() < 0.5))
    requests = float(rng.choice([0.0, 600.0])) or None
    limiter = Limiter(run.concurrency, requests, None, clock=loop.time)
    client = SimulatedClient(
        ADDRESS, "", timeout_s=TIMEOUT_S, max_retries=int(rng.integers(0, 4)), limiter=limiter, rng=rng, clock=loop.time
    )
    client.provider = provider

    async def work() -> Judging:
        task = asyncio.ensure_future(
            judge_pairs(
                order, client=LeasedSimulatedClient(client, run.lease_ends_at),  # type: ignore[arg-type]  # its one method
                journal=journal, concurrency=run.concurrency, run_id=f"run {number}", clock=_clock(loop),
                drain_s=TIMEOUT_S,
            )
        )  # fmt: skip
        if run.stopped_at is not None:
            loop.call_at(run.stopped_at, task.cancel)
        return await task

    try:
        return simulated(loop, work(), dies_at=run.killed_at), loop.time()
    except (Killed, asyncio.CancelledError, JudgeError, StorageError, TableError):
        return None, loop.time()
    finally:
        journal.dead = True


def _check_run(seed: int, run: Run, provider: SimulatedProvider, disk: Disk, bill: float, held: int) -> None:
    """Of every run: the bill is what is paid and at most what is possibly; the cap holds; nothing after its end."""
    receipts = disk.receipts()
    paid, possibly = _sum(receipts, "cost_usd"), _sum(receipts, "possibly_usd")
    low, high = paid - CENT_OF_A_REPLY, paid + possibly + CENT_OF_A_REPLY
    assert low <= provider.bill_usd <= high, f"seed {seed}: bill {provider.bill_usd}, paid {paid}, possibly {possibly}"
    mine = [receipt for receipt in receipts[held:] if receipt.answered]
    assert _sum(mine, "cost_usd") <= run.cap_usd + CENT_OF_A_REPLY, f"seed {seed}: over the cap of {run.cap_usd}"
    assert provider.bill_usd - bill <= run.cap_usd + CENT_OF_A_REPLY, f"seed {seed}: the bill is over the cap"
    ends = [moment for moment in (run.stopped_at, run.lease_ends_at, run.killed_at) if moment is not None]
    late = [moment for moment in provider.received if ends and moment > min(ends)]
    assert not late, f"seed {seed}: {len(late)} requests after the run was stopped, killed or lost its lease"


def _check_sent(seed: int, member: Member, pairs: list[PairText], provider: SimulatedProvider, disk: Disk) -> None:
    """A receipt that is over is of a request that went out."""
    texts = {pair[:6]: pair for pair in pairs}
    booked = Counter(
        json.dumps(member.body(texts[found.pair], found.sample_index, found.attempt), sort_keys=True)
        for found in disk.over
    )
    unsent = sum((booked - provider.bodies).values())
    assert not unsent, f"seed {seed}: {unsent} requests in the books were not sent"


def _check_rows(seed: int, rows: pl.DataFrame, member: Member) -> None:
    """A pair is graded only where every vote was answered."""
    unanswered = rows.filter(pl.col("outcome").is_in(NO_ANSWER)).select("doc_id").unique()
    graded = pair_grades(rows).filter(pl.col("outcome") == GRADED)
    assert graded.join(unanswered, on="doc_id", how="semi").is_empty(), f"seed {seed}: a label without all its votes"
    assert (graded["replies"] == member.votes).all(), f"seed {seed}: a vote is missing"


def _check_end(
    seed: int, judging: Judging, stored: pl.DataFrame, member: Member, pairs: list[PairText],
    provider: SimulatedProvider, disk: Disk,
) -> None:  # fmt: skip
    """In the end: the same labels as in fair weather, and the books are the money."""
    rows = judging.judgements.sort("doc_id", "sample_index")
    assert rows.height == len(pairs) * member.votes, f"seed {seed}: pairs are lost"
    fair = _fair(member, pairs, provider).sort("doc_id", "sample_index")
    for column in ("doc_id", "sample_index", "outcome", "grade"):
        assert rows[column].to_list() == fair[column].to_list(), f"seed {seed}: {column} is not that of fair weather"
    receipts = disk.receipts()
    answered = [receipt.intent.request_key for receipt in receipts if receipt.answered]
    assert len(answered) == len(set(answered)), f"seed {seed}: a reply that was kept was asked for again"
    found = recovered(receipts, stored, Scale(0, 3))
    booked = float(stored["cost_usd"].sum()) + float(found["cost_usd"].sum())
    paid = float(payments("b", receipts)["cost_usd"].sum())
    assert abs(booked - paid) < CENT_OF_A_REPLY, f"seed {seed}: {paid} paid, {booked} in judgements"


def _fair(member: Member, pairs: list[PairText], provider: SimulatedProvider) -> pl.DataFrame:
    """The rows when nothing goes wrong."""
    rng = np.random.default_rng(0)
    fair = SimulatedProvider(Weather({}, (), 0.1, provider.weather.unreadable), rng)
    calm = Run(None, None, None, None, 1e9, 8)
    judging, _ = _played(calm, 0, member, pairs, fair, Disk(), rng, 0.0)
    assert judging is not None
    return judging.judgements


def _new(rows: pl.DataFrame, stored: pl.DataFrame) -> pl.DataFrame:
    """As the tables keep them: what is stored is not stored again, and re-used rows carry no cost."""
    answered = rows.filter(~pl.col("outcome").is_in(NO_ANSWER) | (pl.col("cost_usd") > 0))
    return answered.join(stored, on=["request_key", "doc_id", "sample_index"], how="anti")


def _told(seed: int, runs: int, provider: SimulatedProvider, disk: Disk) -> History:
    receipts = disk.receipts()
    return History(
        seed, runs, len(provider.received), _sum(receipts, "cost_usd"), _sum(receipts, "possibly_usd"),
        provider.bill_usd,
    )  # fmt: skip


def _sum(receipts: Sequence[Receipt], name: str) -> float:
    return float(sum(getattr(receipt, name) for receipt in receipts))


def _clock(loop: SimulatedLoop) -> Callable[[], datetime]:
    return lambda: datetime.fromtimestamp(1.7e9 + loop.time(), UTC)


def _member(rng: np.random.Generator) -> Member:
    votes = int(rng.integers(1, 4))
    return make_member(
        votes=votes, vary_seed=True, read_attempts=int(rng.integers(1, 4)),
        parameters={"temperature": 1, "max_tokens": 10},
    )  # fmt: skip


def _pairs(rng: np.random.Generator) -> list[PairText]:
    """Queries of one to twelve pairs, some texts twice."""
    pairs: list[PairText] = []
    for query in range(int(rng.integers(1, 8))):
        for _ in range(int(rng.integers(1, 13))):
            number = len(pairs)
            text = None if number == 0 or rng.random() > 0.1 else pairs[-1].document
            pairs.append(make_pair(number, text)._replace(query_id=f"q{query}", query=f"query {query}"))
    return pairs


def _weather(rng: np.random.Generator) -> Weather:
    chances = rng.dirichlet(np.ones(len(FAULTS))) * float(rng.choice([0.0, 0.05, 0.2, 0.5]))
    bursts = tuple(
        (float(begins), float(begins + rng.uniform(1, 40)), int(rng.choice([429, 503])))
        for begins in rng.uniform(0, 120, int(rng.integers(0, 4)))
    )
    return Weather(
        dict(zip(FAULTS, map(float, chances), strict=True)), bursts, float(rng.uniform(0.05, 2.0)),
        float(rng.choice([0.0, 0.1, 0.4])),
    )  # fmt: skip


def _run(rng: np.random.Generator, now: float, *, calm: bool, pairs: int) -> Run:
    def sometimes(chance: float) -> float | None:
        return None if calm or rng.random() > chance else now + float(rng.exponential(4.0))

    tight = not calm and rng.random() < 0.3
    return Run(
        stopped_at=sometimes(0.2), killed_at=sometimes(0.3), lease_ends_at=sometimes(0.1), full_at=sometimes(0.1),
        cap_usd=float(rng.uniform(0.1, 1.2)) * pairs * REPLY_USD if tight else 1e6,
        concurrency=int(rng.choice([1, 2, 5, 16, 64])),
    )  # fmt: skip
