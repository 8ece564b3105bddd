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
    """

    collection: str
    standing: Standing
    ask: tuple[PairText, ...]
    labelled_before: int
    skipped: int
    barred: int
    lost: int = 0

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
        return Work(standing.collection, standing, (), 0, 0, pairs.height)
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


def chunked(work: Work, pairs: int) -> list[Work]:
    """The work in pieces of about ``pairs`` pairs to ask and whole queries, in order; at least one.

    The first piece has what is not asked: pairs labelled before, skipped and barred.
    """
    pieces: list[list[PairText]] = [[]]
    query: tuple[str, str] | None = None
    for pair in work.ask:
        if len(pieces[-1]) >= pairs and (pair.task, pair.query_id) != query:
            pieces.append([])
        pieces[-1].append(pair)
        query = pair.task, pair.query_id
    first, *others = pieces
    return [replace(work, ask=tuple(first)), *(only(work, other) for other in others)]


def only(work: Work, ask: Sequence[PairText]) -> Work:
    """The part of ``work`` that is to ask about these pairs, and nothing else of it."""
    return replace(work, ask=tuple(ask), labelled_before=0, skipped=0, barred=0, lost=0)


def name_of(work: Work) -> str:
    """Names a chunk by its pairs: the same pairs are the same chunk, whoever asks about them."""
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
