"""`check --ask`: a stranger's first contact with endpoints of several dialects, by the command, to working settings."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest
import yaml

from label_pipeline.operations.project import Project
from label_pipeline.rehearsal.dialect import Dialect, Refusal
from label_pipeline.rehearsal.protocol import ChatRequest, Model, ModelAnswer
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.settings import load
from label_pipeline_tests.cli import own_data
from label_pipeline_tests.cli.commands import Shell, stats
from label_pipeline_tests.cli.own_data import KEY, OwnData


def error(message: str) -> dict[str, object]:
    return {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": "invalid_request_error"}
    }


NO_SCHEMA = Refusal(
    "response_format.type", ("json_schema",), 400, error("This response_format type is unavailable now")
)
NO_JSON = Refusal("response_format", None, 400, error("response_format is not supported"))
NO_SYSTEM = Refusal("messages.role", ("system",), 400, error("System role not supported"))
NO_LOGPROBS = Refusal("logprobs", (True,), 400, error("`logprobs` is not supported with this model"))


class Served:
    """Starts providers of one dialect each."""

    def __init__(self, stack: ExitStack, models: dict[str, Model]) -> None:
        self._stack, self._models = stack, models

    def __call__(self, *refuses: Refusal, models: Sequence[Model] = ()) -> str:
        app = make_app(models or list(self._models.values()), api_key=KEY, dialect=Dialect(refuses=refuses))
        return self._stack.enter_context(running_provider(app))


@pytest.fixture
def served(models: dict[str, Model]) -> Iterator[Served]:
    with ExitStack() as stack:
        yield Served(stack, models)


def test_three_pairs_are_asked_shown_and_booked_and_a_calibration_does_not_ask_them_again(
    shell: Shell, data: OwnData, served: Served
) -> None:
    url = served()
    config = own_data.fill(shell.folder / "company", data, url)
    end = shell.here("check", "--config", config, "--ask", "3")
    assert end.code == 0, end.said
    assert "asking 1 judge about 3 pairs of train: 3 requests, at most $" in end.said
    assert "judge-good/plain at main: 3 of 3 replies hold a grade" in end.said
    assert end.said.count("(people: ") == 3
    assert "served: model judge-good by 127.0.0.1" in end.said
    assert "everything fits" in end.said
    assert stats(url)["requests"] == 3
    store = Project(load(config)).store("rank")
    rows = store.read("judgements")
    assert (rows["purpose"].unique().to_list(), rows.height, rows["query_id"].n_unique()) == (["check"], 3, 3)
    assert rows["cost_usd"].sum() == pytest.approx(store.read("payments")["cost_usd"].sum())
    assert store.query("checks/books_differ_in_money").is_empty()

    again = shell.here("check", "--config", config, "--ask", "3")
    assert "0 requests, 3 known, at most $0.0000" in again.said
    done = shell.here("run", "--config", config, "--until", "calibrate")
    assert done.code == 0, done.said
    assert stats(url)["requests"] == 320, "the three were answered by the journal"
    assert store.query("checks/books_differ_in_money").is_empty()


@pytest.mark.parametrize(
    ("refuses", "key", "fitted"),
    [
        ((NO_SCHEMA,), "change endpoints.main.reply_format: json_object", {"reply_format": "json_object"}),
        ((NO_LOGPROBS, NO_JSON, NO_SYSTEM), "change endpoints.main.logprobs: false",
         {"logprobs": False, "reply_format": "text", "system_role": "fold"}),
    ],
    ids=["json_object", "nothing but text"],
)  # fmt: skip
def test_what_does_not_fit_names_its_key_and_fit_finds_settings_that_do(
    shell: Shell, data: OwnData, served: Served, refuses: tuple[Refusal, ...], key: str, fitted: dict[str, object]
) -> None:
    url = served(*refuses)
    config = own_data.fill(shell.folder / "company", data, url)
    own_data.edit(config, candidates=[own_data.judge(own_data.GOOD, logprobs=NO_LOGPROBS in refuses)])
    plain = shell.here("check", "--config", config, "--ask", "2")
    assert plain.code == 5
    assert "main: no reply" in plain.said
    assert key in plain.said
    assert "these settings fit" not in plain.said
    assert stats(url)["requests"] <= 2, "nothing else is tried unasked"

    end = shell.here("check", "--config", config, "--ask", "2", "--fit")
    assert end.code == 0, end.said
    assert "2 of 2 replies hold a grade" in end.said
    block = end.out[end.out.index("    main:") :].split("\n\n")[0]
    assert yaml.safe_load(block) == {"main": fitted}

    settings = yaml.safe_load(config.read_text())
    settings["endpoints"]["main"] |= fitted
    config.write_text(yaml.safe_dump(settings))
    before = stats(url)["requests"]
    assert shell.here("check", "--config", config, "--ask", "2").code == 0
    assert stats(url)["requests"] == before, "the judge of these settings is the one that was tried"


class Mumbling:
    """A model that never says a grade."""

    name = served_as = own_data.GOOD
    fingerprint = "fp"

    def answer(self, request: ChatRequest) -> ModelAnswer:
        return ModelAnswer(before="I would rather not say.")


def test_all_that_is_tried_shares_one_cap(shell: Shell, data: OwnData, served: Served) -> None:
    """Unreadable replies are paid for: twelve of them where the plan, and here the cap, has four."""
    url = served(models=[Mumbling()])
    config = own_data.fill(shell.folder / "company", data, url)
    free = own_data.judge(own_data.GOOD, prices={own_data.GOOD: {"input_usd": 1000, "output_usd": 0}})
    own_data.edit(config, candidates=[free], calibrate={"cap_usd": 0})
    planned = shell.here("check", "--config", config, "--ask", "4").said
    cap_usd = float(planned.split("4 requests, at most $")[-1].split(";")[0])
    own_data.edit(config, calibrate={"cap_usd": cap_usd + 0.001})
    end = shell.here("check", "--config", config, "--ask", "4", "--fit")
    assert end.code == 4, "the calibration is over this cap, too"
    assert "tried without success: reply_format" in end.said
    assert "these settings fit" not in end.said
    store = Project(load(config)).store("rank")
    paid = store.read("payments")["cost_usd"].sum()
    assert cap_usd / 2 < paid <= cap_usd + 0.001
    assert store.query("checks/books_differ_in_money").is_empty()


def test_nothing_is_asked_over_the_cap_or_without_a_pair_that_may_leave(
    shell: Shell, data: OwnData, served: Served
) -> None:
    url = served()
    config = own_data.fill(shell.folder / "company", data, url)
    own_data.edit(config, calibrate={"cap_usd": 0.000001})
    end = shell.here("check", "--config", config, "--ask", "3")
    assert end.code == 4
    own_data.edit(config, calibrate={"cap_usd": 5})
    documents = Path(config.parent / "documents.csv")
    pl.read_csv(documents).with_columns(boundary=pl.lit("customer")).write_csv(documents)
    end = shell.here("check", "--config", config, "--ask", "3")
    assert "nobody was asked" in end.said
    assert stats(url)["requests"] == 0


def test_fit_alone_is_refused(shell: Shell, data: OwnData) -> None:
    config = own_data.fill(shell.folder / "company", data, "http://127.0.0.1:9/v1")
    end = shell.here("check", "--config", config, "--fit")
    assert end.code == 2
    assert "--fit goes with --ask N" in end.said
