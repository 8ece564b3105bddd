"""Queries and documents: one accepted text per id, and the hash of the text a grader saw."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl

from label_pipeline.core.catalogue import DOCUMENTS, QUERIES
from label_pipeline.core.codes.inputs import CUSTOMER, INTERNAL
from label_pipeline.core.tables import QUERY_KEY
from label_pipeline.stages.seed.dates import with_day
from label_pipeline.stages.seed.notes import Oddity, noted
from label_pipeline.stages.seed.oddities import date_oddities
from label_pipeline.stages.seed.quarantine import ALIVE, Rule, reject, set_aside, with_repeats
from label_pipeline.stages.seed.spelling import spelling_oddity, with_spellings
from label_pipeline.stages.seed.values import RawInput, id_rules, quoted, shown, stack
from label_pipeline.stages.seed.versions import doc_version, with_rewritten

_FACTS = {"source": "source", "language": "language", "created_day": "created_on"}
"""What describes a document, as it is read: its column. None of it may cost the document."""


_REWRITTEN = Oddity(
    "text",
    pl.col("rewritten"),
    "differs from what was loaded before in its line ends alone (LF and CRLF), as git rewrites them, and counts as "
    "another text: its grades and labels are of the one before; check the file out with its own line ends (`*.csv "
    "-text` in .gitattributes)",
    shown("doc_id"),
)


@dataclass(frozen=True)
class Limits:
    """How long a text may be, in characters; a longer one is quarantined, never cut.

    Attributes:
        document_chars: title and body together; 100,000 is about 25,000 tokens, above what most judges accept.
        query_chars: query text.
    """

    document_chars: int = 100_000
    query_chars: int = 10_000


class Accepted(NamedTuple):
    """One table, the working rows it came from with the fate of each, and what was noticed of them (INPUT_NOTES)."""

    table: pl.DataFrame
    rows: pl.DataFrame
    notes: pl.DataFrame


def accept_documents(inputs: Iterable[RawInput], limits: Limits, before: pl.DataFrame | None = None) -> Accepted:
    """One row per document id.

    Rows of one id and one text are merged. Where the texts differ all are rejected: which of them a person graded
    cannot be known. Where only source, language or date differ, that is unknown (null): a column `source` often says
    which search found the row, not which system the text is from. A document any row of which is marked customer text
    is customer text.

    Args:
        inputs: all files.
        limits: longest texts.
        before: ``doc_id`` and ``doc_version`` of the load before, to name texts that git gave other line ends.
    """
    rows = with_day(stack(inputs, "documents"), "created_on", "created_day")
    versions = [
        None if text is None else doc_version(text, title) for text, title in rows.select("text", "title").iter_rows()
    ]
    boundary = pl.col("boundary").str.strip_chars().str.to_lowercase()
    marked = (boundary.is_not_null() & (boundary != INTERNAL)).fill_null(False)
    rows = rows.with_columns(
        pl.Series("doc_version", versions, dtype=pl.String),
        (pl.col("text").str.len_chars() + (pl.col("title").str.len_chars() + 2).fill_null(0)).alias("text_chars"),
        boundary.alias("boundary_read"),
        pl.when(marked.any().over("doc_id")).then(pl.lit(CUSTOMER)).alias("boundary_kept"),
    )
    rows = reject(rows, _document_rules(limits))
    rows = with_repeats(rows, ("doc_id",), ("doc_version",))
    rows = reject(rows, [_contradiction("document", "doc_id")])
    rows = _agreed(rows, ("doc_id",), _FACTS)
    rows = set_aside(with_spellings(rows, "doc_id"), pl.col("is_repeat"), "merged")
    kept = rows.filter(ALIVE).with_columns(
        *(pl.col(f"{read}_agreed").alias(name) for read, name in _FACTS.items()),
        pl.col("boundary_kept").alias("boundary"),
    )
    found = [*date_oddities("created_on", "created_day"), *(_several(read, name) for read, name in _FACTS.items())]
    found.append(spelling_oddity("doc_id"))
    if before is not None:
        told = kept.select("doc_id", "text", "title")
        rows = rows.join(before.select("doc_id", pl.col("doc_version").alias("version_before")).unique("doc_id"),
                         on="doc_id", how="left", maintain_order="left")  # fmt: skip
        rows = with_rewritten(rows, told, "version_before", "rewritten")
        found.append(_REWRITTEN)
    # a shifted row may hold customer text where its date belongs
    may_show = [one._replace(value=pl.when(pl.col("boundary_kept").is_null()).then(one.value)) for one in found]
    table = DOCUMENTS.conform(kept.select(list(DOCUMENTS.schema)))
    return Accepted(table, rows, noted(rows, "documents", may_show))


def _document_rules(limits: Limits) -> list[Rule]:
    return [
        *id_rules(["doc_id"]),
        Rule(
            "empty text",
            pl.col("text").is_null(),
            pl.lit("empty text; expected the document's body: fill it in, or drop the row"),
        ),
        Rule(
            "the document is too long",
            pl.col("text_chars") > limits.document_chars,
            pl.format(
                f"{{}} characters of title and text, the limit is {limits.document_chars}; split the document into "
                "passages, or raise `max_document_chars` if the judge's context allows it",
                pl.col("text_chars"),
            ),
        ),
        Rule(
            "boundary is unknown",
            pl.col("boundary_read").is_not_null() & ~pl.col("boundary_read").is_in([CUSTOMER, INTERNAL]),
            pl.format(
                "boundary {} is unknown; expected `customer`, or nothing or `internal` for text that may leave: "
                "correct it (text in doubt is not used)",
                shown("boundary"),
            ),
        ),
    ]


def accept_queries(inputs: Iterable[RawInput], limits: Limits) -> Accepted:
    """One row per (task, collection, query id); repeats are merged, contradicting texts all rejected.

    Where only the language differs it is unknown (null).
    """
    rows = stack(inputs, "queries").with_columns(pl.col("query").str.len_chars().alias("query_chars"))
    rules = [
        *id_rules(["query_id"], ("task", "collection")),
        Rule(
            "empty query",
            pl.col("query").is_null(),
            pl.lit("empty query; expected its text: fill it in, or drop the row"),
        ),
        Rule(
            "the query is too long",
            pl.col("query_chars") > limits.query_chars,
            pl.format(
                f"the query has {{}} characters, the limit is {limits.query_chars}; check the export: a query is what "
                "a user typed",
                pl.col("query_chars"),
            ),
        ),
    ]
    rows = reject(with_repeats(reject(rows, rules), QUERY_KEY, ("query",)), [_contradiction("query", "query_id")])
    rows = with_spellings(_agreed(rows, QUERY_KEY, {"language": "language"}), "query_id", ("task", "collection"))
    rows = set_aside(rows, pl.col("is_repeat"), "merged")
    kept = rows.filter(ALIVE).with_columns(pl.col("language_agreed").alias("language"))
    notes = noted(rows, "queries", [_several("language", "language"), spelling_oddity("query_id")])
    return Accepted(QUERIES.conform(kept.select(list(QUERIES.schema))), rows, notes)


def _agreed(rows: pl.DataFrame, key: Sequence[str], names: Iterable[str]) -> pl.DataFrame:
    """Adds what the kept rows of one key say together: ``{name}_agreed``, the one value of those that have one.

    ``{name}_several`` quotes the first three that differ; null where they do not. ``rows`` went by ``with_repeats``.
    """
    names, again = list(names), rows.filter("is_repeat").select(key).unique()  # of few keys there are several rows
    told = rows.filter(ALIVE).join(again, on=key, how="semi", nulls_equal=True).group_by(key).agg(
        *(pl.when(pl.col(name).drop_nulls().n_unique() == 1).then(pl.col(name).drop_nulls().first())
          .alias(f"{name}_agreed") for name in names),
        *(pl.when(pl.col(name).drop_nulls().n_unique() > 1)
          .then(quoted(pl.col(name).drop_nulls().unique().sort().head(3).cast(pl.String)).str.join(" and "))
          .alias(f"{name}_several") for name in names),
        pl.lit(True).alias("_several_rows"),
    )  # fmt: skip
    joined = rows.join(told, on=key, how="left", nulls_equal=True, maintain_order="left")
    own = (pl.when(pl.col("_several_rows")).then(f"{name}_agreed").otherwise(name) for name in names)
    return joined.with_columns(
        column.alias(f"{name}_agreed") for column, name in zip(own, names, strict=True)
    ).drop("_several_rows")  # fmt: skip


def _several(read: str, name: str) -> Oddity:
    return Oddity(
        name, pl.col(f"{read}_several").is_not_null(),
        "differs between rows of one id and is left out: keep one value an id, or map the column to none",
        pl.col(f"{read}_several"),
    )  # fmt: skip


def _contradiction(noun: str, key: str) -> Rule:
    return Rule(
        f"one {noun} id, several texts",
        pl.col("contradicts"),
        pl.format(
            f"{noun} {{}} appears with different contents (first on {{}}); expected one text and one description an "
            "id, as a grade belongs to the text its grader saw: keep the right row, or give the others their own ids",
            shown(key),
            pl.col("first_at"),
        ),
    )
