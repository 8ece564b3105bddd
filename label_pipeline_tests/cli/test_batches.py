"""`run` with `amplify.send: batch`: it ends with a code of its own while batches wait, and the next run goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from label_pipeline_tests.cli.commands import Shell
from label_pipeline_tests.cli.conftest import Serve

AMPLIFY = ("--from", "amplify", "--until", "amplify")


def by_batch(config: Path) -> None:
    settings = yaml.safe_load(config.read_text())
    settings["amplify"] = {**settings["amplify"], "send": "batch"}
    config.write_text(yaml.safe_dump(settings))


def test_run_waits_with_a_code_of_its_own_until_the_batch_is_answered(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    config = certified(serve(), batch={"canary_pairs": 0})
    by_batch(config)
    checked = shell.here("check", "--config", config)
    assert "amplify.send is batch; batch: 60 requests cost about" in checked.said
    assert "(50% less), within 24 hours" in checked.said
    for _ in range(2):  # the provider takes two looks
        waits = shell.here("run", "--config", config, *AMPLIFY)
        assert waits.code == 7, waits.said
        assert "amplify waits:" in waits.said
        assert "waiting, 0 of 30" in waits.said
        assert "it counts against every cap of amplify" in waits.said
        assert "missed nights" not in waits.said
        assert "waiting, 0 of 30" in shell.here("batches", "--config", config).said
    nobody = shell.here("batches", "--config", config, "--release", "0")
    assert (nobody.code, "in quarantine have a name that begins with '0'" in nobody.said) == (2, True)
    done = shell.here("run", "--config", config, *AMPLIFY)
    assert done.code == 0, done.said
    assert "waiting" not in done.said
    assert "no batch is under way" in shell.here("batches", "--config", config).said


@pytest.mark.parametrize(
    "half",
    [("--take-over", "a"), ("--batch", "b"), ("--not-paid",), ("--release", "a", "--take-over", "a", "--batch", "b")],
)  # fmt: skip
def test_half_a_decision_is_none_and_is_said(shell: Shell, half: tuple[str, ...]) -> None:
    """`--take-over` without `--batch` listed the batches and ended well."""
    end = shell.here("batches", *half)
    assert end.code == 2
    assert "--" in end.err
