"""Thirty nights beside a provider that rotates three fingerprints: nothing is suspended, nothing calibrated again."""

from itertools import cycle
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from label_pipeline.rehearsal.faults import ChangedFingerprint, Fault, ScriptedFaults
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline_tests.defs import projects
from label_pipeline_tests.defs.anchored import ANCHOR, RUNS, check_of, configured, graph_at, serving

NIGHTS, PAIRS = 30, 100


class Tonight(ScriptedFaults):
    """Every reply of one night under the same fingerprint; nothing else is wrong."""

    fingerprint = "fp_a"

    def __init__(self) -> None:
        super().__init__([])

    def next(self) -> Fault:
        """The night's fingerprint."""
        return ChangedFingerprint(self.fingerprint)


def _cut_anchor(graph: projects.Graph, pairs: int) -> None:
    """Leaves so many graded anchor pairs: the fewest on which anything is decided, for speed."""
    store = graph.project.store("anchor")
    anchor = store.query("seed/graded_pairs", {"splits": ["anchor"]}).select("query_id", "doc_id")
    gold = store.read("gold")
    store.overwrite("gold", gold.join(anchor[pairs:], on=["query_id", "doc_id"], how="anti"))


@pytest.mark.slow
def test_thirty_nights_of_three_fingerprints_suspend_nothing(
    baselined_home: Path, tmp_path: Path, instance: dg.DagsterInstance, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home, tonight = projects.copied(baselined_home, tmp_path / "home"), Tonight()
    fingerprints = cycle(("fp_a", "fp_b", "fp_c"))
    _cut_anchor(graph_at(home, instance), PAIRS)
    with serving(world, monkeypatch, tonight) as provider:
        assert configured(graph_at(home, instance), rebaseline=True).success
        for night in range(1, NIGHTS + 1):
            tonight.fingerprint = next(fingerprints)
            result = graph_at(home, instance, days=night).run(*ANCHOR)
            assert result.success, projects.failure_of(result)
            assert check_of(result).passed, check_of(result).description
        assert provider.requests() <= (RUNS + NIGHTS) * (PAIRS + 5), "nothing but the anchor was asked"
    store = graph_at(home, instance, days=NIGHTS).project.store("anchor")
    runs = store.read("anchor_runs").filter(pl.col("n_pairs") == PAIRS).sort("epoch")
    assert runs.height == RUNS + NIGHTS
    assert set(runs["fingerprints"].tail(NIGHTS)) == {'["fp_a"]', '["fp_b"]', '["fp_c"]'}, "and they were seen"
    verdicts = store.read("drift_verdicts").filter(pl.col("state") != "baseline")
    assert verdicts.height == NIGHTS
    assert set(verdicts["state"]) == {"healthy"}
    assert store.read("verdicts").height == 1, "0 suspensions, 0 recalibrations"
    assert store.read("epochs").filter(pl.col("purpose") == "calibrate").is_empty()
