"""Customer text stays out of Dagster's log, also when the endpoint quotes it in an error."""

import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from aiohttp import web

from label_pipeline.rehearsal.serving import running_provider
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import DAYS, Graph


def _echo(status: int) -> web.Application:
    """An endpoint that quotes the whole request in its error."""

    async def complain(request: web.Request) -> web.Response:
        body = await request.json()
        words = "prompt flagged: " + body["messages"][-1]["content"]
        return web.json_response({"error": {"message": words, "type": "error", "code": "x"}}, status=status)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complain)
    return app


@pytest.mark.parametrize("status", [400, 403, 500])
def test_an_endpoint_that_quotes_the_request_leaks_nothing(
    status: int, certified: Callable[[], Graph], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    home = tmp_path / "home"
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"] |= {"boundary": "inside", "max_retries": 0}
    graph = projects.graph(projects.settings(home, endpoints=endpoints), certified().instance)
    text = _make_every_candidate_a_customers(graph)
    with running_provider(_echo(status)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        result = graph.run("amplified_labels", day=DAYS[0])
    told = " ".join(str(event) for event in result.all_events)
    told += json.dumps([str(entry.message) for entry in graph.instance.all_logs(result.run_id)])
    told += "".join(capfd.readouterr())
    told += " ".join(str(v) for frame in ("judgements", "label_runs") for v in _cells(graph, frame))
    for start in range(0, len(text) - 20, 10):
        assert text[start : start + 20] not in told


def _cells(graph: Graph, table: str) -> list[object]:
    return [value for row in graph.project.store("amplify").read(table).iter_rows() for value in row]


def _make_every_candidate_a_customers(graph: Graph) -> str:
    """Marks the documents of the first day; returns the text of one of them."""
    store = graph.project.store("amplify")
    ids = store.read("candidates").filter(pl.col("arrived_on").cast(pl.String) == DAYS[0])["doc_id"]
    documents = store.read("documents")
    mine = pl.col("doc_id").is_in(ids.implode())
    store.overwrite(
        "documents", documents.with_columns(boundary=pl.when(mine).then(pl.lit("customer")).otherwise("boundary"))
    )
    return str(documents.filter(pl.col("doc_id") == ids[0])["text"][0])
