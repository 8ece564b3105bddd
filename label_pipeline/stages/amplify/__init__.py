"""Label every candidate pair once, within budget, under an open and current verdict, and lose nothing.

work.py sorts a day's pairs out; label.py turns replies into labels and books. Keep out: sending (core/judging).
"""

from label_pipeline.stages.amplify.label import Books, books, labels, orphan_row, run_row
from label_pipeline.stages.amplify.work import Work, authorise, reasons, sort_out

__all__ = ["Books", "Work", "authorise", "books", "labels", "orphan_row", "reasons", "run_row", "sort_out"]
