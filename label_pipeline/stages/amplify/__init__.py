"""Label every candidate pair once, within budget, under an open and current verdict, and lose nothing.

work.py sorts a day's pairs out; label.py turns replies into labels and books; covered.py marks labels outside what the
seed covered; current.py says which row of a label counts,
nights.py which nights were missed. Keep out: sending (core/judging).
"""

from label_pipeline.stages.amplify.covered import FACTS, outside_seed
from label_pipeline.stages.amplify.current import current, newest
from label_pipeline.stages.amplify.label import (
    DayBooks,
    answered_in_full,
    books,
    empty_row,
    labels,
    orphan_row,
    run_row,
)
from label_pipeline.stages.amplify.nights import missed_nights
from label_pipeline.stages.amplify.work import (
    Work,
    closed_work,
    labelled_work,
    marked_out,
    name_of,
    reasons,
    refuse_all_closed,
    sort_out,
    together,
    unasked,
    whole_queries,
)

__all__ = [
    "FACTS", "DayBooks", "Work", "answered_in_full", "books", "closed_work", "current", "empty_row", "labelled_work",
    "labels", "marked_out", "missed_nights", "name_of", "newest", "orphan_row", "outside_seed", "reasons",
    "refuse_all_closed", "run_row", "sort_out", "together", "unasked", "whole_queries",
]  # fmt: skip
