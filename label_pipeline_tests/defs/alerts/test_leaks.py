"""Nothing of a text, a key or an address gets out with an alert."""

import json
import logging
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.adapters.receiver import SECRET, Receiver
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.alerts.ticks import daemon, told
from label_pipeline_tests.defs.test_customer_text import _echo
from label_pipeline_tests.small_project import KEY


def test_no_text_no_key_and_no_address_gets_out(
    world: SampleWorld, tmp_path: Path, instance: dg.DagsterInstance, hook: Receiver,
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    """Texts that fail their contract, texts that an endpoint quotes in its refusal, texts in what checks show."""
    caplog.set_level(logging.DEBUG)
    projects.write_small_inputs(world, tmp_path)
    grades = pl.read_csv(tmp_path / "inputs" / "human_labels.csv", infer_schema=False)
    texts = dict(pl.read_parquet(tmp_path / "inputs" / "documents.parquet").select("doc_id", "text").iter_rows())
    quoted = pl.col("doc_id").replace_strict(texts, default="")
    pl.concat([grades, grades.head(20).with_columns(grade=quoted)]).write_csv(tmp_path / "inputs" / "human_labels.csv")
    monkeypatch.setenv("LABEL_PIPELINE_PROVIDER_KEY", KEY)
    watch = daemon(tmp_path, instance)
    with running_provider(_echo(400)) as url:
        monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
        assert watch.graph.run("seed_inputs", "annotator_agreement", "gold_labels", "seed_splits").success
        asked = watch.graph.run("judge_leaderboard")
    assert not asked.success
    quoting = projects.failure_of(asked)
    hook.answers += [200, 200, 500]
    said = [watch.tick(), watch.tick()]
    assert [check for check, *_ in told(hook)] == ["inputs_contract", "agreement_floor", None]
    assert hook.taken[-1]["sentence"].endswith("in the page of the run only, they may quote a text")

    out = json.dumps(hook.tried) + "".join(said) + str(watch.cursor) + watch.path.read_text()
    needles = {text[at : at + 20] for text in texts.values() for at in range(0, len(text) - 20, 10)}
    assert any(needle in quoting for needle in needles), "the run's own sentence quotes nothing, so nothing was tested"
    assert {needle for needle in needles if needle in out} == set()
    assert KEY not in out
    told_on_the_way = caplog.text + "".join(str(event) for event in asked.all_events)
    assert SECRET not in out + told_on_the_way
    assert hook.url not in out + told_on_the_way
