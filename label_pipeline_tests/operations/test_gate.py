"""The provider changes the served model: the re-certification lane over a real provider, its refusals and its looks."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shutil import rmtree
from typing import Any

import polars as pl
import pytest
from deltalake import write_deltalake

from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.gate import current_standings, look_budget
from label_pipeline.rehearsal.faults import Fault, ScriptedFaults, ServedAs
from label_pipeline.rehearsal.provider import make_app
from label_pipeline.rehearsal.serving import running_provider
from label_pipeline.rehearsal.simulated import SAMPLE_MODELS, SimulatedSpec, simulated_models
from label_pipeline.rehearsal.world import SampleWorld
from label_pipeline.stages import gate
from label_pipeline_tests import small_project as projects
from label_pipeline_tests.small_project import KEY, START, Provider, Small, failure_of
from label_pipeline_tests.sql import frames

LARGE = next(spec for spec in SAMPLE_MODELS if spec.name == "rehearsal-large")
SMALL = next(spec for spec in SAMPLE_MODELS if spec.name == "rehearsal-small")
NEXT, AFTER = "rehearsal-large-2026-09", "rehearsal-large-2026-10"
HARMLESS = replace(LARGE, served_as=NEXT, seed=21)
WORSE = replace(SMALL, name=LARGE.name, served_as=NEXT, refusal_rate=0.0, malformed_rate=0.0)
ACCEPTED = [str(LARGE.served_as), NEXT, AFTER]

Serving = Callable[..., Any]


@pytest.fixture
def serving(world: SampleWorld, monkeypatch: pytest.MonkeyPatch) -> Serving:
    """Starts the provider anew with one model behind `rehearsal-large`, as a provider that changed it overnight."""

    @contextmanager
    def start(spec: SimulatedSpec, faults: ScriptedFaults | None = None) -> Iterator[Provider]:
        app = make_app(simulated_models(world, (spec,)), api_key=KEY, faults=faults)
        with running_provider(app) as url:
            monkeypatch.setenv("LABEL_PIPELINE_PROVIDER", url)
            yield Provider(url)

    return start


@pytest.fixture
def graph(certified_small: Callable[[], Small], tmp_path: Path) -> Small:
    """The certified project, whose settings accept the model under its later names."""
    found = projects.data(tmp_path / "home")
    found["candidates"][0]["served_as"] = ACCEPTED
    settings = projects.settings(tmp_path / "home", candidates=found["candidates"])
    return Small(settings)


def launch(
    graph: Small, lane: str = "recertify", *, fresh: bool = True, assets: tuple[str, ...] = (), **look: Any
) -> Any:
    """Calibrates anew and looks in ``lane``, failures returned."""
    names = assets or ("judge_leaderboard", "calibrated_judge", "gate_verdict")
    return graph.run(*names, judge_leaderboard={"fresh": fresh}, gate_verdict={"lane": lane, **look})


def newest(graph: Small) -> dict[str, Any]:
    return graph.project.store("gate").read("verdicts").sort("epoch", "decided_at").row(-1, named=True)


def suspend(graph: Small) -> dict[str, Any]:
    """Suspends the certified judge, as the sensor does that saw another model; returns its verdict."""
    store = graph.project.store("gate")
    decision = store.read("verdicts").row(0, named=True)
    row = gate.suspension(decision, "the provider serves another model", decision["epoch"], START)
    store.append("verdicts", row, "sensor")
    return decision


def sentences(verdict: Mapping[str, Any]) -> dict[str, str]:
    return {criterion["name"]: criterion["sentence"] for criterion in json.loads(verdict["criteria"])}


def test_a_harmless_change_is_certified_beside_the_full_judge_with_a_budget_of_its_own(
    graph: Small, serving: Serving
) -> None:
    first = suspend(graph)
    with serving(HARMLESS) as provider:
        done = launch(graph)
        assert done.success, failure_of(done)
        assert provider.requests() == 420 + 600
        verdict = newest(graph)
        assert (verdict["lane"], verdict["state"], verdict["look"], verdict["epoch"]) == ("recertify", "open", 1, 1)
        assert round(verdict["alpha"], 4) == 0.0304
        assert verdict["judge_version"] != first["judge_version"]
        told = sentences(verdict)
        assert told["reference judge"].startswith(f"compared with judge {first['judge_version']}, which the full gate")
        assert told["anchor queries"] == (
            "compared on 60 holdout queries only: the reference judge's grades of the anchor are not stored; 180 "
            "graded pairs left out that it was never asked about"
        )
        standing = current_standings(graph.project, "amplify", ["main"])["main"]
        assert (standing.open, standing.judge_version) == (True, verdict["judge_version"])

        before = provider.requests()
        again = launch(graph, fresh=False, assets=("gate_verdict",))
        assert again.success
        assert provider.requests() == before
        assert graph.project.store("gate").read("holdout_looks").height == 2, "the same look is not paid for twice"

    with serving(replace(HARMLESS, served_as=AFTER, seed=22)):
        assert launch(graph).success
        second = newest(graph)
        assert (second["lane"], second["look"]) == ("recertify", 2)
        assert first["judge_version"] in sentences(second)["reference judge"], "never a judge of the lane"
    left = {lane: look_budget(graph.project, "gate", "main", lane).left for lane in ("full", "recertify")}
    assert left == {"full": 4, "recertify": 3}
    needed = look_budget(graph.project, "gate", "main", "full")
    assert needed.queries_needed >= 44
    assert needed.sentence.startswith("collection main: 4 looks of lane full are left at this holdout; a new one needs")


def test_a_worse_model_is_closed_with_figure_bound_margin_and_what_to_do(graph: Small, serving: Serving) -> None:
    suspend(graph)
    with serving(WORSE):
        done = launch(graph)
    assert done.success, failure_of(done)
    verdict = newest(graph)
    assert (verdict["lane"], verdict["state"], verdict["open"]) == ("recertify", "closed", False)
    lost = sentences(verdict)["difference of skill R2"]
    assert "of the reference judge: difference -0." in lost
    assert lost.endswith("let the full gate decide on its own terms (lane full)")
    assert not current_standings(graph.project, "gate", ["main"])["main"].open


def test_what_a_full_gate_closed_the_lane_does_not_open(graph: Small, serving: Serving) -> None:
    """The same member and model, calibrated anew: another judge version, and no change from outside since."""
    suspend(graph)
    with serving(replace(WORSE, noise=3.0)) as provider:
        assert launch(graph, "full").success
        assert (newest(graph)["state"], newest(graph)["lane"]) == ("closed", "full")
        asked, looks = provider.requests(), graph.project.store("gate").read("holdout_looks").height
        done = launch(graph)
        assert "the full gate closed on this member and served model" in failure_of(done)
        assert provider.requests() == asked + 420, "the calibration it was launched with; the holdout was not asked"
    assert graph.project.store("gate").read("holdout_looks").height == looks


def test_the_anchor_counts_where_the_full_judge_had_judged_it(graph: Small, serving: Serving) -> None:
    _judge_the_anchor(graph)
    with serving(HARMLESS) as provider:
        done = launch(graph)
        assert done.success, failure_of(done)
        assert provider.requests() == 420 + 600 + 180
    verdict = newest(graph)
    assert (verdict["n_queries"], verdict["n_pairs"]) == (78, 780)
    assert sentences(verdict)["anchor queries"] == "compared on 60 holdout and 18 anchor queries"


def _judge_the_anchor(graph: Small) -> None:
    """Books the baseline of the certified judge: the grade the humans gave, as of the model it was certified on."""
    store = graph.project.store("gate")
    pairs = store.query("seed/graded_pairs", {"splits": ["anchor"]})
    assert len(pair_texts(pairs)) == 180
    one = store.read("judgements").filter(pl.col("purpose") == "gate").row(0, named=True)
    rows = [
        {**dict(zip(PAIR_KEY, key, strict=True)), "purpose": "anchor", "epoch": 1, "grade": round(mean),
         "request_key": f"a{number}", "member_hash": one["member_hash"], "model_reported": one["model_reported"],
         "judged_at": START}
        for number, (*key, mean) in enumerate(pairs.select(*PAIR_KEY, "gold_mean").iter_rows())
    ]  # fmt: skip
    store.append("judgements", frames.rows("judgements", *rows), "baseline")


def _no_verdict(graph: Small, home: Path) -> None:
    rmtree(home / "tables" / "verdicts")


def _no_grades(graph: Small, home: Path) -> None:
    kept = graph.project.store("gate").read("judgements").filter(pl.col("purpose") != "gate")
    write_deltalake(home / "tables" / "judgements", kept.to_arrow(), mode="overwrite")


REFUSALS: dict[str, tuple[Callable[[Small, Path], None], str]] = {
    "no certified judge": (
        _no_verdict,
        "collection main: no judge was certified by a full gate yet; run the full gate",
    ),
    "no stored grades": (_no_grades, "are stored for 0 with at least 10 pairs, single-standard needs 44; run the full"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_without_a_reference_the_lane_refuses_by_name_before_it_asks_the_holdout(
    case: str, graph: Small, serving: Serving, tmp_path: Path
) -> None:
    spoil, sentence = REFUSALS[case]
    with serving(HARMLESS) as provider:
        assert launch(graph, assets=("judge_leaderboard", "calibrated_judge")).success
        spoil(graph, tmp_path / "home")
        looks, before = graph.project.store("gate").read("holdout_looks").height, provider.requests()
        done = launch(graph, assets=("gate_verdict",))
        assert provider.requests() == before
    assert "no re-certification: " in failure_of(done)
    assert sentence in failure_of(done)
    assert graph.project.store("gate").read("holdout_looks").height == looks


def test_a_prompt_the_user_changed_is_no_change_from_outside(graph: Small, serving: Serving, tmp_path: Path) -> None:
    candidates = projects.data(tmp_path / "home")["candidates"]
    candidates[0] |= {"served_as": ACCEPTED, "parameters": {"temperature": 0, "max_tokens": 250}}
    edited = Small(projects.settings(tmp_path / "home", candidates=candidates))
    with serving(HARMLESS):
        done = launch(edited)
    assert "parameters of judge" in failure_of(done)
    assert "a change of your own, not of the provider; run the full gate" in failure_of(done)


def test_without_a_new_epoch_nothing_was_measured(graph: Small, provider: Provider) -> None:
    before = provider.requests()
    done = launch(graph, fresh=False, assets=("gate_verdict",))
    assert "nothing was asked since, so no change from outside was measured" in failure_of(done)
    assert provider.requests() == before


def test_caps_of_a_launch_and_a_lane_that_does_not_exist(graph: Small, provider: Provider) -> None:
    before = provider.requests()
    poor = graph.run("judge_leaderboard", judge_leaderboard={"fresh": True, "cap_usd": 0.0001})
    assert "the cap is 0.0001" in failure_of(poor)
    assert "expected one of ['full', 'recertify']" in failure_of(launch(graph, "half", assets=("gate_verdict",)))
    assert provider.requests() == before


def test_the_gate_takes_the_cap_of_its_launch(graph: Small, serving: Serving) -> None:
    with serving(HARMLESS) as provider:
        done = launch(graph, "full", cap_usd=0.0001)
        assert "the cap is 0.0001" in failure_of(done)
        assert provider.requests() == 420


def test_rows_from_before_there_were_lanes_are_read_and_added_to(
    graph: Small, serving: Serving, tmp_path: Path
) -> None:
    store = graph.project.store("gate")
    for table, new in (("verdicts", ["lane"]), ("holdout_looks", ["lane", "generation"]), ("splits", ["retired"])):
        old = store.read(table).drop(new)
        rmtree(tmp_path / "home" / "tables" / table)
        write_deltalake(tmp_path / "home" / "tables" / table, old.to_arrow())
    with serving(HARMLESS):
        done = launch(graph, assets=("judge_leaderboard", "calibrated_judge", "gate_verdict"))
        assert done.success, failure_of(done)
    assert store.read("verdicts").sort("epoch")["lane"].to_list() == [None, "recertify"]
    assert store.read("holdout_looks").sort("epoch")["generation"].to_list() == [None, 1]
    assert look_budget(graph.project, "gate", "main", "full").left == 4


def test_a_calibration_answered_by_two_accepted_models_is_refused_by_name(graph: Small, serving: Serving) -> None:
    ordinary: list[Fault | None] = [None] * 200
    with serving(LARGE, ScriptedFaults(ordinary, then=ServedAs(NEXT))) as provider:
        done = launch(graph, "full")
        assert provider.requests() <= 425, "the gate was never asked"
    sentence = failure_of(done)
    assert "candidate 'rehearsal-large/plain' was served by 2 models in one calibration" in sentence
    assert NEXT in sentence
    assert "with `fresh: true` (label-pipeline run --fresh)" in sentence
    assert graph.project.store("gate").read("judge_versions").height == 1
