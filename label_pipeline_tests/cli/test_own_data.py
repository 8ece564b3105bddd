"""README's "Your own data", walked by commands in processes of their own against `provide` as an ordinary endpoint."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.cli.days import days_to_amplify
from label_pipeline.operations.project import Project
from label_pipeline.settings import load
from label_pipeline.stages import STAGES
from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Ended, Shell, provided, stats
from label_pipeline_tests.cli.conftest import Serve
from label_pipeline_tests.cli.own_data import DAYS, GOOD, KEY, KEY_VARIABLE, MODELS, POOR, OwnData

AMPLIFY = ("--from", "amplify", "--until", "amplify")


@dataclass(frozen=True)
class Walk:
    """What every command of the path said, and how often the provider had been asked after it."""

    check: Ended
    to_gate: Ended
    whole: Ended
    status: Ended
    again: Ended
    asked: tuple[int, ...]
    config: Path


@pytest.fixture(scope="module")
def walk(data: OwnData, recorded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    folder = tmp_path_factory.mktemp("walk")
    operator = Shell(folder, {"LABEL_PIPELINE_PROVIDER_KEY": KEY})
    elsewhere = own_data.fill(folder / "provider", data, "http://127.0.0.1:9/v1")
    own_data.edit(elsewhere, rehearsal={"kind": "recorded", "path": str(recorded), "models": MODELS})
    person = Shell(folder, {KEY_VARIABLE: KEY})
    with provided(operator, "--config", elsewhere, "--port", 0) as (_, url):
        assert person.run("init", "company").code == 0
        config = own_data.fill(folder / "company", data, url)
        own_data.edit(config, anchor={"cap_usd": 5, "baseline_runs": 5})
        asked = []

        def do(command: str, *options: str) -> Ended:
            end = person.run(command, "--config", config, *options)
            asked.append(stats(url)["requests"])
            return end

        yield Walk(
            do("check"), do("run", "--until", "gate"), do("run"), do("status"),
            person.here("run", "--config", config), (*asked, stats(url)["requests"]), config,
        )  # fmt: skip


@pytest.mark.slow
def test_every_command_ends_well_and_asks_what_it_should(walk: Walk) -> None:
    ends = (walk.check, walk.to_gate, walk.whole, walk.status, walk.again)
    assert [end.code for end in ends] == [0] * 5, [end.said for end in ends if end.code]
    assert [end.err for end in ends] == [""] * 5
    # train and dev, holdout with the anchor beside it; then the anchor five times, a canary, the candidates, and the
    # anchor once more, which confirms the labels; then nothing more, whatever is run again
    whole = 320 + 600 + 5 * 140 + 30 + 60 + 140
    assert walk.asked == (0, 320 + 600, whole, whole, whole)


@pytest.mark.slow
def test_the_run_to_the_gate_shows_agreement_judge_and_every_criterion_of_the_verdict(walk: Walk) -> None:
    said = walk.to_gate.said
    assert "human agreement [main]: Krippendorff's alpha 0.9" in said
    assert "gold: 920 pairs; queries: train 11, dev 21, holdout 46, anchor 14" in said
    assert f"chosen judge: {GOOD}/plain of 1" in said
    assert "verdict [main]: open (policy single-standard, look 1)" in said
    for criterion in ("46 holdout queries", "unreadable replies", "skill R2", "pairwise accuracy", "bias in shares"):
        assert criterion in said
    assert "coverage by day: no candidates were loaded yet" in said


@pytest.mark.slow
def test_the_whole_run_ends_with_labels_that_add_up_and_a_proven_ranker(walk: Walk) -> None:
    said = walk.whole.said
    assert "candidate pairs: 60 = 60 labelled + 0 abstained + 0 failed + 0 refused + 0 skipped" in said
    for arm in ("bm25", "seed_only", "amplified", "permuted"):
        assert f"nDCG@10 {arm}: " in said
    assert "on 60 unseen queries (exponential gain)" in said
    store = Project(load(walk.config)).store("rank")
    assert store.query("rank/training_labels")["status"].to_list() == ["confirmed"] * 60


@pytest.mark.slow
def test_the_whole_run_watches_the_judge_and_confirms_its_labels(walk: Walk) -> None:
    said = walk.whole.said
    assert "same judge? [main]: baseline (5 baseline runs of 140 pairs, 0 since)" in said
    assert "same judge? [main]: healthy (5 baseline runs of 140 pairs, 1 since)" in said
    assert "labels: 60 confirmed" in said
    [row] = [line.split() for line in walk.status.out.splitlines() if "60 confirmed" in line]
    assert (row[0], row[2:4]) == ("main", ["healthy", "6"])


@pytest.mark.slow
def test_status_says_who_may_label_what_is_labelled_and_what_it_cost(walk: Walk) -> None:
    rows = [line.split() for line in walk.status.out.splitlines()]
    assert [row[3] for row in rows if row[:1] == ["main"]] == ["open", "6"]
    assert [row[3:6] for row in rows if row[:1] == ["2026-03-01"]] == [["30", "30", "-"]]
    spent = {row[0]: row for row in rows if len(row) == 6 and row[0] in {*STAGES, "canary", "all"}}
    stages = ("calibrate", "gate", "anchor", "canary", "amplify")
    assert [spent[stage][2] for stage in (*stages, "all")] == ["320", "600", "840", "30", "60", "1,850"]
    cost_usd = [float(spent[stage][5]) for stage in stages]
    assert float(spent["all"][5]) == pytest.approx(sum(cost_usd), abs=5e-4)
    assert float(spent["all"][5]) > 0.1
    assert max(map(len, walk.status.out.splitlines())) <= 80


# the ways it may say no


def test_a_closed_gate_is_3_and_its_judge_labels_nothing(shell: Shell, data: OwnData, serve: Serve) -> None:
    url = serve()
    config = own_data.fill(shell.folder / "company", data, url)
    own_data.edit(config, gate={"cap_usd": 5, "thresholds": {"r2_low": 0.99}})
    end = shell.here("run", "--config", config)
    assert end.code == 3
    assert "gate stopped: the gate is closed: [main] verdict" in end.said
    assert "verdict [main]: closed (policy single-standard (edited), look 1)" in end.said
    assert "NO skill R2" in end.said
    assert "main is closed: verdict" in end.said
    assert stats(url)["requests"] == 780
    amplify = shell.here("run", "--config", config, *AMPLIFY)
    assert amplify.code == 3
    assert "no open, current verdict, so nothing was sent" in amplify.said
    assert stats(url)["requests"] == 780
    assert Project(load(config)).store("rank").read("labels").is_empty()


def test_a_judge_with_whose_grades_human_ones_do_not_rise_is_3_and_no_look_is_paid(
    shell: Shell, data: OwnData, serve: Serve
) -> None:
    url = serve()
    config = own_data.fill(shell.folder / "company", data, url, model=POOR)
    end = shell.here("run", "--config", config)
    assert end.code == 3
    assert "calibrate stopped: the newest calibration chose no judge, and nothing is spent on a look" in end.said
    assert stats(url)["requests"] == 320
    assert Project(load(config)).store("rank").read("holdout_looks").is_empty()


def test_a_cap_of_0_is_4_and_nothing_is_sent(shell: Shell, data: OwnData, serve: Serve) -> None:
    url = serve()
    config = own_data.fill(shell.folder / "company", data, url)
    own_data.edit(config, calibrate={"cap_usd": 0})
    end = shell.here("run", "--config", config)
    assert end.code == 4
    assert "calibrate stopped: calibrate: the plan costs about" in end.said
    assert "nothing was sent: raise the cap" in end.said
    assert stats(url)["requests"] == 0


def test_a_cap_below_the_first_query_is_4_and_nothing_is_sent(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    url = serve()
    config = certified(url)
    own_data.edit(config, amplify={"cap_usd": 0.0001})
    end = shell.here("run", "--config", config, *AMPLIFY)
    assert end.code == 4
    assert "amplify stopped: amplify: the first query of the plan does not fit amplify.cap_usd" in end.said
    assert "30 refused" in end.said
    assert stats(url)["requests"] == 0


def test_an_unknown_price_is_4_and_nothing_is_sent(shell: Shell, data: OwnData, serve: Serve) -> None:
    url = serve()
    config = own_data.fill(shell.folder / "company", data, url)
    own_data.edit(config, candidates=[own_data.judge(GOOD, prices={})])
    end = shell.here("run", "--config", config, "--until", "calibrate")
    assert end.code == 4
    assert f"no known price for model '{GOOD}': state candidates[].prices.{GOOD}" in end.said
    assert stats(url)["requests"] == 0


def test_a_wrong_key_is_5_and_no_key_is_2(shell: Shell, data: OwnData, serve: Serve) -> None:
    url = serve()
    config = own_data.fill(shell.folder / "company", data, url)
    wrong = Shell(shell.folder, {KEY_VARIABLE: "sk-of-somebody-else"})
    end = wrong.here("run", "--config", config, "--until", "calibrate")
    assert end.code == 5
    assert "calibrate stopped: none of 1 candidates could be asked" in end.said
    assert "Incorrect API key" in end.said
    assert "sk-of-somebody-else" not in end.said
    assert stats(url)["requests"] == 1, "one request is enough to find out"
    unset = Shell(shell.folder).here("run", "--config", config, "--from", "calibrate", "--until", "calibrate")
    assert unset.code == 2
    assert f"takes its key from {KEY_VARIABLE}, which is not set: export it" in unset.said


def test_only_days_with_candidates_are_labelled_or_those_asked_for(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    url = serve()
    config = certified(url)
    own_data.edit(config, days={"start": "2025-01-01"})  # hundreds of days, two of them with candidates
    project = Project(load(config))
    assert days_to_amplify(project, None, None) == DAYS
    assert days_to_amplify(project, "2025-05-05", None) == ("2025-05-05", DAYS[1])
    assert days_to_amplify(project, None, "2025-05-05") == ("2025-05-05", "2025-05-05")

    last = shell.here("run", "--config", config, *AMPLIFY, "--first-day", DAYS[1])
    assert last.code == 0, last.said
    assert stats(url)["requests"] == 30

    own_data.write_csv(config.parent / "candidates.csv", pl.read_csv(config.parent / "candidates.csv").head(1))
    assert days_to_amplify(project, None, None) == DAYS, "rows that left the file must leave the table too"
    nowhere = shell.here("run", "--config", config, *AMPLIFY, "--last-day", "2024-12-31")
    assert nowhere.code == 2
    assert "day '2024-12-31' is not among the project's days 2025-01-01 .. " in nowhere.err
