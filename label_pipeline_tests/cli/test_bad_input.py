"""Bad files and bad providers, as the command line meets them: a clear sentence, an exit code, and nothing lost."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from label_pipeline.adapters.store import Store
from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.completion import json_reply
from label_pipeline.rehearsal.faults import DroppedConnection, ScriptedFaults, ServedAs, ServerError
from label_pipeline.rehearsal.protocol import ChatRequest, Model, ModelAnswer
from label_pipeline.settings import load
from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Shell, stats
from label_pipeline_tests.cli.conftest import Serve
from label_pipeline_tests.cli.own_data import CANDIDATES, CONCURRENCY, GOOD, OwnData

AMPLIFY = ("--from", "amplify", "--until", "amplify")
SEED = ("--until", "seed")


@pytest.fixture
def config(shell: Shell, data: OwnData) -> Path:
    """The project with its files filled in; nothing in these tests gets as far as its endpoint."""
    return own_data.fill(shell.folder / "company", data, "http://127.0.0.1:9/v1")


def store_of(config: Path) -> Store:
    return Project(load(config)).store("rank")


# files that cannot be used as a whole


def _without_grade(path: Path) -> None:
    own_data.write_csv(path, pl.read_csv(path, infer_schema=False).rename({"grade": "rating"}))


def _emptied(path: Path) -> None:
    path.write_text("")


def _in_latin_1(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[2] += ",schön"
    lines[0] += ",rationale"
    path.write_bytes("\n".join(lines).encode("latin-1"))


def _removed(path: Path) -> None:
    path.rename(path.with_name("human_lables.csv"))


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (_without_grade, "human_labels.csv: no column 'grade' for human_labels; the file has query_id, doc_id, rating"),
        (_emptied, "human_labels.csv is empty; expected at least one row: export it again"),
        (_in_latin_1, "(line 3) is not valid utf-8: found 0xf6; save the file as UTF-8, or set `encoding:`"),
        (_removed, "human_lables.csv?"),
    ],
)
def test_a_file_that_cannot_be_used_is_2_and_says_what_to_do(
    shell: Shell, config: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    spoil(config.parent / "human_labels.csv")
    for command, options in (("check", ()), ("run", SEED)):
        end = shell.here(command, "--config", config, *options)
        assert end.code == 2, end.said
        assert sentence in end.said


# settings and arguments that cannot be used


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"rubric": "."}, "which settings name, cannot be read: Is a directory; expected a file"),
        ({"collection": ""}, "collection: String should have at least 1 character"),
        ({"home": "s3://bucket/x"}, "home is a folder of this machine"),
        ({"inputs": {"queries": "https://me:hunter2@x/q.csv"}}, "https://***@x/q.csv: only local files and s3://"),
    ],
)
def test_settings_that_cannot_be_used_are_2_and_say_what_to_do(
    shell: Shell, config: Path, change: dict[str, object], sentence: str
) -> None:
    if isinstance(inputs := change.get("inputs"), dict):
        change = {"inputs": {"documents": "documents.csv", "human_labels": "human_labels.csv", **inputs}}
    own_data.edit(config, **change)
    end = shell.here("check", "--config", config)
    assert end.code == 2, end.said
    assert sentence in end.said
    assert "hunter2" not in end.said


def test_a_file_that_contains_itself_is_2(shell: Shell, config: Path) -> None:
    config.write_text("a: &a [*a]\n")
    end = shell.here("check", "--config", config)
    assert end.code == 2, end.said
    assert "contains itself by an anchor; write it without" in end.said


@pytest.mark.parametrize(
    "url",
    [
        "not a url", "ftp://127.0.0.1/v1", "http://127.0.0.1:99999/v1", "http://[bad/v1", "http:///v1",
        "http://me:hunter2@127.0.0.1:9/v1",
    ],
)  # fmt: skip
def test_an_address_of_no_endpoint_is_2_and_asked_nothing(shell: Shell, config: Path, url: str) -> None:
    own_data.point_at(config, url)
    end = shell.here("check", "--config", config)
    assert end.code == 2, end.said
    assert "expected http:// or https://, a host and the path that ends in /v1, and no key in it" in end.said
    assert "hunter2" not in end.said


def test_a_key_that_cannot_be_sent_is_2_and_a_line_break_at_its_end_is_none(
    shell: Shell, data: OwnData, serve: Serve
) -> None:
    config = own_data.fill(shell.folder / "company", data, serve())
    end = Shell(shell.folder, {own_data.KEY_VARIABLE: "sk-schlüssel"}).here("check", "--config", config)
    assert end.code == 2, end.said
    assert "its key in COMPANY_LLM_KEY holds a character that no request can carry" in end.said
    assert "schlüssel" not in end.said
    end = Shell(shell.folder, {own_data.KEY_VARIABLE: f"{own_data.KEY}\n"}).here("check", "--config", config)
    assert end.code == 0, end.said


@pytest.mark.parametrize(
    ("days", "sentence"),
    [
        (("--first-day", "soon"), "day 'soon' is not among the project's days"),
        (("--last-day", "2019-01-01"), "day '2019-01-01' is not among the project's days"),
        (("--first-day", own_data.DAYS[1], "--last-day", own_data.DAYS[0]), "swap them"),
    ],
)
def test_a_day_that_is_none_is_2_before_anything_is_asked(
    shell: Shell, data: OwnData, serve: Serve, days: tuple[str, ...], sentence: str
) -> None:
    url = serve()
    config = own_data.fill(shell.folder / "company", data, url)
    end = shell.here("run", "--config", config, *days)
    assert end.code == 2, end.said
    assert sentence in end.said
    assert stats(url)["requests"] == 0


@pytest.mark.parametrize("port", ["-1", "65536", "many"])
def test_a_port_that_is_none_is_2(shell: Shell, port: str) -> None:
    end = shell.here("provide", "--port", port)
    assert end.code == 2
    assert "Invalid value for '--port'" in end.said


# rows that cannot be used


def test_bad_rows_are_set_aside_with_their_reason_and_the_books_add_up(shell: Shell, config: Path) -> None:
    own_data.append_rows(config.parent / "documents.csv", [("d-long", "a book", "word " * 53_000)])
    own_data.append_rows(
        config.parent / "human_labels.csv",
        [
            ("q000", "d000-00", 1, "c"),
            ("q000", "d000-00", 3, "c"),  # twice by one annotator, and they differ
            ("q000", "d000-01", 4, "c"),
            ("q-none", "d000-01", 2, "c"),
        ],
    )
    own_data.append_rows(config.parent / "candidates.csv", [("q000", "d-long", own_data.DAYS[0])])

    checked = shell.here("check", "--config", config)
    end = shell.here("run", "--config", config, *SEED)

    assert checked.code == 2
    assert "(documents.csv:1106: 265008 characters of title and text, the limit is 100000" in checked.said
    assert "candidates: 61 rows read = 60 kept, 1 quarantined" in checked.said
    assert end.code == 0, "bad rows stop nobody"
    assert "check inputs_contract of seed_inputs did not pass" in end.said
    assert "rows set aside: 1 of documents, 4 of human_labels (table quarantine keeps them)" in end.said
    assert "2 rows of human_labels: one annotator, several grades of a pair (the first, human_labels.csv:" in end.said
    written = pl.read_csv(config.parent / "runs" / "rejected_rows.csv")
    assert written.group_by("input").len().sort("input")["len"].to_list() == [1, 1, 4]
    found = store_of(config)
    rows = found.read("quarantine").sort("source", "line")
    assert [(row["source"], row["line"]) for row in rows.iter_rows(named=True)] == [
        ("documents.csv", 1106),
        *(("human_labels.csv", line) for line in (1842, 1843, 1844, 1845)),
    ]
    reasons = rows["reason"].to_list()
    for reason, words in zip(
        reasons, ("265008 characters", "annotator 'c'", "annotator 'c'", "'4'", "'q-none'"), strict=True
    ):
        assert words in reason, reasons
    assert found.read("human_labels").height == 1840
    assert found.read("documents").height == 1104


# models and providers that cannot be used


def test_an_unknown_model_is_5_and_named(shell: Shell, data: OwnData, serve: Serve) -> None:
    url = serve()
    config = own_data.fill(shell.folder / "company", data, url, model="judge-goood")
    end = shell.here("run", "--config", config, "--until", "calibrate")
    assert end.code == 5
    assert "none of 1 candidates could be asked: judge-goood/plain" in end.said
    assert "The model 'judge-goood' does not exist here" in end.said
    assert stats(url)["requests"] == 1


def test_one_unknown_model_among_others_is_named_and_the_others_go_on(
    shell: Shell, data: OwnData, serve: Serve
) -> None:
    config = own_data.fill(shell.folder / "company", data, serve())
    own_data.edit(config, candidates=[own_data.judge("judge-goood"), own_data.judge(GOOD)])
    end = shell.here("run", "--config", config, "--until", "calibrate")
    assert end.code == 0, end.said
    assert f"chosen judge: {GOOD}/plain of 2" in end.said
    assert "not asked: judge-goood/plain: " in end.said


def test_a_model_silently_served_as_another_is_5_and_labels_nothing_of_it(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    url = serve(faults=ScriptedFaults([None] * 10, then=ServedAs("judge-cheap")))
    config = certified(url)
    end = shell.here("run", "--config", config, *AMPLIFY)
    assert end.code == 5
    assert f"answered with model judge-cheap, expected {GOOD}" in end.said
    given = store_of(config).read("labels")
    assert given.height <= 10, "what the certified model had answered before"
    assert set(given["model_reported"]) <= {GOOD}
    assert stats(url)["requests"] <= 10 + CONCURRENCY

    healthy = serve()
    own_data.point_at(config, healthy)
    again = shell.here("run", "--config", config, *AMPLIFY)
    assert again.code == 0, again.said
    assert store_of(config).read("labels")["model_reported"].unique().to_list() == [GOOD]
    assert stats(healthy)["requests"] == CANDIDATES - 10, "the replies of the right model are kept"


def test_a_provider_that_is_down_at_the_start_is_5(shell: Shell, certified: Callable[..., Path], serve: Serve) -> None:
    config = certified("http://127.0.0.1:9/v1")
    end = shell.here("run", "--config", config, *AMPLIFY)
    assert end.code == 5
    assert "left 4 requests in a row unanswered" in end.said
    assert "Cannot connect to host 127.0.0.1:9" in end.said, "not a time-out, as the client library calls it"
    assert "run again when it is back" in end.said
    assert store_of(config).read("labels").is_empty()
    own_data.point_at(config, serve())
    assert shell.here("run", "--config", config, *AMPLIFY).code == 0
    assert store_of(config).read("labels").height == CANDIDATES


def test_a_provider_that_goes_down_for_good_is_5_and_what_was_paid_for_is_kept(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    url = serve(faults=ScriptedFaults([None] * 8, then=DroppedConnection()))
    config = certified(url)
    end = shell.here("run", "--config", config, *AMPLIFY)
    assert end.code == 5
    assert "8 of 30 replies are kept; run again when it is back" in end.said
    assert 8 + 20 <= stats(url)["requests"] < 8 + 20 + CONCURRENCY

    healthy = serve()
    own_data.point_at(config, healthy)
    again = shell.here("run", "--config", config, *AMPLIFY)
    assert again.code == 0, again.said
    assert store_of(config).read("labels").height == CANDIDATES
    assert stats(healthy)["requests"] == CANDIDATES - 8


def test_a_provider_that_stumbles_half_way_leaves_failed_pairs_which_the_next_run_asks_again(
    shell: Shell, certified: Callable[..., Path], serve: Serve
) -> None:
    url = serve(faults=ScriptedFaults([None] * 8 + [ServerError()] * 5))
    config = certified(url)
    first = shell.here("run", "--config", config, *AMPLIFY)
    assert first.code == 0, first.said
    assert "candidate pairs: 60 = 55 labelled + 0 abstained + 5 failed + 0 refused + 0 skipped" in first.said
    assert "no answer came: the next run of the day asks again by itself" in first.said
    assert "30 25 5 failed" in first.said, "the day's coverage says it too"
    again = shell.here("run", "--config", config, *AMPLIFY)
    assert "candidate pairs: 60 = 60 labelled + 0 abstained + 0 failed + 0 refused + 0 skipped" in again.said
    assert stats(url)["requests"] == CANDIDATES + 5


def test_retries_outlast_a_short_outage(shell: Shell, certified: Callable[..., Path], serve: Serve) -> None:
    url = serve(faults=ScriptedFaults([None] * 8 + [ServerError()] * CONCURRENCY))
    end = shell.here("run", "--config", certified(url, max_retries=1), *AMPLIFY)
    assert end.code == 0
    assert "60 = 60 labelled + 0 abstained + 0 failed" in end.said


# replies that cannot be used


@dataclass(frozen=True)
class Misbehaving:
    """A judge that answers some passages in ways nobody can use."""

    judge: Model
    answers: dict[str, ModelAnswer]

    @property
    def name(self) -> str:
        return self.judge.name

    @property
    def served_as(self) -> str:
        return self.judge.served_as

    @property
    def fingerprint(self) -> str:
        return self.judge.fingerprint

    def answer(self, request: ChatRequest) -> ModelAnswer:
        return self.answers.get(request.document.strip()) or self.judge.answer(request)


def test_replies_nobody_can_use_are_asked_for_once_more_then_abstained_and_counted(
    shell: Shell, data: OwnData, certified: Callable[..., Path], serve: Serve, models: dict[str, Model]
) -> None:
    passages = data.candidates.join(data.documents, on="doc_id").head(4)
    shown = [f"{row['title']}\n\n{row['text']}" for row in passages.iter_rows(named=True)]
    answers = (
        ModelAnswer(before="I would say about a 2."),
        ModelAnswer(before='{"rationale": "' + "and so on " * 200),  # cut at max_tokens
        json_reply("Far more than perfect.", 7),
        ModelAnswer(refusal="I cannot help with that."),
    )
    url = serve(Misbehaving(models[GOOD], dict(zip(shown, answers, strict=True))))
    config = certified(url)

    end = shell.here("run", "--config", config, *AMPLIFY)

    assert end.code == 0, end.said
    assert "candidate pairs: 60 = 56 labelled + 4 abstained + 0 failed + 0 refused + 0 skipped" in end.said
    judged = store_of(config).read("judgements").filter(pl.col("purpose") == "amplify")
    outcomes = dict(judged.filter(pl.col("outcome") != "graded").select("doc_id", "outcome").iter_rows())
    assert outcomes == dict(zip(passages["doc_id"], ("malformed", "cut", "out_of_scale", "refused"), strict=True))
    assert judged.filter(pl.col("outcome") != "graded")["grade"].null_count() == 4, "nothing is clipped or guessed"
    assert store_of(config).read("labels")["raw_grade"].max() <= 3  # type: ignore[operator]  # polars: any literal
    assert stats(url)["requests"] == CANDIDATES + 3, "a refusal is an answer; the others are asked for once more"

    again = shell.here("run", "--config", config, *AMPLIFY)
    assert "56 labelled + 4 abstained" in again.said
    assert stats(url)["requests"] == CANDIDATES + 3, "the same replies are not bought again"
