"""What `init`, `check` and `status` say: to a terminal of 80 columns, to a pipe, to a script that reads exit codes."""

import re
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from label_pipeline.cli.exits import MEANINGS
from label_pipeline.cli.running import failure_of
from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Shell, stats
from label_pipeline_tests.cli.conftest import Serve
from label_pipeline_tests.cli.own_data import GOOD, KEY_VARIABLE, POOR, OwnData

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture
def config(shell: Shell, data: OwnData, serve: Serve) -> Path:
    """The project with its files filled in, at a healthy provider."""
    return own_data.fill(shell.folder / "company", data, serve())


# init


def test_init_writes_files_that_only_lack_rows(shell: Shell) -> None:
    made = shell.here("init", "mine")
    assert made.code == 0
    checked = shell.here("check", "--config", "mine/settings.yaml")
    assert checked.code == 2
    tables = ("queries", "documents", "human_labels", "evaluation", "candidates")
    for table in tables:
        assert f"error: {table}.csv holds no rows for {table}" in checked.out, "every empty file is named at once"
    assert "or no `inputs.evaluation` in the settings while there is none" in checked.said
    assert "settings: fine" in checked.out


def test_init_overwrites_nothing_and_leaves_a_gitignore_alone(shell: Shell) -> None:
    folder = shell.folder / "mine"
    folder.mkdir()
    (folder / ".gitignore").write_text("secrets\n")
    assert shell.here("init", folder).code == 0
    assert (folder / ".gitignore").read_text() == "secrets\n"
    (folder / "queries.csv").write_text("query_id,query\nq1,red shoes\n")
    again = shell.here("init", folder)
    assert again.code == 2
    assert "exists already" in again.err
    assert (folder / "queries.csv").read_text() == "query_id,query\nq1,red shoes\n"


def test_init_into_a_file_is_a_sentence(shell: Shell) -> None:
    (shell.folder / "taken").write_text("")
    end = shell.here("init", "taken")
    assert end.code == 2
    assert "cannot write" in end.err


# check


def test_check_prints_a_priced_plan_and_sends_nothing(shell: Shell, config: Path) -> None:
    base_url = own_data.endpoint(config)["base_url"]
    end = shell.here("check", "--config", config)
    assert end.code == 0, end.said
    assert "human_labels: 1840 rows read = 1840 kept" in end.said
    assert "[main] 92 graded queries, 46 in the holdout with 10 or more pairs; a verdict needs 44" in end.said
    cells = [line.split() for line in end.out.splitlines()]
    plan = {row[0]: row[2:5] for row in cells if len(row) == 6 and row[1] == f"{GOOD}/plain"}
    assert plan == {
        "calibrate": ["320", "320", "0"], "gate": ["460", "460", "0"], "anchor": ["1,400", "1,400", "0"],
        "amplify": ["60", "60", "0"],
    }  # fmt: skip
    assert f"endpoint main: reachable, lists {GOOD}" in end.out
    assert stats(str(base_url))["requests"] == 0


def test_what_was_paid_for_is_in_no_plan_until_a_new_epoch(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    config = certified(serve())

    def to_send() -> dict[str, list[str]]:
        out = shell.here("check", "--config", config).out
        return {line.split()[0]: line.split()[3:5] for line in out.splitlines() if f"{GOOD}/plain" in line}

    anchor = ["1,400", "0"]  # in epochs of its own: never answered by what another run paid for
    assert to_send() == {"calibrate": ["0", "320"], "gate": ["0", "460"], "anchor": anchor, "amplify": ["60", "0"]}
    fresh = shell.here("run", "--config", config, "--from", "calibrate", "--until", "calibrate", "--fresh")
    assert fresh.code == 0, fresh.said
    assert to_send() == {"calibrate": ["0", "320"], "gate": ["460", "0"], "anchor": anchor, "amplify": ["60", "0"]}


def test_the_canary_is_in_the_price_of_an_amplification(shell: Shell, config: Path) -> None:
    """Thirty anchor pairs before anything else, once per run: they count against the cap of the dearest day."""

    def planned() -> tuple[list[str], float]:
        out = shell.here("check", "--config", config).out
        [row] = [line.split() for line in out.splitlines() if line.split()[:2] == ["amplify", f"{GOOD}/plain"]]
        [told] = re.findall(r"amplify asks .* day and its canary: at most \$([\d.]+), cap", " ".join(out.split()))
        return row[2:4], float(told)

    (pairs, day) = planned()
    assert pairs == ["60", "60"]
    own_data.edit(config, anchor={**own_data.NO_ANCHOR, "canary_pairs": 30})
    (more, dearer) = planned()
    assert more == ["90", "90"]
    assert dearer == pytest.approx(2 * day, rel=0.05), "a day has thirty pairs, and so has the canary"
    own_data.edit(config, amplify={"cap_usd": 1.5 * day})
    end = shell.here("check", "--config", config)
    assert end.code == 4, "the run would refuse it"


def test_customer_text_is_in_no_plan_of_an_endpoint_outside(shell: Shell, config: Path, data: OwnData) -> None:
    secret = pl.when(pl.col("doc_id") == data.candidates["doc_id"][0]).then(pl.lit("customer"))
    own_data.write_csv(config.parent / "documents.csv", data.documents.with_columns(secret.alias("boundary")))
    end = shell.here("check", "--config", config)
    assert end.code == 0
    assert "up to 1 pairs with customer text are in no plan" in end.out


def test_a_plan_of_many_judges_is_never_cut_at_80_columns(shell: Shell, config: Path) -> None:
    long = "a-model-with-a-name-that-no-terminal-of-80-columns-has-room-for-beside-the-figures"
    own_data.edit(config, candidates=[own_data.judge(GOOD), own_data.judge(long)])
    end = shell.here("check", "--config", config)
    assert end.code == 5, "the endpoint does not list the second model"
    table = end.out[end.out.index("what every stage") : end.out.index("calibrate asks")]
    assert max(map(len, table.splitlines())) <= 80
    assert "…" not in table
    assert table.replace("\n", "").replace(" ", "").count("figures/plain") == 4


def test_rejected_rows_are_listed_with_file_line_and_reason(shell: Shell, config: Path) -> None:
    own_data.append_rows(
        config.parent / "human_labels.csv", [("q000", "d000-00", 7, "c"), ("q-none", "d000-00", 1, "c")]
    )
    end = shell.here("check", "--config", config)
    assert end.code == 2
    assert "human_labels: 1842 rows read = 1840 kept, 2 quarantined" in end.out
    assert "human_labels.csv:1842: " in end.out
    assert "human_labels.csv:1843: " in end.out
    assert "'7'" in end.out
    assert "q-none" in end.out
    assert "what every stage would send" in end.out, "a bad row hides no plan"


def test_columns_nobody_reads_are_named(shell: Shell, config: Path, data: OwnData) -> None:
    own_data.write_csv(config.parent / "queries.csv", data.queries.with_columns(langauge=data.queries["query_id"]))
    end = shell.here("check", "--config", config)
    assert end.code == 0
    assert "queries.csv: columns nobody reads: langauge" in end.out


def test_a_holdout_too_small_for_a_verdict_is_said_before_a_cent_is_spent(
    shell: Shell, config: Path, data: OwnData
) -> None:
    few = data.graded.filter(data.graded["query_id"] < "q040")
    own_data.write_csv(config.parent / "human_labels.csv", few)
    end = shell.here("check", "--config", config)
    assert end.code == 0
    assert "20 in the holdout with 10 or more pairs; a verdict needs 44: it will be `insufficient`" in end.out


def test_queries_that_say_nearly_the_same_are_listed_and_count_once(shell: Shell, config: Path, data: OwnData) -> None:
    """Half of the graded queries say what the one before says, with a word that says nothing."""
    number = pl.col("query_id").str.slice(1).str.to_integer(strict=False)
    before = pl.concat_str(pl.lit("the "), pl.col("query").shift(1))
    twice = pl.when((number < 92) & (number % 2 == 1)).then(before).otherwise("query").alias("query")
    own_data.write_csv(config.parent / "queries.csv", data.queries.with_columns(twice))
    end = shell.here("check", "--config", config)
    assert end.code == 0, end.said
    said = min(data.queries.filter((number < 92) & (number % 2 == 0))["query"])
    assert "46 groups of queries say nearly the same and are dealt to one split each: " in end.said
    assert f"{said} / the {said}" in end.said
    assert "[main] 92 graded queries, 23 in the holdout with 10 or more pairs; a verdict needs 44" in end.said


def at_most(out: str) -> dict[str, float]:
    """What `check` says every stage's cap is compared with."""
    found = re.findall(r"^(\w+) asks .*: at most \$([\d.]+), cap", out, flags=re.MULTILINE)
    return {stage: float(usd) for stage, usd in found}


@pytest.mark.parametrize("stage", ["calibrate", "gate", "amplify", "anchor"])
def test_a_plan_over_its_cap_is_4(shell: Shell, config: Path, stage: str) -> None:
    usd = at_most(shell.here("check", "--config", config).out)
    for cap_usd, code in ((usd[stage] - 0.001, 4), (usd[stage] + 0.001, 0)):
        own_data.edit(config, **{stage: {"cap_usd": cap_usd}})
        end = shell.here("check", "--config", config)
        assert end.code == code
        what = "whole queries would be labelled up to it" if stage == "amplify" else "nothing would be sent"
        assert (f"{stage} asks" in end.out and f"OVER the cap: {what}" in end.said) == (code == 4)


def test_amplify_s_cap_is_a_day_s(shell: Shell, config: Path) -> None:
    end = shell.here("check", "--config", config)
    plan = {line.split()[0]: float(line.split()[-1]) for line in end.out.splitlines() if f"{GOOD}/plain" in line}
    assert at_most(end.out)["gate"] == plan["gate"]
    assert at_most(end.out)["amplify"] == pytest.approx(plan["amplify"] / 2, rel=0.1), "30 of 60 pairs arrive on a day"


def test_an_unknown_price_is_4(shell: Shell, config: Path) -> None:
    own_data.edit(config, candidates=[own_data.judge(GOOD, prices={})])
    end = shell.here("check", "--config", config)
    assert end.code == 4
    assert f"error: no known price for model '{GOOD}'" in end.err


def test_a_key_that_is_not_exported_is_2_and_a_wrong_one_is_5(shell: Shell, config: Path) -> None:
    unset = Shell(shell.folder).here("check", "--config", config)
    assert unset.code == 2
    assert f"takes its key from {KEY_VARIABLE}, which is not set: export it" in unset.out
    wrong = Shell(shell.folder, {KEY_VARIABLE: "sk-of-somebody-else"}).here("check", "--config", config)
    assert wrong.code == 5
    assert "sk-of-somebody-else" not in wrong.out + wrong.err


def test_an_unknown_model_names_what_there_is(shell: Shell, config: Path) -> None:
    own_data.edit(config, candidates=[own_data.judge("judge-goood")])
    end = shell.here("check", "--config", config)
    assert end.code == 5
    assert f"does not list judge-goood; it lists {GOOD}, {POOR}" in end.out


# settings


@pytest.mark.parametrize(
    ("old", "new", "column", "sentence"),
    [
        ("cap_usd: 5}", "cap_uds: 5}", 13, "unknown key 'calibrate.cap_uds'; did you mean 'cap_usd'?"),
        ("concurrency: 16", "concurrency: 0", 5, "endpoints.main.concurrency: Input should be greater than"),
        ("rubric: rubric.yaml", "rubrik: rubric.yaml", 1, "unknown key 'rubrik'; did you mean 'rubric'?"),
        ("rubric: rubric.yaml", "name: again", 1, "key 'name' is given twice, first in line 2; keep one"),
        ("scale: {lo: 0", "scale: {lo: 0, hi: [", 21, "not YAML: while parsing a flow node"),
        ("provider: openai", "api_key: sk-123", 5, "unknown key 'endpoints.main.api_key'; did you mean 'api_key_env'?"),
        ("OPENAI_API_KEY", "sk-123", 5, "endpoints.main.api_key_env: expected the name of the environment variable"),
        ("endpoint: main", "endpoint: mian", 0, "candidates.0.endpoint is 'mian'; endpoints has ['main']"),
        ("end: 2026-01-01", "end: 2025-01-01", 1, "days: end must not be before start"),
        ("models: [gpt-4o-mini", "model: [gpt-4o-mini", 5, "unknown key 'candidates.0.model'; did you mean 'models'"),
    ],
)  # fmt: skip
def test_a_mistake_in_the_settings_is_told_with_its_line_and_the_nearest_key(
    shell: Shell, old: str, new: str, column: int, sentence: str
) -> None:
    shell.here("init", "mine")
    config = shell.folder / "mine" / "settings.yaml"
    text = config.read_text()
    config.write_text(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    place = f"{config}:{line}:{column}" if column else f"{config}"
    for command in ("check", "run", "status"):
        end = shell.here(command, "--config", config)
        assert end.code == 2
        assert end.err.startswith(f"error: {place}: {sentence}"), end.err
        assert "sk-123" not in end.err, "whoever puts a key there must not find it in a log"


def test_a_settings_file_that_is_not_there_is_said(shell: Shell) -> None:
    end = shell.here("status", "--config", "nowhere.yaml")
    assert end.code == 2
    assert "label-pipeline init" in end.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--until", "gaet"), "--until 'gaet' is no stage; stages are seed, calibrate, gate, amplify, rank"),
        (("--from", "rank", "--until", "gate"), "--from rank comes after --until gate"),
        (("--from", "gate", "--fresh"), "--fresh asks the judges again"),
    ],
)
def test_a_run_of_stages_that_do_not_exist_is_refused(shell: Shell, options: tuple[str, ...], sentence: str) -> None:
    end = shell.here("run", *options)
    assert end.code == 2
    assert sentence in end.err


# status


def test_status_of_a_project_nobody_ran_says_so(shell: Shell, config: Path) -> None:
    end = shell.here("status", "--config", config)
    assert end.code == 0
    assert "company: who may label: nothing was loaded yet" in end.out
    assert not (config.parent / "runs").exists(), "looking changes nothing"


def test_status_says_who_may_label_until_when_and_what_it_cost(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    end = shell.here("status", "--config", certified(serve()))
    assert end.code == 0
    line = next(line for line in end.out.splitlines() if line.split()[:1] == ["main"])
    assert f"({GOOD}/plain)" in line
    assert line.split()[-2] == "open"
    cells = [line.split() for line in end.out.splitlines()]
    assert ["calibrate", f"{GOOD}/plain", "320"] in [row[:3] for row in cells]
    assert ["all", "-", "780"] in [row[:3] for row in cells]


def test_status_says_why_nobody_may_label(shell: Shell, certified: Callable[..., Path], serve: Serve) -> None:
    config = certified(serve())
    own_data.edit(config, gate={"policy": "single-strict", "cap_usd": 5})
    end = shell.here("status", "--config", config)
    assert end.code == 0
    assert "main is stale: verdict" in end.out
    assert "not the current one; run job recalibrate" in end.said


# where things are


def test_the_settings_of_the_environment_and_a_relative_home_count_from_where_the_command_starts(
    shell: Shell, config: Path
) -> None:
    own_data.edit(config, home=None)
    (shell.folder / "dagster").mkdir()
    exported = {
        "LABEL_PIPELINE_CONFIG": "company/settings.yaml", "LABEL_PIPELINE_HOME": "kept",
        "DAGSTER_HOME": str(shell.folder / "dagster"),
    }  # fmt: skip
    end = Shell(shell.folder, {**shell.exported, **exported}).here("run", "--until", "seed")
    assert end.code == 0, end.said
    assert (shell.folder / "kept" / ".runs" / "company" / "tables" / "queries").is_dir()
    assert (shell.folder / "dagster" / "history").is_dir(), "runs are kept where the page looks for them"
    assert sorted(path.name for path in (shell.folder / "dagster").iterdir() if path.name == ".runs") == []


def test_a_dagster_home_that_is_no_folder_is_said(shell: Shell, config: Path) -> None:
    lost = Shell(shell.folder, {**shell.exported, "DAGSTER_HOME": "/no/such/folder"})
    end = lost.here("run", "--config", config, "--until", "seed")
    assert end.code == 2
    assert "DAGSTER_HOME is '/no/such/folder'" in end.err


# exit codes and failures nobody foresaw


def test_readme_and_help_say_what_every_exit_code_means(shell: Shell) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| ([\d, ]+) \| ", readme, flags=re.MULTILINE)
    assert [int(code) for row in table for code in row.split(",")] == list(MEANINGS)
    told = shell.here("--help")
    for code, meaning in MEANINGS.items():
        assert f"{code}: {meaning}" in told.said


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (ValueError("the innermost message"), 1, "broken failed unexpectedly: ValueError: the innermost message"),
        (dg.Failure("no sir", metadata={"error": "BudgetError"}), 4, "no sir"),
        (dg.Failure("no madam", metadata={"error": "GateClosedError"}), 3, "no madam"),
        (dg.Failure("somehow"), 1, "somehow"),
    ],
)
def test_a_failed_stage_says_its_own_error_not_that_there_was_one(error: Exception, code: int, sentence: str) -> None:
    @dg.op
    def broken() -> None:
        raise error

    @dg.job
    def stage() -> None:
        broken()

    failure = failure_of("seed", stage.execute_in_process(raise_on_error=False, run_config=QUIET))
    assert failure is not None
    assert failure.code == code
    assert failure.sentence.startswith(sentence)
    assert "Error occurred while executing" not in failure.sentence
