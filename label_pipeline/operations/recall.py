"""Call labels back: mark them, name the rankers that learnt from them, promote one that did not.

Used by a drift verdict and by `label-pipeline recall`.
"""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

import polars as pl

from label_pipeline.core.errors import BudgetError, GateClosedError, NotApplicableError
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.epochs import newest_epoch, open_epoch
from label_pipeline.operations.gate import current_standings
from label_pipeline.operations.judging import price
from label_pipeline.operations.project import Project
from label_pipeline.operations.rank import membership_inputs
from label_pipeline.stages import anchor, rank


@dataclass(frozen=True)
class Recall:
    """What a recall takes back, and what follows.

    Attributes:
        judge_version: whose labels.
        taken: the labels' newest rows, with ``given_at``.
        rankers: those that learnt from any of them.
        champion: the champion, where it may not be one any more; else None.
        successor: the ranker that becomes champion instead; None leaves no champion.
    """

    judge_version: str
    taken: pl.DataFrame
    rankers: tuple[anchor.AffectedRanker, ...]
    champion: str | None
    successor: str | None


def find_recall(
    project: Project,
    *,
    judge_version: str,
    since: datetime,
    until: datetime | None = None,
    collection: str | None = None,
) -> Recall:
    """What a recall would do; changes nothing."""
    store = project.store("anchor")
    labels = store.read("labels", where={"judge_version": judge_version})
    taken = anchor.usable(labels, judge_version=judge_version, since=since, until=until, collection=collection)
    if taken.is_empty():
        return Recall(judge_version, taken, (), None, None)
    inputs = membership_inputs(project)
    known, manifests = store.read("rankers"), store.read("training_sets")
    rankers = anchor.affected_rankers(taken, known, manifests, inputs)
    champion = project.tracker.champion() if known.height else None
    then = inputs._replace(labels=pl.concat([inputs.labels, anchor.recalled(taken, project.clock())]))
    if champion is None or rank.objection(champion, known, manifests, then) is None:
        return Recall(judge_version, taken, rankers, None, None)
    winners = store.query("rank/crowned_rankers")["ranker_id"].to_list()
    return Recall(judge_version, taken, rankers, champion, rank.successor(winners, known, manifests, then))


def carry_out(project: Project, found: Recall, *, name: str) -> pl.DataFrame:
    """Replaces the champion, then appends the ``recalled`` rows and returns them. Call it under the spending lock.

    The labels last, and all at once: whoever is killed before finds them still usable, and does everything again.

    Args:
        project: the project.
        found: what to take back.
        name: names the recall: repeated, it takes up the epoch it opened, and its rows are written once.
    """
    if found.taken.is_empty():
        return found.taken.drop("given_at", strict=False)
    if found.champion is not None and found.successor is not None:
        project.tracker.promote(found.successor)
    elif found.champion is not None:
        project.tracker.demote()
    collections = found.taken["collection"].unique().sort().to_list()
    for collection in collections:  # what is labelled again must be asked again: the journal would repeat the old reply
        open_epoch(project, "recall", f"recall:{name}", collection)
    rows = anchor.recalled(found.taken, project.clock())
    project.store("amplify").append("labels", rows, f"recall:{name}")
    return rows


def name_of(found: Recall) -> str:
    """Names a recall by its labels: the same call twice is one recall."""
    keys = found.taken.select(*PAIR_KEY, "judge_version", "given_at").sort(PAIR_KEY, nulls_last=True).rows()
    return sha256(repr(keys).encode()).hexdigest()[:16]


def full_version(project: Project, prefix: str) -> str:
    """The judge version that begins with ``prefix``.

    Raises:
        NotApplicableError: none or several do.
    """
    known: list[str] = project.store("anchor").read("judge_versions")["judge_version"].unique().sort().to_list()
    found = [version for version in known if version.startswith(prefix)]
    if len(found) != 1 or not prefix:
        listed = ", ".join(found or known) or "none yet"
        what = "no judge begins" if not found else f"{len(found)} judges begin"
        raise NotApplicableError(f"{what} with {prefix!r}; give more of one of: {listed}")
    return found[0]


def relabelling(project: Project, taken: pl.DataFrame) -> pl.DataFrame:
    """What labelling the recalled pairs again takes, under whoever may label each collection now.

    Returns:
        One row per day and collection: ``day``, ``collection``, ``judge`` (null where none may label), ``pairs``,
        ``requests`` and ``cost_usd`` (null where it cannot be planned), ``gone`` (pairs left out because their query or
        document text is) and ``why`` (it cannot be planned; null where it can). Pairs that left the candidates, or that
        the judge has labelled already, need nothing.
    """
    store = project.store("amplify")
    wanted = store.read("candidates").join(taken, on=list(PAIR_KEY), how="semi", nulls_equal=True)
    standings = current_standings(project, "amplify", wanted["collection"].unique().sort().to_list())
    epoch = newest_epoch(project) + 1  # the recall opens one: no earlier reply is used again
    rows = []
    for (day, collection), pairs in wanted.sort("arrived_on").group_by(
        ["arrived_on", "collection"], maintain_order=True
    ):
        texts = store.query("amplify/day_pairs", {"day": day})
        shown = texts.join(pairs, on=list(PAIR_KEY), how="semi", nulls_equal=True).drop_nulls(["query", "document"])
        standing = standings[str(collection)]
        row: dict[str, object] = {
            "day": day, "collection": collection, "judge": None, "pairs": shown.height,
            "gone": pairs.height - shown.height, "why": " ".join(standing.reasons) or None,
        }  # fmt: skip
        if standing.open:
            try:
                row |= _priced(project, shown, str(standing.judge_version), taken, epoch)
            except (GateClosedError, BudgetError) as error:  # settings, prompt or rubric changed; a price is unknown
                row["why"] = str(error)
        rows.append(row)
    schema = {"day": pl.Date, "collection": pl.String, "judge": pl.String, "pairs": pl.Int64, "requests": pl.Int64,
              "cost_usd": pl.Float64, "gone": pl.Int64, "why": pl.String}  # fmt: skip
    return pl.DataFrame(rows, schema=schema)


def _priced(
    project: Project, pairs: pl.DataFrame, judge_version: str, taken: pl.DataFrame, epoch: int
) -> dict[str, object]:
    store = project.store("amplify")
    member = project.member_of(project.judge(judge_version)[0])
    back = taken.filter(pl.col("judge_version") == judge_version)
    labelled = store.query("amplify/labelled_pairs", {"judge_version": judge_version})
    labelled = labelled.join(back, on=list(PAIR_KEY), how="anti", nulls_equal=True)
    left = pairs.join(labelled, on=list(PAIR_KEY), how="anti", nulls_equal=True)
    planned = price(project, JudgingOrder(member, pair_texts(left), "amplify", epoch))
    return {"judge": judge_version, "pairs": left.height, "requests": planned.requests, "cost_usd": planned.cost_usd}
