"""The alerts section: the webhook's address is a secret, and its place is the environment."""

from pathlib import Path

import pytest

from label_pipeline.settings import load
from label_pipeline_tests.settings.test_loading import WHOLE, mistake

ADDRESS = "https://hooks.example.com/services/T0SECRET/B0SECRET"


def test_an_address_where_its_variable_belongs_is_refused_and_not_repeated(tmp_path: Path) -> None:
    (told,) = mistake(tmp_path, f"{WHOLE}alerts: {{webhook_env: '{ADDRESS}'}}\n")
    assert "12:10: alerts.webhook_env: expected the name of the environment variable" in told
    assert "SECRET" not in told


@pytest.mark.parametrize(
    ("knob", "value"), [("most_posts", 0), ("most_posts", 51), ("timeout_s", 0), ("timeout_s", 11), ("page_url", "x")]
)
def test_a_knob_out_of_its_bounds_is_refused(knob: str, value: object, tmp_path: Path) -> None:
    (told,) = mistake(tmp_path, f"{WHOLE}alerts: {{{knob}: {value}}}\n")
    assert f"alerts.{knob}" in told


def test_slow_posts_end_within_a_tick(tmp_path: Path) -> None:
    (told,) = mistake(tmp_path, f"{WHOLE}alerts: {{most_posts: 11, timeout_s: 5}}\n")
    assert "most_posts times timeout_s is 55 s" in told


def test_nobody_is_told_until_a_webhook_is_named_and_the_heart_beats_at_home(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(f"{WHOLE}home: runs\n")
    found = load(path)
    assert found.alerts.webhook_env is None
    assert found.locate(found.alerts.heartbeat) == tmp_path / "runs" / "heartbeat.json"
