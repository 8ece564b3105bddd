"""What one collection's day still has to be labelled, read as it is asked: keys a slice at a time, texts a chunk.

A day may have a million pairs, and all but a few of them a label already. A slice is some 100,000 pairs of whole
queries, compared with the labels by key; texts are read of the pairs of the next chunk only. Keep out: asking and
books (amplify_chunks.py).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import polars as pl

from label_pipeline.adapters.where import Between, Where
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.project import Project
from label_pipeline.stages import amplify
from label_pipeline.stages.gate import Standing

SLICE_PAIRS = 100_000
"""Pairs whose keys are in memory together: about 30 MB beside their labels'."""


@dataclass(frozen=True)
class Slice:
    """Whole queries that follow one another: the first, the last, and how many pairs they have."""

    first_query: str
    last_query: str
    pairs: int

    @property
    def queries(self) -> Between:
        """Its queries, to read by."""
        return Between(self.first_query, self.last_query)


@dataclass(frozen=True)
class Chunk:
    """Pairs that are asked, labelled and booked together.

    Attributes:
        work: what there is to ask.
        facts: pair key and ``amplify.FACTS`` of its pairs.
    """

    work: amplify.Work
    facts: pl.DataFrame


def slices_of(project: Project, day: date) -> dict[str, list[Slice]]:
    """The candidates of ``day`` by collection, cut into slices."""
    size = max(SLICE_PAIRS, project.settings.amplify.chunk_pairs)
    rows = project.store("amplify").query(
        "amplify/day_slices", {"day": day, "size": size}, {"candidates": {"arrived_on": day}}
    )
    found: dict[str, list[Slice]] = {}
    for collection, *one in rows.iter_rows():
        found.setdefault(collection, []).append(Slice(*one))
    return found


@dataclass
class DayStream:
    """The pairs of one collection and day for whoever may label them; each is given out once, in a chunk or the rest.

    Attributes:
        project: the project.
        day: the day.
        standing: who may label; open.
        inside: whether the judge's endpoint is inside the customer boundary.
        slices: what was not read yet.
    """

    project: Project
    day: date
    standing: Standing
    inside: bool
    slices: list[Slice]
    pairs: int = 0
    _keys: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=dict.fromkeys(PAIR_KEY, pl.String)))
    _labelled_before: int = 0
    _given: bool = False

    def __post_init__(self) -> None:
        self.pairs = sum(one.pairs for one in self.slices)

    def next_chunk(self) -> Chunk | None:
        """The next pairs without a label, with their texts; None at the end.

        A chunk that has nothing to ask carries the counts of pairs that are done with, for the books.
        """
        keys = self._next_keys()
        if keys.is_empty() and self._given and not self._labelled_before:
            return None
        pairs = self._texts(keys)
        work = amplify.sort_out(pairs, keys.clear(), self.standing, inside=self.inside)
        work = replace(work, labelled_before=self._labelled_before)
        self._labelled_before, self._given = 0, True
        return Chunk(work, pairs.select(*PAIR_KEY, *amplify.FACTS))

    def rest(self, *begun: Chunk) -> amplify.Work | None:
        """All that was not given out, and ``begun``, as work that is not asked; None where that is nothing."""
        found = [amplify.unasked(chunk.work) for chunk in begun]
        named = hashlib.sha256("".join(amplify.name_of(chunk.work) for chunk in begun).encode())
        while self.slices or self._keys.height:
            keys, self._keys = self._keys, self._keys.clear()
            if keys.is_empty():
                keys = self._new_keys(self.slices.pop(0))
            named.update(keys.write_csv().encode())
            found.append(amplify.marked_out(self._marks(keys), self.standing, inside=self.inside))
        found.append(amplify.labelled_work(self.standing, self._labelled_before))
        self._labelled_before = 0
        whole = amplify.together(found, named.hexdigest()[:12])
        return whole if whole.pairs_in else None

    def _next_keys(self) -> pl.DataFrame:
        """The keys of the next chunk, whole queries."""
        most = self.project.settings.amplify.chunk_pairs
        while self._keys.height < most and self.slices:
            more = self._new_keys(self.slices.pop(0))
            self._keys = pl.concat([self._keys, more])
        cut = amplify.whole_queries(self._keys, most)
        keys, self._keys = self._keys[:cut], self._keys[cut:]
        return keys

    def _new_keys(self, part: Slice) -> pl.DataFrame:
        """The keys of one slice that have no label; the others are counted."""
        mine = {"query_id": part.queries}
        found = self.project.store("amplify").query(
            "amplify/new_pairs",
            {
                "day": self.day, "collection": self.standing.collection,
                "judge_version": str(self.standing.judge_version),
            },
            {
                "candidates": {"arrived_on": self.day, **mine},
                "labels": {"judge_version": str(self.standing.judge_version), **mine},
            },
        )  # fmt: skip
        self._labelled_before += part.pairs - found.height
        return found

    def _texts(self, keys: pl.DataFrame) -> pl.DataFrame:
        """Rows of sql/amplify/day_pairs.sql of these pairs, in their order."""
        texts = self.project.store("amplify").query("amplify/day_pairs", {"day": self.day}, self._about(keys))
        return keys.join(texts, on=list(PAIR_KEY), how="inner", nulls_equal=True, maintain_order="left")

    def _marks(self, keys: pl.DataFrame) -> pl.DataFrame:
        marks = self.project.store("amplify").query("amplify/pair_marks", {"day": self.day}, self._about(keys))
        return keys.join(marks, on=list(PAIR_KEY), how="inner", nulls_equal=True, maintain_order="left")

    def _about(self, keys: pl.DataFrame) -> Mapping[str, Where]:
        asked = keys["query_id"].unique().to_list()
        return {
            "candidates": {"arrived_on": self.day, "query_id": asked},
            "queries": {"query_id": asked},
            "documents": {"doc_id": keys["doc_id"].unique().to_list()},
        }
