"""From settings to members and clients: hashes that must stay, and which key goes to which host."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from label_pipeline.core.errors import SettingsError
from label_pipeline.core.judging.member import Member
from label_pipeline.core.judging.request_key import draw, request_key
from label_pipeline.core.ports import PairText
from label_pipeline.operations import endpoints, watch
from label_pipeline.operations.project import Project
from label_pipeline.settings import SAMPLE, EndpointSettings, load
from label_pipeline_tests.small_project import data, settings

TEMPLATE = SAMPLE.parents[2] / "cli" / "template" / "settings.yaml"
PAIR = PairText(
    "relevance", "main", "q1", "d1", "v1", None, "how tall is a giraffe", "A giraffe grows to 5.5 m.", False
)

# Computed by the code before there was a shape of a request (fec06c5): member hash, request keys of two votes and of a
# second attempt, and the bytes of a body.
BEFORE = {
    (SAMPLE, "rehearsal-large/plain"): (
        "d7320f8a69fb7cceaf10b3394cbea58337ee40b65f25e92f87ab9f2824eee2f5", "d2c610a886278274", "cc6c60e7f360dbbe",
    ),
    (SAMPLE, "rehearsal-medium/plain"): (
        "c16f7dbb31eaccafbfb0f83a5a067afb8e693139ca56e7f0674f4d120c37221d", "e1f79e1d3b74c18b", "ba9e586bdb7c9581",
    ),
    (SAMPLE, "rehearsal-small/plain"): (
        "6c2335863c3a4036fe4259c8efbd6a6d737a9037acd332c4ca82f72d4d76aa9f", "795f7ba539476448", "98c7e35e6618b1cf",
    ),
    (SAMPLE, "rehearsal-medium/plain/3votes"): (
        "76ad471be19f19490bed774b4a475a8ba089074309bfdb57481403c19f01195f", "5232acbeb7601ef4", "2b692d0bde51a271",
    ),
    (TEMPLATE, "gpt-4o-mini/plain"): (
        "e15702e0501214a924914efd8ebf3d74038dce5e3605d7bb32674eb181d10fad", "33b7a32ee451d7b7", "32ab2b9ed5aabfde",
    ),
    (TEMPLATE, "gpt-4o/plain"): (
        "93de207be52f21c40a1717b4987d388771b7a23bdfbc7f6633791d2c8f97612e", "9ad659459f662070", "9976507d5a3fbb31",
    ),
}  # fmt: skip


def marks(member: Member) -> tuple[str, str, str]:
    asked = ((0, 0), (1, 0), (0, 1))
    keys = [request_key(member.endpoint, member.body(PAIR, *which), draw(*which), 3) for which in asked]
    body = json.dumps(member.body(PAIR, 0, 0))
    return member.member_hash, _mark("".join(keys)), _mark(body)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_settings_files_of_before_are_the_same_judges_and_ask_the_same() -> None:
    """Else every certificate and every paid reply under them is void."""
    found = {(path, one.name): marks(one) for path in (SAMPLE, TEMPLATE) for one in Project(load(path)).members}
    assert found == BEFORE


def member(tmp_path: Path, **endpoint: Any) -> Member:
    given = data(tmp_path)["endpoints"]["rehearsal"]
    [found] = Project(settings(tmp_path, endpoints={"rehearsal": {**given, **endpoint}})).members
    return found


def test_the_shape_of_an_endpoint_is_its_judges(tmp_path: Path) -> None:
    found = member(
        tmp_path, reply_format="text", system_role="fold", seed=False, logprobs=False, top_logprobs=5,
        output_limit="max_completion_tokens", parameters={"chat_template_kwargs": {"enable_thinking": False}},
    )  # fmt: skip
    assert (found.shape.reply_format, found.shape.system_role) == ("text", "fold")
    assert (found.vary_seed, found.logprobs, found.top_logprobs) == (False, False, 5)
    body = found.body(PAIR, 1, 1)
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert body["max_completion_tokens"] == 300
    assert not {"max_tokens", "seed", "logprobs", "top_logprobs", "response_format"} & body.keys()


def test_a_preset_gives_the_judge_its_fields_written_by_hand_give(tmp_path: Path) -> None:
    by_hand = {"reply_format": "json_object", "seed": False, "parameters": {}}
    assert member(tmp_path, preset="deepseek").member_hash == member(tmp_path, **by_hand).member_hash
    assert member(tmp_path, preset="deepseek").member_hash != member(tmp_path).member_hash


def test_a_secret_is_in_no_hash_and_no_description(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = {"headers": {"x-route": {"env": "ROUTE"}}, "graded_headers": ["X-Route"], "query": {"code": {"env": "CODE"}}}
    seen = set()
    for value in ("first-value", "rotated-value"):
        monkeypatch.setenv("ROUTE", value)
        monkeypatch.setenv("CODE", value)
        found = member(tmp_path, **kept)
        assert value not in json.dumps(found.describe())
        seen.add(found.member_hash)
    assert len(seen) == 1
    other = {**kept, "headers": {"x-route": {"env": "OTHER"}}}
    assert member(tmp_path, **other).member_hash not in seen
    ungraded = {"headers": {"x-team": "search"}}
    assert member(tmp_path, **ungraded).member_hash == member(tmp_path).member_hash
    in_address = member(tmp_path, base_url="https://x.example/v1?api-version=1").member_hash
    assert in_address == member(tmp_path, query={"api-version": "1"}).member_hash


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({"base_url": "https://api.openai.com/v1"}, "openai-key"),
        ({"base_url": "https://eu.api.openai.com/v1"}, "openai-key"),
        ({"base_url": "http://127.0.0.1:8000/v1"}, ""),
        ({"base_url": "http://localhost:8000/v1"}, ""),
        ({"base_url": "http://[::1]:8000/v1"}, ""),
        ({"base_url": "http://gpu-7:8000/v1", "keyless": True}, ""),
        ({"base_url": "http://gpu-7:8000/v1", "api_key_env": "OPENAI_API_KEY"}, "openai-key"),
        ({"base_url": "http://gpu-7/v1", "headers": {"Authorization": {"env": "OTHER_KEY"}}}, ""),
        ({"preset": "vllm"}, ""),
    ],
)
def test_the_openai_key_goes_to_openai_and_where_it_is_sent_on_purpose(
    given: dict[str, Any], sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "openai-key")
    assert endpoints._key(EndpointSettings.model_validate(given), "main") == sent


@pytest.mark.parametrize(
    "url", ["https://api.openai.com.evil.example/v1", "https://notopenai.com/v1", "http://gpu-7/v1"]
)
def test_another_host_gets_no_key_by_default(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "openai-key")
    with pytest.raises(SettingsError, match=r"nobody said which key it gets: state endpoints.main.api_key_env") as said:
        endpoints._key(EndpointSettings(base_url=url), "main")
    assert "openai-key" not in str(said.value)


def test_a_value_that_is_not_set_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROUTE", raising=False)
    found = EndpointSettings.model_validate({"preset": "vllm", "headers": {"x-route": {"env": "ROUTE"}}})
    with pytest.raises(SettingsError, match=r"takes headers.x-route from ROUTE, which is not set"):
        endpoints._extras(found, "main")


def test_an_endpoint_without_a_model_list_is_not_asked_and_its_judges_are_not_gone(tmp_path: Path) -> None:
    given = data(tmp_path)["endpoints"]["rehearsal"]
    project = Project(settings(tmp_path, endpoints={"rehearsal": {**given, "model_list": False}}))
    lists = watch.model_lists(project, ["rehearsal"])
    assert lists.listed == {"rehearsal": None}, "which is no change"
    assert lists.notes == [
        "endpoint rehearsal has no model list: whether it still serves a model is seen in replies only"
    ]
    assert not lists.blind


def test_one_program_prints_one_key_for_every_client() -> None:
    found = EndpointSettings(base_url="https://x.example/v1", key_command=["print-a-key"], key_age_s=60)
    assert endpoints._key(found, "a") is endpoints._key(found, "b")
