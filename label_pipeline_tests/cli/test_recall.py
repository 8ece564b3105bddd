"""`recall` as a person uses it: look first, then call back, then label again."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from label_pipeline.adapters.store import Store
from label_pipeline.cli.recall import _moment
from label_pipeline.core.errors import SettingsError
from label_pipeline.operations.project import Project
from label_pipeline.settings import load
from label_pipeline_tests.cli.commands import Shell, stats
from label_pipeline_tests.cli.conftest import Serve
from label_pipeline_tests.cli.own_data import CANDIDATES, DAYS

AMPLIFY = ("--from", "amplify", "--until", "amplify")


def store_of(config: Path) -> Store:
    return Project(load(config)).store("anchor")


def judge_of(config: Path) -> str:
    return str(store_of(config).read("judge_versions")["judge_version"][0])


def test_look_first_then_recall_then_label_again(shell: Shell, certified: Callable[..., Path], serve: Serve) -> None:
    url = serve()
    config = certified(url)
    assert shell.here("run", "--config", config, *AMPLIFY).code == 0
    store, judge = store_of(config), judge_of(config)
    asked, today = stats(url)["requests"], f"{datetime.now(UTC):%Y-%m-%d}"

    look = shell.here("recall", "--config", config, "--judge", judge[:6], "--since", today, "--dry-run")
    assert look.code == 0, look.said
    assert f"{CANDIDATES} labels of judge {judge}, given {today}" in look.said
    assert "would be recalled" in look.said
    assert "no ranker was trained on any of them" in look.said
    rows = [line.split() for line in look.out.splitlines() if line.strip().startswith(DAYS)]
    assert [row[3:5] for row in rows] == [["30", "30"], ["30", "30"]], "pairs, and requests to send again"
    assert set(store.read("labels")["status"]) == {"provisional"}, "a look changes nothing"

    done = shell.here("recall", "--config", config, "--judge", judge[:6], "--since", today)
    assert done.code == 0, done.said
    assert store.query("rank/training_labels").is_empty()
    once = shell.here("recall", "--config", config, "--judge", judge[:6], "--since", today)
    assert "no label of judge" in once.said
    assert "nothing recalled" in once.said
    assert stats(url)["requests"] == asked

    assert shell.here("run", "--config", config, *AMPLIFY).code == 0
    assert stats(url)["requests"] == asked + CANDIDATES
    assert store.query("rank/training_labels").height == CANDIDATES


def test_what_cannot_be_planned_is_recalled_all_the_same(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    config = certified(serve())
    assert shell.here("run", "--config", config, *AMPLIFY).code == 0
    settings = yaml.safe_load(config.read_text())
    settings["candidates"][0]["parameters"] = {"temperature": 0.3}
    config.write_text(yaml.safe_dump(settings))
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    done = shell.here("recall", "--config", config, "--judge", judge_of(config)[:6], "--since", today)
    assert done.code == 0, done.said
    assert "] cannot be planned: judge" in done.said
    assert "settings, prompt or rubric have changed since" in done.said
    assert store_of(config).query("rank/training_labels").is_empty()


def test_mistakes_are_one_line_and_2(shell: Shell, certified: Callable[..., Path], serve: Serve) -> None:
    config = certified(serve())
    judge = judge_of(config)
    for wrong, sentence in (
        (
            ("--judge", "nobody", "--since", "2026-01-01"),
            f"no judge begins with 'nobody'; give more of one of: {judge}",
        ),
        (("--judge", judge, "--since", "yesterday"), "--since is 'yesterday'; expected a day like 2026-09-01"),
        (("--judge", judge, "--since", "2026-01-02", "--until", "2026-01-01"), "ends before it begins"),
    ):
        end = shell.here("recall", "--config", config, *wrong)
        assert (end.code, end.out) == (2, "")
        assert sentence in end.said


@pytest.mark.parametrize(
    ("text", "last", "moment"),
    [
        ("2026-09-01", False, datetime(2026, 9, 1, tzinfo=UTC)),
        ("2026-09-01", True, datetime(2026, 9, 2, tzinfo=UTC)),  # the last day is inside
        ("9999-12-31", True, datetime(9999, 12, 31, tzinfo=UTC)),  # no day comes after it
        ("2026-09-01T14:30", True, datetime(2026, 9, 1, 14, 30, tzinfo=UTC)),
        ("2026-09-01T14:30+02:00", False, datetime(2026, 9, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_days_and_moments(text: str, last: bool, moment: datetime) -> None:
    assert _moment(text, "--since", last=last) == moment


def test_a_word_is_no_date() -> None:
    with pytest.raises(SettingsError, match="--until is 'soon'"):
        _moment("soon", "--until", last=True)
