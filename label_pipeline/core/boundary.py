"""Customer text stays inside its boundary: what may be shown to a judge, and what may be said about it.

One rule, for rows in hand and for records: customer text goes only to an endpoint declared ``inside``; and what a
provider says about it, or a judge gives as its rationale, may quote it and stays out of tables and messages. The owner
of a document marks it (``documents.boundary``).
"""

from collections.abc import Iterable, Sequence

import polars as pl

from label_pipeline.core.codes.inputs import CUSTOMER
from label_pipeline.core.ports import PairText

WITHHELD = "the provider answered with an error; its words are withheld, they may quote customer text"
"""What stands for the words of a provider about customer text."""


def sendable(pairs: Sequence[PairText], *, inside: bool) -> list[PairText]:
    """Those of ``pairs`` that an endpoint may be sent."""
    return [pair for pair in pairs if inside or not pair.customer]


def sendable_rows(rows: pl.DataFrame, *, inside: bool) -> pl.DataFrame:
    """Those of ``rows``, with a Boolean column ``customer``, that an endpoint may be sent."""
    return rows if inside else rows.filter(~pl.col("customer"))


def marked(rows: pl.DataFrame, documents: pl.DataFrame) -> pl.DataFrame:
    """``rows`` with ``customer`` set where their document is customer text by now: a mark may come later.

    Args:
        rows: with ``doc_id`` and ``customer``.
        documents: DOCUMENTS.
    """
    private = documents.filter(pl.col("boundary") == CUSTOMER)["doc_id"].implode()
    return rows.with_columns(customer=pl.col("customer") | pl.col("doc_id").is_in(private))


def refuse_exposed(pairs: Sequence[PairText], endpoint: str, *, inside: bool) -> None:
    """The last wall, right before sending: raises where customer text would leave.

    Raises:
        ValueError: whoever made the list did not leave it out, which is a bug.
    """
    exposed = len(pairs) - len(sendable(pairs, inside=inside))
    if exposed:
        raise ValueError(f"{exposed} customer pairs would leave the boundary to endpoint {endpoint}; none was sent")


def any_private(pairs: Iterable[PairText]) -> bool:
    """Whether words about these pairs may quote customer text."""
    return any(pair.customer for pair in pairs)
