"""Payments: what the journal's receipts say was paid, booked, each once.

A run that ends for whatever reason leaves receipts of everything it sent. They are booked right after its judgements
are stored, or, where it was killed, before the next run of the project spends anything: its replies become judgements
of the run that paid for them, and what went out without an answer is possibly paid. Keep out: receipts
(core/judging/receipts.py, adapters/outbox.py) and the books of labels and anchor runs (amplify.py, canary.py).
"""

import polars as pl

from label_pipeline.adapters.outbox import Outbox
from label_pipeline.adapters.store import keys_mark
from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.judging.booking import ASK, inherited, payments, recovered
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.receipts import Receipt
from label_pipeline.core.tables import PAIR_KEY
from label_pipeline.operations.project import Project
from label_pipeline.operations.run import Log


def settle(project: Project, run_id: str) -> None:
    """Books what ``run_id`` has paid since it was last booked. Call it once its judgements are stored."""
    outbox = Outbox(project.journal_path)
    for batch in outbox.take(run_id):
        _book(project, outbox, batch, outbox.receipts(batch, replies=False))


def settle_left(project: Project, log: Log, run_id: str | None = None) -> None:
    """Books what was paid and not stored: of ``run_id``, which ends now, or of every run that was killed.

    Call it while holding the spending lock: without ``run_id``, requests that are open still are taken for lost.
    """
    if not project.journal_path.exists():
        return
    outbox = Outbox(project.journal_path)
    for batch in outbox.take(run_id):
        found = outbox.receipts(batch, replies=True)
        _store_replies(project, batch, found)
        _book(project, outbox, batch, found)
        if run_id is None:
            _tell(log, found)


def settle_inherited(project: Project, order: JudgingOrder, judgements: pl.DataFrame) -> None:
    """Books replies that the journal holds without a receipt, as JUDGEMENTS rows that carry what they cost."""
    found = judgements.filter(pl.col("reused") & (pl.col("cost_usd") > 0))
    if not found.is_empty():
        batch = f"inherited:{keys_mark(found, ['request_key', *PAIR_KEY, 'sample_index'])}"
        project.store("calibrate").append("payments", inherited(found, batch, order.day), f"payments:{batch}")


def _book(project: Project, outbox: Outbox, batch: str, found: list[Receipt]) -> None:
    project.store("calibrate").append("payments", payments(batch, found), f"payments:{batch}")
    outbox.booked(batch)


def _store_replies(project: Project, batch: str, found: list[Receipt]) -> None:
    """Appends the judgements of replies that no run has stored."""
    store, runs = project.store("rank"), sorted({receipt.intent.run_id for receipt in found})
    known = store.read("judgements", [*ASK, "attempt"], {"run_id": runs})
    rows = recovered(found, known, project.settings.grade_scale)
    if not rows.is_empty():
        store.append("judgements", rows, f"recovered:{batch}:{keys_mark(rows, JUDGEMENTS.key)}")


def _tell(log: Log, found: list[Receipt]) -> None:
    paid, possibly = sum(r.cost_usd for r in found), sum(r.possibly_usd for r in found)
    runs = sorted({receipt.intent.run_id for receipt in found})
    lost = sum(receipt.lost for receipt in found)
    log.warning(
        f"{', '.join(runs)} ended between what it paid for and its books: ${paid:.4f} of "
        f"{sum(r.answered for r in found)} replies are booked now"
        + (f", and up to ${possibly:.4f} possibly paid for {lost} answers that never came" if lost else "")
    )
