"""What judging cost: the requests, tokens and dollars behind rows of JUDGEMENTS."""

from typing import NamedTuple

import polars as pl


class Spent(NamedTuple):
    """What one run sent and paid, in this process and in earlier ones that were killed before they could book it."""

    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    cost_usd: float
    seconds: float


NOTHING = Spent(0, 0, 0, 0, 0.0, 0.0)


def spent(judgements: pl.DataFrame, earlier: pl.DataFrame, requests: int, seconds: float) -> Spent:
    """Adds up what a run cost.

    Args:
        judgements: JUDGEMENTS rows of this process; a re-used row that carries a cost was paid for by an earlier one.
        earlier: those of the same run that earlier processes stored.
        requests: requests this process books.
        seconds: wall time.
    """
    paid = [rows.filter(~pl.col("reused") | (pl.col("cost_usd") > 0)) for rows in (judgements, earlier)]
    both = pl.concat(paid)
    return Spent(
        requests=requests + replies(paid[1]),
        input_tokens=int(both["input_tokens"].sum()),
        cached_tokens=int(both["cached_tokens"].sum()),
        output_tokens=int(both["output_tokens"].sum()),
        cost_usd=float(both["cost_usd"].sum()),
        seconds=seconds,
    )


def replies(judgements: pl.DataFrame) -> int:
    """The replies behind these rows, unreadable ones that were asked again included; equal requests count once."""
    return int((judgements.unique("request_key")["attempt"] + 1).sum())
