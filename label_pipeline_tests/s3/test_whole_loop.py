"""The whole loop on S3, customer text included: the same figures as on a folder, and nothing where it should not be.

No key, secret or document text is found in tables that should not hold it, objects, logs, MLflow or Dagster's storage.
"""

import re
import shutil
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from label_pipeline.adapters.store import Store
from label_pipeline.adapters.tracking import Tracker
from label_pipeline.core.catalogue import TABLES
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.projects import ALL_DAYS, DAYS, Provider
from label_pipeline_tests.defs.shared import dagster
from label_pipeline_tests.s3 import projects_on_s3, scanning, servers
from label_pipeline_tests.s3.projects_on_s3 import AMPLIFY, ANCHOR, RANK, OnS3, changes, figures
from label_pipeline_tests.small_project import KEY

pytestmark = pytest.mark.long

SECRETS = {"the provider's key": KEY, "the AWS secret": servers.SECRET}
MAY_HOLD_TEXT = {"documents", "anchor_items"}
REASONS = ("rationale",)
"""Columns that hold a judge's or annotator's reason, which may quote a document."""


MOST_SENTENCES = 400
"""Looked for in every file; all of the customers' and of as many more documents as that allows."""


@dataclass(frozen=True)
class Left:
    """What a whole run has left behind.

    Attributes:
        store: the tables.
        objects: the project's bucket, by key; logs: the bucket of logs.
        disk: files of the machine: the project's home and Dagster's.
        tracker: MLflow.
        texts: distinctive sentences of documents that were judged, by a name that says whose.
    """

    store: Store
    objects: dict[str, bytes]
    logs: dict[str, bytes]
    disk: dict[str, bytes]
    texts: dict[str, str]
    tracker: Tracker

    def places(self, contents: Mapping[str, bytes], may_hold_text: str | tuple[str, ...] = ()) -> dict[str, set[str]]:
        """Where something is found that may not be there, and what."""
        both = {**SECRETS, **self.texts}
        found = {
            place: scanning.found_in(content, SECRETS if may_hold_text and place.startswith(may_hold_text) else both)
            for place, content in contents.items()
        }
        return {place: names for place, names in found.items() if names}


def sentences(world: SampleWorld, judged: pl.DataFrame) -> dict[str, str]:
    """Sentences that stand in judged documents, and in nothing people wrote about them."""
    others = "\n".join([*world.queries["query"], *world.human_labels["rationale"].drop_nulls()])
    found: dict[str, str] = {}
    for row in world.documents.join(judged, on="doc_id", how="semi").sort("boundary").iter_rows(named=True):
        for sentence in re.split(r"(?<=[.!?])\s+", row["text"]):
            enough = row["boundary"] == "internal" and len(found) > MOST_SENTENCES
            if len(sentence) >= 40 and sentence not in others and not enough:
                found[f"{row['boundary']} document {row['doc_id']}: {sentence}"] = sentence
    return found


@pytest.fixture(scope="module")
def left(
    certified_on_s3: OnS3, world: SampleWorld, provider_url: str, s3_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Left]:
    """The certified project, then the rest of the loop, customer documents among what is judged."""
    folder = tmp_path_factory.mktemp("scanned")
    servers.make_bucket(s3_url, "scanned")
    project = certified_on_s3.copied(s3_url, "scanned", folder / "home")
    s3, key = servers.client("s3", s3_url), "inputs/candidates.jsonl"
    before = s3.get_object(Bucket="scanned", Key=key)["Body"].read()
    s3.put_object(Bucket="scanned", Key=key, Body=with_customers(world, before))
    endpoints: dict[str, Any] = changes("scanned")["endpoints"]
    endpoints["rehearsal"]["boundary"] = "inside"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**servers.environment(s3_url), "LABEL_PIPELINE_PROVIDER": provider_url}.items():
            patch.setenv(name, value)
        with projects_on_s3.shipped_instance(folder / "dagster") as instance:
            graph = project.graph(instance, endpoints=endpoints)
            done = graph.run("candidate_pairs", tags=ALL_DAYS)
            assert done.success, projects.failure_of(done)
            patch.setenv("LABEL_PIPELINE_CONFIG", str(project.settings_file(folder / "s.yaml", endpoints=endpoints)))
            # as the page launches it: in a process of its own, what it prints captured
            args = ("--select", "amplified_labels", "--partition", DAYS[0], "-m", f"{__package__}.definitions_at_start")
            assert dagster("asset", "materialize", *args).wait(240) == 0
            for assets, tags in ((AMPLIFY, ALL_DAYS), (RANK, {}), (ANCHOR, {})):
                done = graph.run(*assets, tags=tags)
                assert done.success, projects.failure_of(done)
            nowhere = project.graph(instance, storage={"root": "s3://no-such-bucket/search"}, endpoints=endpoints)
            assert not nowhere.run("gate_verdict").success, "a failed run leaves its error behind too"
        shutil.copytree(certified_on_s3.home.parent / "dagster", folder / "dagster of the gate")
        scanning.databases_closed(folder)
        store = graph.project.store("review")
        judged = store.read("judgements").select("doc_id").unique()
        yield Left(
            store, servers.contents(s3_url, "scanned"), servers.contents(s3_url, projects_on_s3.LOGS),
            scanning.files(folder), sentences(world, judged), graph.project.tracker,
        )  # fmt: skip


def with_customers(world: SampleWorld, candidates: bytes) -> bytes:
    """The small project's candidates, and ten pairs with customer documents on the first day."""
    customers = world.documents.filter(pl.col("boundary") == "customer").select("doc_id")
    more = world.candidates.join(customers, on="doc_id", how="semi").head(10).with_columns(arrived_on=pl.lit(DAYS[0]))
    assert more.height == 10
    same = pl.read_ndjson(candidates).columns
    return candidates.rstrip() + b"\n" + more.select(same).write_ndjson().encode()


@pytest.mark.slow
def test_every_table_ends_as_on_a_folder(
    left: Left, world: SampleWorld, certified_home: Path, provider: Provider, instance: dg.DagsterInstance,
    tmp_path: Path,
) -> None:  # fmt: skip
    home = projects.copied(certified_home, tmp_path / "folder")
    candidates = home / "inputs" / "candidates.jsonl"
    candidates.write_bytes(with_customers(world, candidates.read_bytes()))
    endpoints = projects.data(home)["endpoints"]
    endpoints["rehearsal"]["boundary"] = "inside"
    graph = projects.graph(projects.settings(home, endpoints=endpoints), instance)
    for assets, tags, day in (
        (("candidate_pairs",), ALL_DAYS, None), (("amplified_labels",), {}, DAYS[0]), (AMPLIFY, ALL_DAYS, None),
        (RANK, {}, None), (ANCHOR, {}, None),
    ):  # fmt: skip
        done = graph.run(*assets, tags=tags, day=day)
        assert done.success, projects.failure_of(done)
    on_folder, on_s3 = figures(graph.project.store("review")), figures(left.store)
    assert {name for name, frame in on_folder.items() if frame.is_empty()} <= {"quarantine", "input_notes"}, (
        "nothing to compare"
    )
    for name in TABLES:
        assert_frame_equal(on_s3[name], on_folder[name], check_exact=True)
    assert left.tracker.certified() == graph.project.tracker.certified()
    assert left.tracker.champion() == graph.project.tracker.champion()
    assert not any(path.startswith("home/tables") for path in left.disk)


def test_customer_documents_were_judged_and_their_sentences_are_looked_for(left: Left) -> None:
    assert sum(name.startswith("customer") for name in left.texts) >= 5
    assert sum(name.startswith("internal") for name in left.texts) >= 200


def test_no_table_holds_a_secret_nor_text_that_is_not_its_own(left: Left) -> None:
    found: dict[str, set[str]] = {}
    for name in TABLES:
        forbidden = SECRETS if name in MAY_HOLD_TEXT else {**SECRETS, **left.texts}
        for text in scanning.texts_of(left.store.read(name), leave_out=REASONS):
            if there := scanning.found_in(text.encode(), forbidden):
                found[name] = found.get(name, set()) | there
    assert found == {}


def test_no_rationale_of_a_customer_document_is_stored(left: Left, world: SampleWorld) -> None:
    customers = world.documents.filter(pl.col("boundary") == "customer").select("doc_id")
    judged = left.store.read("judgements").join(customers, on="doc_id", how="semi")
    assert judged.height >= 10
    assert judged["rationale"].null_count() == judged.height


def test_no_object_holds_a_secret_nor_text_but_documents_and_reasons(left: Left) -> None:
    may = ("inputs/", "search/journal/", *(f"search/tables/{name}/" for name in (*MAY_HOLD_TEXT, "judgements")))
    assert sum(not key.startswith(may) for key in left.objects) > 50
    assert left.places(left.objects, may) == {}


def test_no_log_of_a_step_holds_a_secret_or_text(left: Left) -> None:
    assert any(b"amplified_labels" in content for content in left.logs.values()), "a log that says nothing is no test"
    assert left.places(left.logs) == {}


def test_no_file_of_dagster_or_mlflow_holds_a_secret_or_text(left: Left) -> None:
    for part in ("home/mlflow/", "home/journal.sqlite", "dagster/history/", "dagster of the gate/history/"):
        assert any(path.startswith(part) for path in left.disk), part
    assert left.places(left.disk, "home/journal.sqlite") == {}


def test_the_scan_finds_what_is_there(left: Left) -> None:
    """Where text may be, the same scan finds it: it looks into the tables' files, and into segments for reasons."""
    tables = [key for key in left.objects if key.startswith("search/tables/documents/") and key.endswith(".parquet")]
    assert any(scanning.found_in(left.objects[key], left.texts) for key in tables)
    segment = next(content for key, content in left.objects.items() if key.startswith("search/journal/"))
    assert scanning.found_in(segment, {"a field of every reply": "request_id"}) == {"a field of every reply"}
    events = [c for path, c in left.disk.items() if path.startswith("dagster/history/") and c[:6] == b"SQLite"]
    assert any(scanning.found_in(content, {"an asset": "amplified_labels"}) for content in events)


SENTENCE = 'A "quoted" sentence für alle.'


@pytest.mark.parametrize("kind", ["text", "json", "gzip", "zlib", "sqlite text", "sqlite zlib", "parquet"])
def test_the_scan_finds_what_is_planted(kind: str, tmp_path: Path) -> None:
    import gzip
    import io
    import json
    import sqlite3

    content = f"before {SENTENCE} after".encode()
    if kind == "json":
        content = json.dumps({"message": content.decode()}).encode()
    elif kind == "gzip":
        content = gzip.compress(content)
    elif kind == "zlib":
        content = zlib.compress(content)
    elif kind.startswith("sqlite"):
        with sqlite3.connect(tmp_path / "db") as database:
            database.execute("CREATE TABLE t (c)")
            cell = zlib.compress(content) if kind == "sqlite zlib" else content.decode()
            database.execute("INSERT INTO t VALUES (?)", (cell,))
        database.close()
        content = (tmp_path / "db").read_bytes()
    elif kind == "parquet":
        buffer = io.BytesIO()
        pl.DataFrame({"column": [content.decode()] * 100}).write_parquet(buffer)
        content = buffer.getvalue()
    assert scanning.found_in(content, {"it": SENTENCE, "not": "nowhere to be found"}) == {"it"}
