"""The named policies, their edits, and the alpha a look spends."""

import math

import pytest

from label_pipeline.core.errors import NotApplicableError, SettingsError
from label_pipeline.stages.gate import POLICIES, Policy, alpha_of_look, choose_policy


@pytest.mark.parametrize(
    ("name", "r2_low", "pairwise_accuracy_low"),
    [("single-permissive", 0.05, 0.65), ("single-standard", 0.10, 0.68), ("single-strict", 0.15, 0.70)],
)
def test_thresholds_are_those_of_the_methods(name: str, r2_low: float, pairwise_accuracy_low: float) -> None:
    """statistics.md section 14; section 11 for what every policy shares."""
    assert choose_policy(name) == Policy(
        name, r2_low, pairwise_accuracy_low, gross_error_high=0.15, bias_high=0.10, unreadable_high=0.02,
        min_queries=44, min_pairs=10,
    )  # fmt: skip


def test_every_policy_has_a_hash_of_its_own() -> None:
    assert len({policy.policy_hash for policy in POLICIES.values()}) == len(POLICIES)


@pytest.mark.parametrize(
    ("edit", "value"),
    [
        ("r2_low", 0.2), ("pairwise_accuracy_low", 0.7), ("gross_error_high", 0.1), ("bias_high", 0.05),
        ("unreadable_high", 0.03), ("min_queries", 60.0), ("min_pairs", 5.0),
    ],
)  # fmt: skip
def test_an_edit_changes_its_threshold_the_name_and_the_hash(edit: str, value: float) -> None:
    plain = choose_policy("single-standard")
    edited = choose_policy("single-standard", {edit: value})
    assert getattr(edited, edit) == value
    assert edited.name == "single-standard (edited)"
    other = choose_policy("single-standard", {edit: value + 1 if value > 1 else value / 2})
    assert len({plain.policy_hash, edited.policy_hash, other.policy_hash}) == 3
    assert edited.policy_hash == choose_policy("single-standard", {edit: value}).policy_hash


def test_no_edits_are_no_edits() -> None:
    assert choose_policy("single-strict", {}) is POLICIES["single-strict"]


def test_panel_is_refused_by_name() -> None:
    with pytest.raises(NotApplicableError, match=r"policy 'panel' .* does not exist yet; use one of .*single-standard"):
        choose_policy("panel")


@pytest.mark.parametrize(
    ("name", "edits", "sentence"),
    [
        ("single", {}, "unknown gate policy 'single'; known: .*'single-permissive'"),
        ("single-strict", {"r2": 0.1}, r"gate.thresholds has unknown \['r2'\]; known: .*'r2_low'"),
        ("single-strict", {"name": 1.0}, "unknown"),  # an edit may not pass for the named policy
        # a percentage where a share is meant would open the gate to any bias
        ("single-strict", {"bias_high": 10.0}, "bias_high is 10.0, expected a share of at most 1"),
        ("single-strict", {"gross_error_high": math.nan}, "gross_error_high is nan, expected a share"),
        ("single-strict", {"min_queries": 44.7}, "min_queries is 44.7, expected a whole number from 1"),
        ("single-strict", {"min_pairs": 0.0}, "min_pairs is 0.0, expected a whole number from 1"),
    ],
)
def test_a_slip_in_the_settings_is_named(name: str, edits: dict[str, float], sentence: str) -> None:
    with pytest.raises(SettingsError, match=sentence):
        choose_policy(name, edits)


def test_alpha_of_a_look() -> None:
    """statistics.md section 4: .0304, .0076, .0034, .0019, .0012; all looks together spend .05."""
    assert [round(alpha_of_look(k), 4) for k in range(1, 6)] == [0.0304, 0.0076, 0.0034, 0.0019, 0.0012]
    assert sum(alpha_of_look(k) for k in range(1, 100_000)) == pytest.approx(0.05, abs=1e-6)  # sum of 1/k^2 = pi^2 / 6
    assert alpha_of_look(2, alpha=0.10) == pytest.approx(2 * alpha_of_look(2))
