"""A real server as the webhook."""

from collections.abc import Iterator

import pytest

from label_pipeline_tests.adapters.receiver import Receiver, receiving
from label_pipeline_tests.defs.alerts.ticks import VARIABLE


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with receiving() as receiver:
        monkeypatch.setenv(VARIABLE, receiver.url)
        yield receiver
