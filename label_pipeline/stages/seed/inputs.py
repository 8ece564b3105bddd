"""``assemble``: every seed input read together, so that grades meet the queries and documents they belong to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import polars as pl

from label_pipeline.core.catalogue import GRADE_RUBRICS, INPUT_BOOKS, QUARANTINE
from label_pipeline.core.codes.inputs import HUMAN_LABELS, SEED_INPUTS
from label_pipeline.core.scale import Scale
from label_pipeline.stages.seed.grades import accept_evaluation, accept_human_labels
from label_pipeline.stages.seed.quarantine import InputBooks, book, quarantine_of
from label_pipeline.stages.seed.rubrics import GradeRubric, to_remember
from label_pipeline.stages.seed.sample import SALT
from label_pipeline.stages.seed.texts import Accepted, Limits, accept_documents, accept_queries
from label_pipeline.stages.seed.values import RawInput

_READ_COLUMNS = (
    "line", "task", "collection", "query_id", "doc_id", "context_id", "annotator_id", "query_chars", "text_chars",
    "query_known", "document_known", "customer_text",
)  # fmt: skip


@dataclass(frozen=True)
class Assembled:
    """The input tables of the seed, checked.

    Attributes:
        queries: QUERIES.
        documents: DOCUMENTS.
        human_labels: HUMAN_LABELS.
        evaluation: EVALUATION.
        quarantine: QUARANTINE, partition ``all``, of the four.
        notes: INPUT_NOTES, partition ``all``, of the four: values that were left out.
        books: one per table, in that order.
        read: table to its rows as read, for the input contract (adapters/contracts.py): ids, grade after the mapping,
            lengths instead of texts, `source`, `line`, flags. Merged repeats and unjudged rows are left out.
        first_loaded: GRADE_RUBRICS, without their time: grades seen for the first time whose file names no rubric.
    """

    queries: pl.DataFrame
    documents: pl.DataFrame
    human_labels: pl.DataFrame
    evaluation: pl.DataFrame
    quarantine: pl.DataFrame
    notes: pl.DataFrame
    books: tuple[InputBooks, ...]
    read: Mapping[str, pl.DataFrame]
    first_loaded: pl.DataFrame

    @property
    def book_rows(self) -> pl.DataFrame:
        """The books as INPUT_BOOKS rows."""
        rows = [asdict(one) for one in self.books]
        return INPUT_BOOKS.conform(pl.DataFrame(rows).select(INPUT_BOOKS.schema.names()))

    @property
    def balanced(self) -> bool:
        """Whether the books of every input add up."""
        return all(books.balanced for books in self.books)


def assemble(
    inputs: Sequence[RawInput],
    scale: Scale,
    limits: Limits | None = None,
    pairs_per_query: int | None = None,
    salt: str = SALT,
    rubric: GradeRubric | None = None,
    before: pl.DataFrame | None = None,
) -> Assembled:
    """Turns what the files hold into the seed's tables; every row ends in one of them or is set aside and booked.

    Args:
        inputs: any number of files per table; those read for ``candidates`` are left alone.
        scale: the project's scale; a grade outside is quarantined, never clipped.
        limits: longest texts.
        pairs_per_query: sample so many pairs per query from the human labels; None keeps all.
        salt: of that sample.
        before: ``doc_id`` and ``doc_version`` of the load before, to name texts that git rewrote; None where unknown.
        rubric: the rubric in force, with what is known of the grades of others; None knows nothing of rubrics.

    Returns:
        The tables, conforming to core/catalogue/, the quarantine and the books. Inputs are not changed.
    """
    limits = limits or Limits()
    queries = accept_queries(inputs, limits)
    documents = accept_documents(inputs, limits, before)
    labels = accept_human_labels(inputs, queries, documents, scale, pairs_per_query, salt, rubric)
    evaluation = accept_evaluation(inputs, queries, documents, scale, rubric)
    remembered = GRADE_RUBRICS.empty() if rubric is None else rubric.remembered
    graded = {HUMAN_LABELS: labels, "evaluation": evaluation}
    accepted = dict(zip(SEED_INPUTS, (queries, documents, labels, evaluation), strict=True))
    return Assembled(
        queries=queries.table,
        documents=documents.table,
        human_labels=labels.table,
        evaluation=evaluation.table,
        quarantine=QUARANTINE.conform(pl.concat([quarantine_of(part.rows, name) for name, part in accepted.items()])),
        notes=pl.concat([part.notes for part in accepted.values()]),
        books=tuple(
            book(
                part.rows,
                name,
                sum(raw.frame.height for raw in inputs if raw.table == name),
                part.table.height,
            )
            for name, part in accepted.items()
        ),
        read={name: _as_read(part) for name, part in accepted.items()},
        first_loaded=pl.concat([to_remember(part.rows, name, remembered) for name, part in graded.items()]),
    )


def _as_read(accepted: Accepted) -> pl.DataFrame:
    rows = accepted.rows.filter(~pl.col("fate").is_in(["merged", "not judged"]).fill_null(False))
    # a panel's mean is checked as the grade it rounds to: its count is what makes a fraction right
    whole = pl.when(pl.col("panel").is_not_null()).then((pl.col("grade_value") + 0.5).floor()).otherwise("grade_value")
    grade = [whole.alias("grade")] if "grade_value" in rows.columns else []
    return rows.select(
        pl.col("file").alias("source"), *(name for name in _READ_COLUMNS if name in rows.columns), *grade
    )
