"""Records of batches made for a test, one field changed at a time."""

from dataclasses import replace
from typing import Any

from label_pipeline.core.judging.batches.record import COUNT, CREATED, HASH, NAME, BatchRecord, BatchTerms, RemoteBatch
from label_pipeline.core.judging.batches.requests import BatchRequest
from label_pipeline.core.ports import Intent
from label_pipeline_tests.core.judging.scripted import NOW, PRICE, make_member, make_pair

TERMS = BatchTerms(
    account="host org", endpoint="main", model="judge", served_as=("judge-x",), served=None, price=PRICE, effort="None",
    fields=("model",), run_id="run", purpose="amplify", epoch=7, member="a", member_hash="m", day=None,
)  # fmt: skip


def key_of(number: int) -> str:
    return f"{number:064x}"


def make_request(number: int, text: str = "short", tokens: int = 100) -> BatchRequest:
    pair = make_pair(number, text)
    intent = Intent(key_of(number), "run", "amplify", 7, "a", "m", 0, 0, pair[:6], False, None, 0.01)
    return BatchRequest(intent, make_member().body(pair, 0, 0), tokens)


def make_record(**changes: Any) -> BatchRecord:
    made = BatchRecord("r1", "h" * 64, TERMS, 3, 300, CREATED, NOW, file_id="f1", batch_id="b1", created_at=NOW)
    return replace(made, **changes)


def make_remote(**changes: Any) -> RemoteBatch:
    metadata = {HASH: "h" * 64, COUNT: "3", NAME: "r1"}
    made = RemoteBatch("b1", "in_progress", "/v1/chat/completions", "24h", "f1", None, None, 3, 0, metadata)
    return replace(made, **changes)
