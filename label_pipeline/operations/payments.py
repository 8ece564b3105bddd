"""Payments: what the journal's receipts say was paid, booked, each once.

A run that ends for whatever reason leaves receipts of everything it sent. They are booked right after its judgements
are stored, or, where it was killed, before the next run of the project spends anything: its replies become judgements
of the run that paid for them, and what went out without an answer is possibly paid. Keep out: receipts
(core/judging/receipts.py, adapters/outbox.py) and the books of labels and anchor runs (amplify.py, canary.py).
"""

from dataclasses import replace

import polars as pl

from label_pipeline.adapters.outbox import Outbox
from label_pipeline.adapters.store import keys_mark
from label_pipeline.core.catalogue import JUDGEMENTS
from label_pipeline.core.codes.outcomes import UNANSWERED
from label_pipeline.core.judging.booking import ASK, payments, recovered
from label_pipeline.core.judging.order import JudgingOrder
from label_pipeline.core.judging.receipts import Receipt
from label_pipeline.core.ports import Intent
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
        found = _own(project, outbox.receipts(batch, replies=True))
        _store_replies(project, batch, found)
        _book(project, outbox, batch, found)
        if run_id is None:
            _tell(log, found)


def inherit(project: Project, order: JudgingOrder, run_id: str, judgements: pl.DataFrame) -> None:
    """Writes receipts of replies that the journal holds without one, and that these JUDGEMENTS rows book.

    An older version wrote none, and a receipt stays on the disk of the machine that paid. Call it before the rows are
    stored: whoever dies in between has left receipts like any other run.
    """
    found = judgements.filter(pl.col("reused") & (pl.col("cost_usd") > 0))
    customers = {pair[:6] for pair in order.pairs if pair.customer}
    rows = []
    for row in found.iter_rows(named=True):
        pair = (row["task"], row["collection"], row["query_id"], row["doc_id"], row["doc_version"], row["context_id"])
        intent = Intent(
            row["request_key"], run_id, order.purpose, order.epoch, order.member.name, order.member.member_hash,
            row["sample_index"], row["attempt"], pair, pair in customers, order.day, row["cost_usd"],
        )  # fmt: skip
        rows.append((intent, row["input_tokens"], row["cached_tokens"], row["output_tokens"]))
    if rows:
        Outbox(project.journal_path).inherit(rows)


def _book(project: Project, outbox: Outbox, batch: str, found: list[Receipt]) -> None:
    project.store("calibrate").append("payments", payments(batch, found), f"payments:{batch}")
    outbox.booked(batch)


def _own(project: Project, found: list[Receipt]) -> list[Receipt]:
    """The receipts, those without their price whose reply another run has inherited and booked meanwhile."""
    keys = sorted({receipt.intent.request_key for receipt in found if receipt.answered})
    asked = ["request_key", "run_id", "reused", "cost_usd"]
    rows = project.store("rank").read("judgements", asked, {"request_key": keys}) if keys else None
    if rows is None:
        return found
    others = {(key, run) for key, run in rows.filter("reused", pl.col("cost_usd") > 0)["request_key", "run_id"].rows()}
    runs_of: dict[str, set[str]] = {}
    for key, run in others:
        runs_of.setdefault(key, set()).add(run)
    return [
        replace(one, answered=False, input_tokens=0, cached_tokens=0, output_tokens=0, cost_usd=0.0)
        if runs_of.get(one.intent.request_key, set()) - {one.intent.run_id}
        else one
        for one in found
    ]


def _store_replies(project: Project, batch: str, found: list[Receipt]) -> None:
    """Appends the judgements of replies that no run has stored."""
    store, runs = project.store("rank"), sorted({receipt.intent.run_id for receipt in found})
    stored = store.read("judgements", [*ASK, "attempt", "outcome"], {"run_id": runs})
    known = stored.filter(~pl.col("outcome").is_in(UNANSWERED))  # what was not answered then may have been since
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
