"""The small project on S3, whatever happens to S3 on the way: a sentence, nothing lost, nothing paid for twice."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
import yaml

from label_pipeline.adapters.lease import CLOCK_GRAIN_S
from label_pipeline.operations.spending import spending
from label_pipeline.rehearsal.faults import ScriptedFaults, SlowReply
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import ALL_DAYS, DAYS, PAIRS_A_DAY, Graph, Provider
from label_pipeline_tests.defs.shared import wait_until
from label_pipeline_tests.s3.projects_on_s3 import INSTANCE_FILE, SECRET, OnS3, changes
from label_pipeline_tests.s3.servers import Troubled
from label_pipeline_tests.small_project import KEY

pytestmark = [pytest.mark.slow, pytest.mark.long]

LEASE_S = 5


def run(graph: Graph, *assets: str, tags: dict[str, str] | None = None) -> None:
    done = graph.run(*assets, tags=tags)
    assert done.success, projects.failure_of(done)


def requests_for(graph: Graph) -> int:
    """Requests that the amplified labels took: one per pair, and one more for every reply that was read again."""
    judged = graph.project.store("review").read("judgements").filter(pl.col("purpose") == "amplify")
    return judged.height + int(judged["attempt"].sum())


def test_a_machine_that_lost_its_disk_goes_on_and_pays_for_nothing_again(
    certified: OnS3, provider: Provider, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    before = provider.requests()
    new = OnS3(certified.bucket, tmp_path / "a new disk").graph(instance)
    run(new, "judge_leaderboard", "calibrated_judge", "gate_verdict")
    assert provider.requests() == before
    run(new, "amplified_labels", tags=ALL_DAYS)
    assert provider.requests() == before + requests_for(new)


def test_a_bucket_that_is_not_there_ends_with_its_sentence(
    certified: OnS3, provider: Provider, instance: dg.DagsterInstance
) -> None:
    before = provider.requests()
    graph = certified.graph(instance, storage={"root": "s3://no-such-bucket/search"})
    for assets, day in (("gold_labels", None), ("judge_leaderboard", None), ("amplified_labels", DAYS[0])):
        told = projects.failure_of(graph.run(assets, day=day))
        assert told.startswith("s3://no-such-bucket/search/")
        assert "S3 has no such bucket here (NoSuchBucket); expected one made beforehand" in told
    elsewhere = certified.graph(instance, inputs={**_inputs(certified), "queries": "s3://no-such-bucket/queries.csv"})
    assert "s3://no-such-bucket/queries.csv cannot be read: S3 has no" in projects.failure_of(
        elsewhere.run("seed_inputs")
    )
    assert provider.requests() == before


def test_an_input_that_is_not_there_names_its_neighbour(certified: OnS3, instance: dg.DagsterInstance) -> None:
    wrong = f"s3://{certified.bucket}/inputs/querys.csv"
    graph = certified.graph(instance, inputs={**_inputs(certified), "queries": wrong})
    told = projects.failure_of(graph.run("seed_inputs"))
    assert told == f"{wrong} does not exist; did you mean s3://{certified.bucket}/inputs/queries.csv?"


def _inputs(found: OnS3) -> dict[str, str]:
    inputs: dict[str, str] = changes(found.bucket)["inputs"]
    return inputs


TROUBLES = {
    "no permission to write labels": {"method": "PUT|POST", "path": "/tables/labels/", "do": "forbid"},
    "the connection dies inside a file of labels": {"method": "PUT|POST", "path": "/tables/labels/", "do": "cut"},
    "the connection dies before the books": {"method": "PUT|POST", "path": "/tables/label_runs/", "do": "cut"},
    "segments cannot be sent": {"method": "PUT", "path": "/search/journal/", "do": "forbid"},
    "a commit is done and its answer lost": {
        "method": "PUT", "path": r"/tables/labels/_delta_log/\d+.json", "do": "swallow",
    },
}  # fmt: skip
ENDS_WELL = {"a commit is done and its answer lost"}


ALWAYS = {"the connection dies inside a file of labels", "a commit is done and its answer lost"}
"""Those that are tried each time; the others with `make test-thorough`."""


@pytest.mark.parametrize(
    "name", [name if name in ALWAYS else pytest.param(name, marks=pytest.mark.thorough) for name in TROUBLES]
)
def test_whatever_happens_to_s3_it_ends_with_a_sentence_and_a_rerun_ends_as_if_nothing_had(
    name: str, certified: OnS3, provider: Provider, instance: dg.DagsterInstance, troubled: Troubled
) -> None:
    before, graph = provider.requests(), certified.graph(instance)
    troubled.rules(TROUBLES[name])
    result = graph.run("amplified_labels", day=DAYS[0])
    assert troubled.rules()[0] >= 1, "nothing struck, so nothing was tested"
    if name not in ENDS_WELL:
        told = projects.failure_of(result)
        assert f"s3://{certified.bucket}/search/" in told
        assert "what was stored before is kept" in told
        assert ("refuses these credentials" in told) == (TROUBLES[name]["do"] == "forbid")
    again = graph.run("amplified_labels", day=DAYS[0])
    assert again.success, projects.failure_of(again)
    assert provider.requests() == before + requests_for(graph), "each pair was paid for once"
    store = graph.project.store("review")
    labels = store.read("labels")
    assert labels.height == labels.unique(["task", "collection", "query_id", "doc_id"]).height == PAIRS_A_DAY
    judged = store.read("judgements").filter(pl.col("purpose") == "amplify")
    assert judged["cost_usd"].sum() == pytest.approx(judged.unique("request_key")["cost_usd"].sum())
    assert store.read("label_runs")["labelled"].max() == PAIRS_A_DAY
    for check in ("labels_contract", "labels_missing_from_run", "books_do_not_add_up", "labelled_twice"):
        assert store.query(f"checks/{check}").is_empty(), check


def test_two_machines_at_once_one_waits_its_turn(
    certified: OnS3, provider: Provider, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    before = provider.requests()
    other = OnS3(certified.bucket, tmp_path / "another machine").graph(instance)
    with spending(certified.graph(instance).project):
        told = projects.failure_of(other.run("amplified_labels", day=DAYS[0]))
        assert f"holds the spending lease s3://{certified.bucket}/search/spending.lease" in told
        assert "two at once would pay twice" in told
        assert provider.requests() == before
    assert other.run("amplified_labels", day=DAYS[0]).success
    run_here = certified.graph(instance).run("amplified_labels", day=DAYS[0])
    assert run_here.success, projects.failure_of(run_here)
    assert provider.requests() == before + requests_for(other), "what one machine paid for the other has"


def test_a_run_that_lost_its_lease_stops_before_it_pays_twice(
    certified: OnS3, world: SampleWorld, instance: dg.DagsterInstance, troubled: Troubled,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    storage = {"root": f"s3://{certified.bucket}/search", "lease_s": LEASE_S}
    endpoints = changes(certified.bucket)["endpoints"]
    endpoints["rehearsal"]["concurrency"] = 1
    graph = certified.graph(instance, storage=storage, endpoints=endpoints)
    late = ScriptedFaults([SlowReply(1)] * 14)
    with running_provider(make_app(simulated_models(world), api_key=KEY, faults=late)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        with ThreadPoolExecutor(1) as beside:
            cut_off = beside.submit(_forbid_renewals_once_asked, url, troubled)
            told = projects.failure_of(graph.run("amplified_labels", day=DAYS[0]))
        cut_off.result()
        assert f"could not be renewed within {LEASE_S} s, so another machine may be asking by now" in told
        sent = Provider(url).requests()
        assert 0 < sent < PAIRS_A_DAY
        troubled.rules()
        time.sleep(LEASE_S + CLOCK_GRAIN_S)
        again = graph.run("amplified_labels", day=DAYS[0])
        assert again.success, projects.failure_of(again)
        assert Provider(url).requests() == requests_for(graph), "what was answered before is not asked again"


def _forbid_renewals_once_asked(url: str, troubled: Troubled) -> None:
    wait_until(lambda: Provider(url).requests() >= 2, "two requests")
    troubled.rules({"method": "PUT", "path": "spending.lease", "do": "forbid"})


def test_the_shipped_instance_file_says_what_the_local_one_says_but_for_places() -> None:
    shipped = yaml.safe_load(INSTANCE_FILE.read_text())
    local = yaml.safe_load((INSTANCE_FILE.parents[1] / "dagster.yaml").read_text())
    places = {"storage", "compute_logs", "local_artifact_storage"}
    assert {key: value for key, value in shipped.items() if key not in places} == {
        key: value for key, value in local.items() if key not in places
    }
    assert places <= shipped.keys() & local.keys()


def test_a_key_that_is_no_secret_of_this_region(
    certified: OnS3, provider: Provider, instance: dg.DagsterInstance
) -> None:
    before, endpoints = provider.requests(), changes(certified.bucket)["endpoints"]
    for name, expected in (
        ("sk-the-key-itself", "Secrets Manager answered ResourceNotFoundException; expected the name of a secret"),
        (f"{SECRET}:nothing", "the secret has no such field; expected a JSON object with it"),
    ):
        endpoints["rehearsal"]["api_key_secret"] = name
        told = projects.failure_of(certified.graph(instance, endpoints=endpoints).run("amplified_labels", day=DAYS[0]))
        assert told.startswith(f"endpoints.rehearsal.api_key_secret: {expected}")
        assert name not in told
    assert provider.requests() == before
