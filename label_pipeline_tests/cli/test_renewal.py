"""`renew-holdout` and `run --lane` as a person meets them: what they say, and the codes they end with."""

from collections.abc import Callable
from pathlib import Path

from label_pipeline.cli.exits import DONE, MISTAKE
from label_pipeline_tests.cli.commands import Shell
from label_pipeline_tests.cli.conftest import Serve

Certified = Callable[[str], Path]


def test_retiring_is_told_first_done_on_demand_and_not_twice(certified: Certified, serve: Serve, shell: Shell) -> None:
    config = certified(serve())
    told = shell.here("renew-holdout", "--config", config)
    assert told.code == DONE
    assert "Would retire" in told.said
    assert "Nothing was changed; add --yes" in told.said
    done = shell.here("renew-holdout", "--config", config, "--yes")
    assert done.code == DONE
    assert "holdout queries of collection main (holdout number 1) now belong to dev" in done.said
    assert "new queries with at least 10 graded pairs each" in done.said
    again = shell.here("renew-holdout", "--config", config, "--yes")
    assert again.code == MISTAKE
    assert "no gate has looked at a holdout query of collection main" in again.said


def test_a_collection_that_does_not_exist_is_named_with_those_that_do(
    certified: Certified, serve: Serve, shell: Shell
) -> None:
    ended = shell.here("renew-holdout", "--config", certified(serve()), "--collection", "mail")
    assert ended.code == MISTAKE
    assert "collection mail (collections: main); nothing to retire" in ended.said


def test_the_lane_of_the_gate_is_an_option_of_run(certified: Certified, serve: Serve, shell: Shell) -> None:
    config = certified(serve())
    wrong = shell.here("run", "--config", config, "--lane", "half")
    assert wrong.code == MISTAKE
    assert "--lane 'half' is no lane of the gate; lanes are full, recertify" in wrong.said
    ended = shell.here("run", "--config", config, "--from", "gate", "--until", "gate", "--lane", "recertify")
    assert ended.code == MISTAKE
    assert "no re-certification: collection main: judge" in ended.said
    assert "nothing was asked since" in ended.said
