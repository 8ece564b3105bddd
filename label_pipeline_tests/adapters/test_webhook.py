"""Delivering an alert: a real server takes it, refuses it, is slow or is not there; the address is told to nobody."""

import logging
import socket
import traceback
from dataclasses import replace

import pytest

from label_pipeline.adapters.webhook import LONGEST, Alert, payload, post
from label_pipeline.core.errors import WebhookError
from label_pipeline_tests.adapters.receiver import SECRET, receiving

pytestmark = pytest.mark.outside

ALERT = Alert(
    alert_id="i:7", title="check judge_gate of gate_verdict failed", sentence="open: no collection", severity="ERROR",
    link="http://page/assets/gate_verdict", runbook="docs/runbook.md#judge_gate", asset="gate_verdict",
    check="judge_gate", run_id="r1",
)  # fmt: skip


def test_what_is_sent_arrives_as_json_with_a_text_for_people() -> None:
    with receiving() as receiver:
        post(receiver.url, payload(ALERT), timeout_s=5)
    assert receiver.taken == [
        {
            "text": "ERROR: check judge_gate of gate_verdict failed: open: no collection\n"
            "http://page/assets/gate_verdict\nwhat to do: docs/runbook.md#judge_gate",
            "id": "i:7",
            "asset": "gate_verdict",
            "check": "judge_gate",
            "severity": "ERROR",
            "sentence": "open: no collection",
            "link": "http://page/assets/gate_verdict",
            "runbook": "docs/runbook.md#judge_gate",
            "run": "r1",
        }
    ]


def test_nobody_is_paged_by_the_name_of_a_collection() -> None:
    body = payload(replace(ALERT, sentence="closed: <!channel> & co"))
    assert "closed: &lt;!channel&gt; &amp; co" in str(body["text"])
    assert body["sentence"] == "closed: <!channel> & co"


def test_a_long_sentence_is_cut() -> None:
    body = payload(replace(ALERT, sentence="x" * (LONGEST + 1)))
    assert body["sentence"] == "x" * (LONGEST - 1) + "…"
    assert payload(replace(ALERT, sentence="x" * LONGEST))["sentence"] == "x" * LONGEST


@pytest.mark.parametrize("status", [204, 299])
def test_any_2xx_is_taken(status: int) -> None:
    with receiving([status]) as receiver:
        post(receiver.url, payload(ALERT), timeout_s=5)
    assert len(receiver.tried) == 1, "taken at once, sent once"


@pytest.mark.parametrize("status", [307, 404, 429, 500])
def test_any_other_answer_is_an_error_and_a_redirect_is_not_followed(status: int) -> None:
    with receiving([status]) as receiver, pytest.raises(WebhookError, match=f"answered {status}, expected 2xx"):
        post(receiver.url, payload(ALERT), timeout_s=5)
    assert len(receiver.tried) == 1


def test_a_slow_receiver_is_given_up() -> None:
    with receiving(wait_s=2) as receiver, pytest.raises(WebhookError, match="no answer within 0\\.3 s"):
        post(receiver.url, payload(ALERT), timeout_s=0.3)


def _closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@pytest.mark.parametrize(
    "address",
    [
        f"http://127.0.0.1:{_closed_port()}/services/{SECRET}",
        f"ftp://127.0.0.1/services/{SECRET}",
        f"http://[::1/services/{SECRET}",
        SECRET,
    ],
    ids=["nobody listens", "another protocol", "no address", "no protocol"],
)
def test_the_address_is_in_no_message_trace_or_log(address: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(WebhookError) as caught:
        post(address, payload(ALERT), timeout_s=5)
    trace = "".join(traceback.format_exception(caught.value))
    assert "cannot be reached" in trace
    assert SECRET not in trace + caplog.text
