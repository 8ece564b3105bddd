"""A process that dies between any two steps of a batch: the next one goes on from there."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from label_pipeline.core.judging.batches.cutting import FileLimits
from label_pipeline.rehearsal import BatchFault
from label_pipeline_tests.core.judging.batches.carried import (
    KilledError,
    Machine,
    Mortal,
    batched,
    files,
    order_of,
    provider,
    remote_batches,
    settled,
)  # fmt: skip

pytestmark = [pytest.mark.outside, pytest.mark.usefixtures("one_tls_context")]


@pytest.mark.slow
def test_a_kill_between_any_two_steps_loses_nothing_and_pays_nothing_twice(tmp_path: Path) -> None:
    """Dies before every call of provider or book in turn, and in the middle of every file; then goes on from the disk.

    To die before one call is to die after the one before it: nothing else is on disk or at the provider.
    """
    order, limits, deaths = order_of(4), FileLimits(requests=3), 0
    for at in range(200):
        with provider(BatchFault(failing=1, shuffled=True)) as url:
            machine = Machine(url, tmp_path / f"{at}", order, limits)
            life = Mortal(at)
            try:
                machine.submit(life)
                machine.collect(life)
            except KilledError:
                deaths += 1
            else:
                break
            machine.settle_left()  # what the next run of the project does first
            machine.until_done()
            settled(machine)
            assert len(machine.answered()) == 4, f"at call {at}"
            assert batched(url)["statuses"] == {"200": 4}, f"at call {at} a request was paid for twice"
            assert files(url) == [], f"at call {at}"
    assert deaths == at > 40


def test_a_real_kill_9_between_creation_and_its_note_loses_nothing(tmp_path: Path) -> None:
    order = order_of(4)
    with provider() as url:
        noted = Machine(url, tmp_path / "dry", order)
        calls: list[str] = []
        noted.submit(Mortal(names=calls))
    with provider() as url:
        machine = Machine(url, tmp_path / "j", order)
        arguments = [url, str(machine.path), "4", str(calls.index("created"))]
        module = "label_pipeline_tests.core.judging.batches.carried"
        killed = subprocess.run([sys.executable, "-m", module, *arguments], check=False)
        assert killed.returncode == -signal.SIGKILL
        [batch] = machine.open()
        assert (batch.state, batch.batch_id, len(remote_batches(url))) == ("uploaded", None, 1)
        machine.settle_left()
        machine.until_done()
        assert len(remote_batches(url)) == 1
        settled(machine)
    assert len(machine.answered()) == 4
