"""Load candidate pairs from the user's files, day by day; files and tables are read once, whichever the days.

Keep out: labelling (amplify.py), where a pair belongs (stages/seed/feed.py).
"""

from collections.abc import Sequence
from datetime import date

import polars as pl

from label_pipeline.adapters.files import read_rows
from label_pipeline.adapters.store import Store
from label_pipeline.core.codes.inputs import CANDIDATES
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.project import Project
from label_pipeline.stages import seed

FEW_DAYS = 3
"""So many days are looked up by themselves; of more, the whole table is read once."""

_TOLD = ("quarantine", "input_notes")
"""Tables of what became of rows that are not stored as they came."""


def load_candidates(project: Project, days: Sequence[date]) -> list[seed.AssembledCandidates]:
    """The candidate pairs of ``days`` from the user's files, each day stored by itself; rejected rows in quarantine.

    Raises:
        InputError: a file as a whole cannot be used.
    """
    store, known = project.store("amplify"), project.settings.days
    documents = store.read("documents")
    rows = seed.candidate_rows(
        [read_rows(spec) for spec in project.input_specs("candidates")], store.read("queries"), documents,
        pool_date=project.settings.inputs.pool_date, first_day=known.start, last_day=known.end,
    )  # fmt: skip
    return _Load(store, rows, documents, days, project.settings.inputs.candidate_files).every(days)


class _Load:
    """One load: what is stored of the days and queries it is about, kept up to date as its days are stored."""

    def __init__(
        self, store: Store, rows: seed.CandidateRows, documents: pl.DataFrame, days: Sequence[date],
        hold: seed.FilesHold,
    ) -> None:  # fmt: skip
        self._store, self._rows, self._documents, self._hold = store, rows, documents, hold
        self._stored = self._read(days)
        self._told = {name: store.read(name).filter(pl.col("input") == CANDIDATES) for name in _TOLD}
        self._lost: pl.DataFrame | None = None

    def every(self, days: Sequence[date]) -> list[seed.AssembledCandidates]:
        """Each day in turn."""
        return [self._one(day) for day in days]

    def _read(self, days: Sequence[date]) -> pl.DataFrame:
        """The stored candidates the days may meet: whole days, and rows of the same queries."""
        if len(days) > FEW_DAYS:
            return self._store.read("candidates")
        asked = self._rows.rows.filter(pl.col("arrived_day").is_in(list(days)))["query_id"].drop_nulls().unique()
        same = self._store.read("candidates", where={"query_id": asked.to_list()})
        return self._store.read("candidates", where={"arrived_on": sorted({*days, *same["arrived_on"]})})

    def _one(self, day: date) -> seed.AssembledCandidates:
        found = seed.candidates_of(self._rows, day)
        fed = seed.settle(day, found, self._stored, found.days, self._hold)
        for other, gone in fed.leaving.items():
            there = self._store.read("candidates", where={"arrived_on": other})
            left = there.join(gone, on=list(PAIR_KEY), how="anti", nulls_equal=True, maintain_order="left")
            self._replace(other, left)
        self._replace(day, pl.concat([fed.found.candidates, self._told_anew(fed.stays)]))
        partition = pl.col("partition") == day.isoformat()
        for name, rows in zip(_TOLD, (found.quarantine, found.notes), strict=True):
            if not self._told[name].filter(partition).equals(rows):
                self._store.overwrite(name, rows, {"input": CANDIDATES, "partition": day.isoformat()})
        return fed.found

    def _replace(self, day: date, rows: pl.DataFrame) -> None:
        before = self._stored.filter(pl.col("arrived_on") == day)
        if before.equals(rows):
            return
        self._store.overwrite("candidates", rows, {"arrived_on": day})
        self._stored = pl.concat([self._stored.filter(pl.col("arrived_on") != day), rows])

    def _told_anew(self, stays: pl.DataFrame) -> pl.DataFrame:
        """Rows that stay; those without a label whose text was edited in its present version, of what is gone none."""
        if stays.is_empty():
            return stays
        by = ["task", "collection", "query_id", "doc_id", "doc_version"]
        if self._lost is None:
            self._lost = self._store.query("checks/candidate_without_text").select(by)
        gone = stays.join(self._lost, on=by, how="semi", nulls_equal=True)
        versions = self._documents.select("doc_id", pl.col("doc_version").alias("present")).unique(
            "doc_id", keep="last"
        )
        edited = gone.join(versions, on="doc_id", how="inner").with_columns(doc_version="present").select(stays.columns)
        kept = stays.join(gone, on=list(PAIR_KEY), how="anti", nulls_equal=True, maintain_order="left")
        return pl.concat([kept, edited])
