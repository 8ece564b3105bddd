"""The baseline that labels wait for: made where it is missing, and decided on, before anything is labelled."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from label_pipeline.adapters.openai_client import host_of
from label_pipeline.core.codes.purposes import ANCHOR
from label_pipeline.core.errors import BudgetError, GateClosedError
from label_pipeline.core.judging.plan import Plan
from label_pipeline.operations.anchor import ask_anchors
from label_pipeline.operations.anchor_reference import Anchor, anchor_of, order_of, sendable_pairs
from label_pipeline.operations.drift import decide, enforce
from label_pipeline.operations.drift_evidence import evidence_of
from label_pipeline.operations.endpoints import base_url
from label_pipeline.operations.epochs import next_epoch
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import price
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Run

RAISE = "raise it, or state anchor.required: false, which is printed on verdicts and labels"


class Baselines(NamedTuple):
    """What became of the baselines some labels wait for.

    Attributes:
        decided: whether one was decided on just now, so that a verdict may be suspended.
        without: collection: why it has none and may not be labelled; nothing was sent for it.
    """

    decided: bool
    without: Mapping[str, str]


def stand_baselines(run: Run, project: Project, collections: Sequence[str]) -> Baselines:
    """Makes the missing baselines of ``collections`` within anchor.cap_usd and decides on them. Call it under the lock.

    A host that never answered the anchor is asked once too: the same model id elsewhere may be another build. Whoever
    certified the judge, the page, a sensor or the command line, comes by here before a label is given. A
    baseline that is not of the certified judge suspends it here.

    Raises:
        ProviderUnavailableError: an outage. What was answered is kept.
    """
    if not project.settings.anchor.required:
        return Baselines(False, {})
    decided, without = False, {}
    for name, standing in current_standings(project, "anchor", collections).items():
        if not standing.open:
            continue
        try:
            found = anchor_of(project, name, str(standing.judge_version))
        except GateClosedError:  # its settings changed: the label day refuses it by itself
            continue
        new_host = _new_host(project, found)
        if found.missing or new_host:
            try:
                found = _ask(run, project, found, new_host)
            except BudgetError as error:
                without[name] = str(error)
                continue
        if not _is_decided(project, found):
            decide(project, found, evidence_of(project, found))
            enforce(project)
            decided = True
    return Baselines(decided, without)


def _is_decided(project: Project, found: Anchor) -> bool:
    """Whether a drift verdict rests on the newest run: whoever asked for it may have been killed before it decided."""
    verdicts = project.store("anchor").read("drift_verdicts").filter(
        pl.col("judge_version") == found.judge.judge_version, pl.col("collection") == found.collection
    )  # fmt: skip
    return found.runs["epoch"].max() in verdicts["epoch"].to_list()


def _new_host(project: Project, found: Anchor) -> str | None:
    """The host of today's address, where it has never answered the anchor; None where no older host is known."""
    endpoint = found.member.endpoint
    host = host_of(base_url(project.settings.endpoints[endpoint], endpoint))
    asked = {"purpose": ANCHOR, "epoch": found.runs["epoch"].to_list()}
    served = project.store("anchor").read("judgements", ["served_by"], asked)["served_by"].drop_nulls().unique()
    known = {name.split(" (")[0] for name in served}
    return host if known and host not in known else None


def _ask(run: Run, project: Project, found: Anchor, new_host: str | None) -> Anchor:
    """The anchor with the missing runs of its baseline, or the run that a new host calls for.

    Raises:
        BudgetError: there is no pair to ask about, or the plan is over anchor.cap_usd; nothing was sent.
    """
    cap, name = project.settings.anchor.cap_usd, found.collection
    items = found.items if found.items.height else sendable_pairs(project, found)
    if items.is_empty():
        raise BudgetError(
            f"[{name}] nothing is labelled before the anchor has a baseline, and no human-graded pair of an anchor "
            "query may be asked about: grade some (splits.anchor), or state anchor.required: false, which is printed "
            "on verdicts and labels"
        )
    why = "before the anchor has a baseline" if found.missing else f"by {new_host} before it has answered the anchor"
    one = price(project, order_of(replace(found, items=items), "anchor", next_epoch(project, "anchor", name)))
    plan = sum((one for _ in range(found.runs_to_do)), Plan())
    runs = f"{found.runs_to_do} {'run' if found.runs_to_do == 1 else 'runs'} of {items.height} pairs"
    if plan.cost_usd > cap:
        raise BudgetError(
            f"[{name}] nothing is labelled {why}: {runs} cost about ${plan.cost_usd:.2f}, anchor.cap_usd is "
            f"{cap:.2f}; {RAISE}"
        )
    run.log.info(f"[{name}] nothing is labelled {why}: {runs} come first")
    ask_anchors(run, project, [found], cap_usd=cap, rebaseline=False)
    return anchor_of(project, name, found.judge.judge_version)
