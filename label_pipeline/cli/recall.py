"""`recall`: call back what a judge labelled in a window, and say what that touches and what it takes to repair."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
from rich.console import Console

from label_pipeline.cli.terminal import as_table, say
from label_pipeline.core.errors import SettingsError
from label_pipeline.operations.project import Project
from label_pipeline.operations.recall import Recall, carry_out, find_recall, full_version, name_of, relabelling
from label_pipeline.operations.spending import spending
from label_pipeline.settings import load


def recall_labels(console: Console, config: Path, judge: str, since: str, until: str | None, *, dry_run: bool) -> None:
    """Recalls the labels ``judge`` gave from ``since`` to ``until``; with ``dry_run`` only says what would happen.

    Raises:
        NotApplicableError: no judge, or several, begin so.
        SettingsError: a date that is none, or a window that ends before it begins.
        BusyError: a run is asking a judge right now.
    """
    project = Project(load(config))
    version = full_version(project, judge)
    first = _moment(since, "--since", last=False)
    end = None if until is None else _moment(until, "--until", last=True)
    if end is not None and end <= first:
        raise SettingsError(f"the window from {since} to {until} ends before it begins: swap --since and --until")
    with spending(project):
        found = find_recall(project, judge_version=version, since=first, until=end)
        if not dry_run:
            carry_out(project, found, name=name_of(found))
        _tell(console, found, "would be recalled" if dry_run else "recalled")
        if found.taken.height:  # the plan last: what cannot be planned is recalled all the same
            _tell_plan(console, relabelling(project, found.taken))


def _tell(console: Console, found: Recall, done: str) -> None:
    if found.taken.is_empty():
        say(console, f"no label of judge {found.judge_version} stands in that window: nothing {done}")
        return
    given = found.taken["given_at"].sort()
    first, last = given[0], given[-1]
    say(
        console,
        f"{found.taken.height} labels of judge {found.judge_version}, given {first:%Y-%m-%d %H:%M} to "
        f"{last:%Y-%m-%d %H:%M} UTC, {done}",
    )
    if found.rankers:
        rows = [
            {"ranker": r.ranker_id, "arm": r.arm, "training set": r.training_set_id,
             "recalled labels in it": f"{r.labels}" if r.exact else f"up to {r.labels}"}
            for r in found.rankers
        ]  # fmt: skip
        console.print(as_table("rankers trained on them", pl.DataFrame(rows)))
    else:
        say(console, "no ranker was trained on any of them")
    if found.champion:
        heir = f"goes back to {found.successor}" if found.successor else "is taken away: no unaffected ranker ever won"
        say(console, f"the champion {found.champion} may not stay champion: the alias {heir}")


def _tell_plan(console: Console, planned: pl.DataFrame) -> None:
    if planned.is_empty():
        say(console, "none of these pairs is a candidate any more: there is nothing to label again")
        return
    shown = planned.drop("gone", "why").rename({"cost_usd": "cost $ at most"})
    console.print(as_table("labelling them again", shown))
    if planned["gone"].sum():
        say(console, f"{planned['gone'].sum()} pairs are left out: their query or document text is gone")
    for collection, why in planned["collection", "why"].drop_nulls().unique(maintain_order=True).iter_rows():
        say(console, f"[{collection}] cannot be planned: {why}")
    if planned["judge"].null_count():
        say(
            console,
            "where no judge may label, run `label-pipeline run --fresh` first: it certifies one, or says why not",
        )
    say(console, "`label-pipeline run --from amplify` labels them again and trains on what stands then")


def _moment(text: str, option: str, *, last: bool) -> datetime:
    """A day's first moment (for the last day of a window, the next one's), or the moment given; without a zone, UTC.

    Raises:
        SettingsError: neither.
    """
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise SettingsError(
                f"{option} is {text!r}; expected a day like 2026-09-01 or a moment like 2026-09-01T14:30"
            ) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return datetime.combine(day + timedelta(days=last and day < date.max), time(), tzinfo=UTC)
