"""What each stage found, as short lines: `run` prints them after the stage, `demo` ends with all of them."""

import json
from collections.abc import Callable
from typing import Any

import polars as pl

from label_pipeline.adapters.store import Store
from label_pipeline.adapters.where import Where
from label_pipeline.core.codes.drift import BASELINE_RUN, CANARY_RUN, WATCH_RUN
from label_pipeline.core.codes.inputs import CANDIDATES, SEED_INPUTS
from label_pipeline.core.codes.labels import STATUSES
from label_pipeline.core.codes.purposes import AMPLIFY
from label_pipeline.core.codes.ranking import DIFFERENCES, EXPONENTIAL, MAIN_METRIC, NDCG
from label_pipeline.core.codes.verdicts import FULL
from label_pipeline.core.figures import told
from label_pipeline.core.judging.causes import WHAT_TO_DO
from label_pipeline.core.splits import SPLITS
from label_pipeline.stages import STAGES, amplify
from label_pipeline.stages.seed.agreement import HEADLINE
from label_pipeline.stages.seed.causes import cause_lines
from label_pipeline.stages.seed.notes import sentences

Fact = tuple[str, str]
"""What, and what was found."""

_CAUSES = 5
"""Causes of rejected rows that are shown, the commonest first."""

_FATES = ("labelled", "abstained", "failed", "refused", "skipped")
_DECIDE = {"met": "ok", "missed": "NO", "unknown": "NO"}


def facts(store: Store, stage: str) -> list[Fact]:
    """What the newest run of ``stage`` left behind. ``store`` must see the tables of the last stage."""
    return _FACTS[stage](store)


def _seed(store: Store) -> list[Fact]:
    agreement = store.read("agreement").filter(pl.col("metric") == HEADLINE)
    found = [(f"human agreement [{row['collection']}]", _agreement(row)) for row in agreement.iter_rows(named=True)]
    gold = store.read("gold")
    if not gold.is_empty():
        assigned = dict(store.read("splits").group_by("split").len().iter_rows())
        shares = ", ".join(f"{name} {assigned.get(name, 0)}" for name in SPLITS)
        found.append(("gold", f"{gold.height:,} pairs; queries: {shares}"))
    return found + _set_aside(store, SEED_INPUTS)


def _set_aside(store: Store, inputs: tuple[str, ...]) -> list[Fact]:
    notes = store.read("input_notes").filter(pl.col("input").is_in(inputs))
    noticed = [("rows kept, value left out", "\n".join(sentences(notes)))] if notes.height else []
    rows = store.read("quarantine").filter(pl.col("input").is_in(inputs))
    if rows.is_empty():
        return noticed
    counts = ", ".join(f"{count} of {name}" for name, count in rows.group_by("input").len().sort("input").iter_rows())
    lines = cause_lines(rows.sort("input", "source", "line"))
    rest = f"\nand {len(lines) - _CAUSES} more causes" if len(lines) > _CAUSES else ""
    return [
        ("rows set aside", f"{counts} (table quarantine keeps them)\n" + "\n".join(lines[:_CAUSES]) + rest),
        *noticed,
    ]


def _agreement(row: dict[str, Any]) -> str:
    if row["estimate"] is None:
        return str(row["reason"])
    return f"Krippendorff's alpha {told(row['estimate'], row['low'], row['high'])}, {row['status']}"


def _calibrate(store: Store) -> list[Fact]:
    board = store.query("calibrate/newest_calibration")
    found = []
    for row in board.sort("chosen", descending=True, maintain_order=True).iter_rows(named=True):
        if row["chosen"]:
            loss = f"loss in NMSE {told(row['loss'], row['loss_low'], row['loss_high'], form='.2f')}"
            found.append(("chosen judge", f"{row['candidate']} of {board.height}: {loss}; {row['reason']}"))
        elif row["loss"] is None:
            found.append(("not asked", f"{row['candidate']}: {row['reason']}"))
    return found


def _gate(store: Store) -> list[Fact]:
    newest = store.read("verdicts").sort("decided_at", descending=True).unique("collection", keep="first")
    return [
        (f"verdict [{row['collection']}]", _verdict(row)) for row in newest.sort("collection").iter_rows(named=True)
    ]


def _verdict(row: dict[str, object]) -> str:
    lane = "" if row["lane"] in {None, FULL} else "re-certification, "
    look = "" if row["look"] is None else f", look {row['look']}"  # a suspension is no look
    lines = [f"{row['state']} ({lane}policy {row['policy']}{look})"]
    lines += [
        f"{_DECIDE[c['status']]}  {c['sentence']}" for c in json.loads(str(row["criteria"])) if c["status"] in _DECIDE
    ]
    return "\n".join(lines)


def _amplify(store: Store) -> list[Fact]:
    runs = store.query("amplify/day_books")
    found = _set_aside(store, (CANDIDATES,))
    if not runs.is_empty():
        last = runs.sort("finished_at").unique(["day", "collection"], keep="last")
        fates = " + ".join(f"{int(last[name].sum()):,} {name}" for name in _FATES)
        found.append(("candidate pairs", f"{int(last['pairs_in'].sum()):,} = {fates}"))
        found += _causes(store, str(last.sort("finished_at")["run_id"][-1]))
    asked = store.query("amplify/spend")
    return [
        *found,
        ("spent", f"${float(asked['cost_usd'].sum()):.2f} for {int(asked['replies'].sum()):,} replies, all stages"),
    ]


def _causes(store: Store, run_id: str) -> list[Fact]:
    """What gave no grade in one run, by cause, and what to do about it."""
    asked: Where = {"run_id": run_id, "purpose": AMPLIFY}
    rows = store.query("amplify/without_label", {"run_id": run_id}, {"judgements": asked})
    return [
        (f"{outcome} [{collection}]", f"{count:,} requests: {WHAT_TO_DO[outcome]}; e.g. {example or 'no words of it'}")
        for collection, outcome, count, example in rows.iter_rows()
    ]


def _rank(store: Store) -> list[Fact]:
    """The newest evaluation's nDCG@10 with exponential gain, one line per arm."""
    metrics = store.read("ranker_metrics")
    newest = metrics.filter(
        (pl.col("evaluated_at") == pl.col("evaluated_at").max()) & (pl.col("metric") == MAIN_METRIC)
    )
    found = []
    for row in newest.iter_rows(named=True):
        p_value = "" if row["p_value"] is None else f", p = {row['p_value']:.4f}"
        form = "+.3f" if row["arm"] in DIFFERENCES else ".3f"
        interval = told(row["estimate"], row["low"], row["high"], form=form)
        line = f"{interval} on {row['n_queries']} unseen queries ({EXPONENTIAL} gain){p_value}"
        found.append((f"{NDCG} {row['arm']}", line))
    return found


def _anchor(store: Store) -> list[Fact]:
    """Whether each certified judge is still itself, and how many labels that makes certain."""
    verdicts = store.query("anchor/newest_drift_verdicts")
    runs = store.read("anchor_runs").filter(pl.col("kind") != CANARY_RUN)
    found = []
    for row in verdicts.iter_rows(named=True):
        mine = runs.filter(pl.col("baseline_epoch") == row["baseline_epoch"], pl.col("collection") == row["collection"])
        kinds = dict(mine.group_by("kind").len().iter_rows())
        pairs = max(mine["n_pairs"], default=0)
        made = f"{kinds.get(BASELINE_RUN, 0)} baseline runs of {pairs} pairs, {kinds.get(WATCH_RUN, 0)} since"
        found.append((f"same judge? [{row['collection']}]", f"{row['state']} ({made}): {row['action']}"))
    labels = amplify.newest(store.read("labels"))
    if not labels.is_empty():
        counts = dict(labels.group_by("status").len().iter_rows())
        found.append(("labels", ", ".join(f"{counts[name]:,} {name}" for name in STATUSES if name in counts)))
    return found


_FACTS: dict[str, Callable[[Store], list[Fact]]] = dict(
    zip(STAGES, (_seed, _calibrate, _gate, _amplify, _rank, _anchor), strict=True)
)
