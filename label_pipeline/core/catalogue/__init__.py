"""Every table of the project, declared once: the store, the tests' empty frames and docs/tables.md come from here.

One module per stage; columns.py what several tables share. A column's meaning states its unit; one quantity has one
name everywhere. Keep out: behaviour (core/tables.py), the words of closed sets (core/codes/).
"""

from label_pipeline.core.catalogue.amplify import CANDIDATES, LABEL_RUNS, LABELS
from label_pipeline.core.catalogue.anchor import ANCHOR_ITEMS, ANCHOR_RUNS, DRIFT_VERDICTS
from label_pipeline.core.catalogue.calibrate import EPOCHS, JUDGE_VERSIONS, JUDGEMENTS, LEADERBOARD, PAYMENTS
from label_pipeline.core.catalogue.gate import HOLDOUT_LOOKS, VERDICTS
from label_pipeline.core.catalogue.rank import RANKER_METRICS, RANKERS, TRAINING_SETS
from label_pipeline.core.catalogue.seed import (
    AGREEMENT,
    DOCUMENTS,
    EVALUATION,
    GOLD,
    GRADE_RUBRICS,
    HUMAN_LABELS,
    INPUT_BOOKS,
    INPUT_NOTES,
    QUARANTINE,
    QUERIES,
    RUBRICS,
    SPLITS,
)
from label_pipeline.core.tables import Table

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        QUERIES, DOCUMENTS, HUMAN_LABELS, EVALUATION, QUARANTINE, INPUT_BOOKS, INPUT_NOTES, GRADE_RUBRICS, RUBRICS,
        AGREEMENT, GOLD, SPLITS,
        EPOCHS, JUDGEMENTS, PAYMENTS, LEADERBOARD, JUDGE_VERSIONS,
        VERDICTS, HOLDOUT_LOOKS,
        CANDIDATES, LABELS, LABEL_RUNS,
        TRAINING_SETS, RANKERS, RANKER_METRICS,
        ANCHOR_ITEMS, ANCHOR_RUNS, DRIFT_VERDICTS,
    )
}  # fmt: skip
"""Every declared table by name, in the order of the stages."""

__all__ = [
    "AGREEMENT",
    "ANCHOR_ITEMS",
    "ANCHOR_RUNS",
    "CANDIDATES",
    "DOCUMENTS",
    "DRIFT_VERDICTS",
    "EPOCHS",
    "EVALUATION",
    "GOLD",
    "GRADE_RUBRICS",
    "HOLDOUT_LOOKS",
    "HUMAN_LABELS",
    "INPUT_BOOKS",
    "INPUT_NOTES",
    "JUDGEMENTS",
    "JUDGE_VERSIONS",
    "LABELS",
    "LABEL_RUNS",
    "LEADERBOARD",
    "PAYMENTS",
    "QUARANTINE",
    "QUERIES",
    "RANKERS",
    "RANKER_METRICS",
    "RUBRICS",
    "SPLITS",
    "TABLES",
    "TRAINING_SETS",
    "VERDICTS",
]
