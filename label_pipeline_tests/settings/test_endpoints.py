"""The section of an endpoint: presets, values kept elsewhere, and what is refused without being repeated."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from label_pipeline.core.errors import SettingsError
from label_pipeline.core.judging.request_key import content_hash
from label_pipeline.settings import EndpointSettings, load
from label_pipeline.settings.presets import FILE, presets
from label_pipeline_tests.settings.test_loading import WHOLE

ADDRESS = "http://127.0.0.1:1/v1"


def endpoint(**given: Any) -> EndpointSettings:
    return EndpointSettings.model_validate({"base_url": ADDRESS, **given} if "preset" not in given else given)


def test_a_preset_is_the_fields_it_stands_for() -> None:
    written = endpoint(
        base_url="https://api.anthropic.com/v1", api_key_env="ANTHROPIC_API_KEY", provider="anthropic",
        reply_format="text", seed=False, logprobs=False,
    )  # fmt: skip
    assert endpoint(preset="anthropic").model_copy(update={"preset": None}) == written


def test_what_is_stated_wins_over_the_preset_and_mappings_are_joined() -> None:
    found = endpoint(preset="openrouter", reply_format="text", parameters={"provider": {"order": ["x"]}, "top_k": 1})
    assert (found.reply_format, found.api_key_env) == ("text", "OPENROUTER_API_KEY")
    assert found.parameters == {"provider": {"order": ["x"]}, "top_k": 1}
    assert endpoint(preset="openrouter", parameters={"top_k": 1}).parameters == {
        "provider": {"require_parameters": True}, "top_k": 1,
    }  # fmt: skip
    own = endpoint(preset="anthropic", api_key_secret="judges/anthropic")
    assert (own.api_key_env, own.api_key_secret) == (None, "judges/anthropic"), "one says what key is sent"
    assert endpoint(preset="vllm", api_key_env="VLLM_KEY").keyless is False
    assert endpoint(preset="deepseek", seed=True).seed is True


@pytest.mark.parametrize("name", presets())
def test_every_preset_fits_the_settings_and_names_its_source(name: str) -> None:
    address = {} if "base_url" in presets()[name] else {"base_url": ADDRESS}
    found = endpoint(preset=name, **address)
    assert not found.base_url.endswith("/")
    [entry] = [line for line in FILE.read_text().splitlines() if line.startswith(f"{name}:")]
    assert "# " in entry
    assert "." in entry.split("# ")[1].split()[0], "a public source"


GRADED = {
    "openai": "e44e6d2dc1d98d35",
    "azure": "e44e6d2dc1d98d35",
    "anthropic": "fd2a141f3306ef6c",
    "gemini": "a4bad4b1fa457fa7",
    "deepseek": "e5840c2fbe3ecf55",
    "mistral": "6f8ae6df39d8bfe3",
    "groq": "e3d880b9bae2381a",
    "openrouter": "7335f293d2589150",
    "together": "7b2841efac08071f",
    "fireworks": "ecfdc3d33ef03393",
    "vllm": "e44e6d2dc1d98d35",
    "ollama": "992f944f10b897cd",
    "llamacpp": "e44e6d2dc1d98d35",
    "lmstudio": "949e6e195643579b",
    "tgi": "5210f546a9cbbea6",
}


def graded(found: EndpointSettings) -> str:
    """What of an endpoint can change a grade of its judges."""
    fields = found.shape.describe(), found.seed, found.logprobs, found.top_logprobs, found.output_limit
    return content_hash([*fields, found.parameters])[:16]


def test_what_a_preset_means_for_grades_is_pinned() -> None:
    """A preset whose graded fields change voids every certificate under it.

    Give the changed one a name of its own, or write the migration note in the changelog and pin the new value.
    """
    found = {name: graded(endpoint(preset=name, base_url=ADDRESS)) for name in presets()}
    assert found == GRADED


def test_values_are_text_and_are_hashed_as_they_are_stated() -> None:
    text = "{preset: azure, base_url: 'https://x.example/d?tier=a', query: {api-version: 2024-10-21, k: {env: K}},"
    text += " headers: {X-Beta: {secret: 's:f'}, X-Team: search}, graded_headers: [x-beta]}"
    found = load_endpoint(text)
    assert found.shape.query == {"tier": "a", "api-version": "2024-10-21", "k": "env:K"}
    assert found.shape.headers == {"x-beta": "secret:s:f"}


def load_endpoint(text: str) -> EndpointSettings:
    return EndpointSettings.model_validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"headers": {"x-api-key": "sk-plain"}}, "looks like a secret"),
        ({"query": {"key": "sk-plain"}}, "looks like a secret"),
        ({"base_url": "https://x.example/v1?key=sk-plain"}, "a key stands in the address"),
        ({"headers": {"Authorization": "Bearer sk-plain"}}, "looks like a secret"),
        ({"base_url": "https://x.example/v1?a=sk-plain&a=2"}, "a parameter stands twice"),
        ({"base_url": "https://x.example/v1?a=1", "query": {"a": "sk-plain"}}, "stand in base_url and in query"),
        ({"headers": {"X-A": "sk-plain", "x-a": "2"}}, "one name stands twice"),
        ({"headers": {"X-A": "sk-plain"}, "graded_headers": ["X-B"]}, "graded_headers names"),
        ({"headers": {"X-A": {"env": "A", "secret": "sk-plain"}}}, "either env or secret"),
        ({"keyless": True, "api_key_env": "A"}, "keep the one that says what key is sent"),
        ({"preset": "antropic", "query": {"a": "sk-plain"}}, "did you mean 'anthropic'"),
        ({"parameters": {"temperature": math.nan}}, "no request can carry .nan"),
        ({"parameters": {"a": {"b": [math.inf]}}}, "no request can carry .nan"),
        ({"api_key_env": "sk-plain"}, "not the key"),
        ({"key_command": []}, "at least 1 item"),
    ],
)
def test_what_cannot_be_is_refused_and_no_value_repeated(tmp_path: Path, given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError):
        EndpointSettings.model_validate({"base_url": ADDRESS, **given})
    one = json.dumps({"base_url": ADDRESS, **given}).replace("NaN", ".nan").replace("Infinity", ".inf")
    path = tmp_path / "settings.yaml"
    path.write_text(WHOLE.replace("{base_url: http://127.0.0.1:1/v1, api_key_env: KEY}", one))
    with pytest.raises(SettingsError, match=said) as refused:
        load(path)
    assert "sk-plain" not in str(refused.value)
    assert "settings.yaml:9:" in str(refused.value), "line and column"


def test_body_fields_are_the_endpoint_s_the_judge_s_in_their_place_and_the_limit_by_its_name() -> None:
    found = endpoint(parameters={"top_p": 1, "provider": {"order": ["x"]}}, output_limit="max_completion_tokens")
    assert found.body_fields({"top_p": 0.5, "max_tokens": 300}) == {
        "top_p": 0.5, "provider": {"order": ["x"]}, "max_completion_tokens": 300,
    }  # fmt: skip
    assert endpoint().body_fields({"max_tokens": 300}) == {"max_tokens": 300}
