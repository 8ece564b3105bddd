"""Random histories of batches: faults and deaths drawn by seed, and what must hold after every one of them."""

from pathlib import Path

import numpy as np
import pytest

from label_pipeline.core.errors import ProviderUnavailableError
from label_pipeline.core.judging.batches.cutting import FileLimits
from label_pipeline.rehearsal import BatchFault, Pace
from label_pipeline_tests.core.judging.batches.carried import (
    KilledError,
    Machine,
    Mortal,
    batched,
    bill_usd,
    files,
    order_of,
    provider,
)

pytestmark = [pytest.mark.outside, pytest.mark.slow, pytest.mark.usefixtures("one_tls_context")]

PAIRS = 7
HISTORIES = 12


def a_fault(rng: np.random.Generator) -> BatchFault | None:
    """An ordinary batch, or one that goes wrong in one to three ways."""
    ways: list[dict[str, object]] = [
        {"shuffled": True}, {"duplicated": 2}, {"duplicated": 1, "differing": True}, {"missing": 1}, {"foreign": 1},
        {"truncated": True}, {"failing": 2}, {"every_line_fails": "error_file"}, {"every_line_fails": "output_file"},
        {"expires_after": 1}, {"cancels_after": 2}, {"fails_with": ("token_limit_exceeded", "full")},
        {"lost_create": True}, {"lost_polls": 2}, {"served_as": "gpt-cheap"}, {"never_validates": True},
    ]  # fmt: skip
    chosen = rng.permutation(len(ways))[: rng.integers(0, 4)]
    fields: dict[str, object] = {}
    for place in chosen:
        fields |= ways[place]
    return BatchFault(**fields) if fields else None  # type: ignore[arg-type]  # fields of the record


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_every_history_ends_with_every_reply_and_books_that_hold_the_bill(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    faults = [a_fault(rng) for _ in range(5)]
    with provider(*faults, pace=Pace(int(rng.integers(0, 2)), 1), malformed=2) as url:
        machine = Machine(url, tmp_path / "j", order_of(PAIRS), FileLimits(requests=int(rng.integers(2, 5))))
        for _ in range(6):
            life = Mortal(int(rng.integers(0, 40)))
            try:
                machine.submit(life)
                machine.collect(life)
            except (KilledError, ProviderUnavailableError):
                machine.settle_left()
            machine.clock.move(hours=float(rng.uniform(0, 9)))
        for _ in range(60):
            if not machine.to_send() and not machine.open():
                break
            machine.submit()
            machine.collect()
            machine.clock.move(hours=7)
        else:
            raise AssertionError(f"not done: {machine.open()}")
        machine.settle_left()
        told = f"faults: {faults}"
        assert machine.judge().requests == 0, told
        assert files(url) == [], told
        assert machine.held_usd == 0, told
        bill = bill_usd(url)
        assert machine.paid_usd <= bill + 1e-12, f"booked twice; {told}"
        assert bill <= machine.paid_usd + machine.possibly_usd + 1e-12, f"paid and in no book; {told}"
        if machine.possibly_usd == 0:
            assert len(machine.answered()) == batched(url)["statuses"]["200"], told
