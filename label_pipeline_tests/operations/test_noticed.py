"""What a run's replies show together is told once a run, however many chunks it asks in."""

from pathlib import Path

import pytest

from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.ports import PairText
from label_pipeline.operations.judging import ask
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run
from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.dialect import Dialect
from label_pipeline.rehearsal.protocol import ChatRequest, ModelAnswer
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline_tests.small_project import KEY, settings


class Unsure:
    """A model without log-probabilities."""

    name = "rehearsal-large"
    served_as = "rehearsal-large-2026-08"
    fingerprint = "fp"

    def answer(self, request: ChatRequest) -> ModelAnswer:
        return json_reply("because", 2)


class Said:
    """A log that keeps its warnings."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def info(self, msg: str, /) -> None:
        return

    def warning(self, msg: str, /) -> None:
        self.warnings.append(msg)


def routed(completion: dict[str, object]) -> dict[str, object]:
    """As a router answers: by one provider and by another."""
    return {**completion, "provider": f"P{int(str(completion['id'])[-4:]) // 2 % 2}"}


@pytest.mark.outside
def test_log_probabilities_that_never_come_are_told_once_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [PairText("relevance", "main", "q", f"d{i}", "v", None, "a query", f"a text {i}", False) for i in range(8)]
    with running_provider(make_app([Unsure()], api_key=KEY, dialect=Dialect(answer=routed))) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
        project = Project(settings(tmp_path))
        [member] = project.members
        first, second = Said(), Said()
        for log, run_id, chunk in ((first, "r", pairs[:3]), (first, "r", pairs[3:6]), (second, "s", pairs[6:])):
            judging = ask(Run(run_id, log), project, JudgingOrder(member, chunk, "calibrate", 0, cap_usd=1))
            assert judging.judgements["grade"].to_list() == [2] * len(chunk)
    for log in (first, second):
        assert len([line for line in log.warnings if "no usable log-probabilities" in line]) == 1, log.warnings
    assert len([line for line in first.warnings if "providers answered as one model" in line]) == 1
