"""Thirty nights beside a provider that rotates three fingerprints: nothing is suspended, nothing calibrated again."""

from dataclasses import replace
from itertools import cycle
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable

from label_pipeline.operations.anchor_reference import anchors
from label_pipeline.operations.drift_evidence import evidence_of
from label_pipeline.rehearsal.faults import ChangedFingerprint, Fault, ScriptedFaults
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.stages.anchor import decide_drift
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import ANCHOR, RUNS, Small, failure_of, serving, watched

NIGHTS, PAIRS = 30, 100
GROWING = ("judgements", "anchor_runs", "drift_verdicts", "epochs")
"""Tables that gain a file a night."""
DECIDED_EVERY = 5
"""Nights between two verdicts of the graph; the others are decided on at the end, by the same function."""


class Tonight(ScriptedFaults):
    """Every reply of one night under the same fingerprint; nothing else is wrong."""

    fingerprint = "fp_a"

    def __init__(self) -> None:
        super().__init__([])

    def next(self) -> Fault:
        """The night's fingerprint."""
        return ChangedFingerprint(self.fingerprint)


def _cut_anchor(graph: Small, pairs: int) -> None:
    """Leaves so many graded anchor pairs: the fewest on which anything is decided, for speed."""
    store = graph.project.store("anchor")
    anchor = store.query("seed/graded_pairs", {"splits": ["anchor"]}).select("query_id", "doc_id")
    gold = store.read("gold")
    store.overwrite("gold", gold.join(anchor[pairs:], on=["query_id", "doc_id"], how="anti"))


def _compact(graph: Small) -> None:
    """Puts the small files of a month into one per table: half of this test's time was opening them."""
    for table in GROWING:
        DeltaTable(f"{graph.project.store('anchor').root}/{table}").optimize.compact()


@pytest.mark.thorough
@pytest.mark.long
@pytest.mark.slow
def test_thirty_nights_of_three_fingerprints_suspend_nothing(
    certified_home: Path, tmp_path: Path, world: SampleWorld,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    home, tonight = projects.copied(certified_home, tmp_path / "home"), Tonight()
    fingerprints = cycle(("fp_a", "fp_b", "fp_c"))
    _cut_anchor(watched(home), PAIRS)
    with serving(world, monkeypatch, tonight) as provider:
        assert watched(home).run(*ANCHOR).success
        for night in range(1, NIGHTS + 1):
            tonight.fingerprint = next(fingerprints)
            graph = watched(home, days=night)
            decides = night % DECIDED_EVERY == 0
            result = graph.run(*ANCHOR if decides else ANCHOR[:1])
            assert result.success, failure_of(result)
            if decides:
                assert result.found["drift_verdict"].ill.is_empty(), result.found["drift_verdict"].sentence
                _compact(graph)
        assert provider.requests() <= (RUNS + NIGHTS) * (PAIRS + 5), "nothing but the anchor was asked"
    project = watched(home, days=NIGHTS).project
    store = project.store("anchor")
    runs = store.read("anchor_runs").sort("epoch")
    assert set(runs["n_pairs"]) == {PAIRS}
    assert runs.height == RUNS + NIGHTS
    assert set(runs["fingerprints"].tail(NIGHTS)) == {'["fp_a"]', '["fp_b"]', '["fp_c"]'}, "and they were seen"
    verdicts = store.read("drift_verdicts").filter(pl.col("state") != "baseline")
    assert verdicts.height == NIGHTS // DECIDED_EVERY
    assert set(verdicts["state"]) == {"healthy"}
    assert store.read("verdicts").height == 1, "0 suspensions, 0 recalibrations"
    assert store.read("epochs").filter(pl.col("purpose") == "calibrate").is_empty()
    [found] = anchors(project)[0]
    evidence = evidence_of(project, found)
    nights = [decide_drift(replace(evidence, watch=evidence.watch[:night])) for night in range(1, NIGHTS + 1)]
    assert {verdict.state for verdict in nights} == {"healthy"}, "decided on every night, too"
    strange = [{s.name for s in verdict.signals if s.fired} for verdict in nights]
    assert strange == [set(), {"fingerprint"}, {"fingerprint"}] * (NIGHTS // 3), "fp_a is the baseline's"
