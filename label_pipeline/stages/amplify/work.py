"""Sort out one day's candidate pairs of one collection: what to ask, what is labelled, what may not be sent."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from label_pipeline.core.boundary import sendable_rows
from label_pipeline.core.errors import GateClosedError
from label_pipeline.core.pairs import pair_texts
from label_pipeline.core.ports import PairText
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.stages.gate import Standing


@dataclass(frozen=True)
class Work:
    """One collection's part of one day.

    Attributes:
        collection: its name.
        standing: who may label it.
        ask: pairs to ask the judge about.
        labelled_before: pairs that have a label under this judge version already.
        skipped: customer pairs, when the judge's endpoint is outside the boundary.
        barred: pairs nobody may label; the books call them refused.
        lost: of these, pairs whose query or document text is gone since they were loaded.
        name: what the books call it, where that does not follow from the pairs to ask.
    """

    collection: str
    standing: Standing
    ask: tuple[PairText, ...]
    labelled_before: int
    skipped: int
    barred: int
    lost: int = 0
    name: str | None = None

    @property
    def pairs_in(self) -> int:
        """Every candidate pair of the day."""
        return len(self.ask) + self.labelled_before + self.skipped + self.barred


def sort_out(pairs: pl.DataFrame, labelled: pl.DataFrame, standing: Standing, *, inside: bool) -> Work:
    """Splits one collection's candidate pairs of a day; every pair lands in exactly one part.

    Args:
        pairs: pair key, ``query``, ``document`` and ``customer`` (sql/amplify/day_pairs.sql).
        labelled: pair keys that have a label under the standing's judge version.
        standing: who may label.
        inside: whether the judge's endpoint is inside the customer boundary.
    """
    if not standing.open:
        return closed_work(standing, pairs.height)
    keys = labelled.select(PAIR_KEY)
    new = pairs.join(keys, on=list(PAIR_KEY), how="anti", nulls_equal=True, maintain_order="left")
    told = new.drop_nulls(["query", "document"])
    allowed = sendable_rows(told, inside=inside)
    return Work(
        collection=standing.collection,
        standing=standing,
        ask=pair_texts(allowed),
        labelled_before=pairs.height - new.height,
        skipped=told.height - allowed.height,
        barred=new.height - told.height,
        lost=new.height - told.height,
    )


def marked_out(marks: pl.DataFrame, standing: Standing, *, inside: bool) -> Work:
    """Pairs nobody asks about now, sorted out without their texts.

    Args:
        marks: pair key, ``told`` and ``customer`` (sql/amplify/pair_marks.sql), none of them labelled.
        standing: who may label.
        inside: whether the judge's endpoint is inside the customer boundary.
    """
    told = marks.filter("told")
    skipped = told.height - sendable_rows(told, inside=inside).height
    return Work(standing.collection, standing, (), 0, skipped, marks.height - skipped, marks.height - told.height)


def closed_work(standing: Standing, pairs: int) -> Work:
    """So many pairs that nobody may label."""
    return Work(standing.collection, standing, (), 0, 0, pairs)


def labelled_work(standing: Standing, pairs: int) -> Work:
    """So many pairs that have a label already."""
    return Work(standing.collection, standing, (), pairs, 0, 0)


def unasked(work: Work) -> Work:
    """``work`` whose pairs are not asked."""
    return replace(work, ask=(), barred=work.barred + len(work.ask))


def together(parts: Sequence[Work], name: str) -> Work:
    """Work of one collection that is not asked, as one, under ``name``."""
    found = parts[0]
    for part in parts[1:]:
        counts = {n: getattr(found, n) + getattr(part, n) for n in ("labelled_before", "skipped", "barred", "lost")}
        found = replace(found, **counts)
    return replace(found, name=name)


def whole_queries(keys: pl.DataFrame, pairs: int) -> int:
    """How many of the first rows make a piece of about ``pairs`` pairs that ends with a query."""
    if keys.height <= pairs:
        return keys.height
    begins = keys.select(pl.struct("task", "query_id").ne(pl.struct("task", "query_id").shift())).to_series()
    later = begins.slice(pairs).arg_max()
    return keys.height if later is None or not begins[pairs + later] else pairs + later


def name_of(work: Work) -> str:
    """Names a chunk by its pairs: the same pairs are the same chunk, whoever asks about them."""
    if work.name is not None:
        return work.name
    told = json.dumps([list(pair[:6]) for pair in work.ask])
    return hashlib.sha256(told.encode()).hexdigest()[:12]


def refuse_all_closed(standings: Mapping[str, Standing]) -> None:
    """Some collection must have an open, current verdict, also on a day without candidates, which nothing else refuses.

    Raises:
        GateClosedError: none has; carries every reason.
    """
    if not any(standing.open for standing in standings.values()):
        raise GateClosedError(f"no open, current verdict, so nothing was sent: {reasons(standings.values())}")


def reasons(standings: Iterable[Standing]) -> str:
    """Why closed collections are closed, as one line."""
    return "; ".join(f"[{s.collection}] {' '.join(s.reasons)}" for s in standings if not s.open)
