"""How the terminal shows things: a sentence stays one line for whoever pipes it, a table fits into 80 columns."""

import polars as pl
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text


def say(console: Console, text: str, style: str = "") -> None:
    """Prints ``text`` as it is: brackets are no markup, and only a terminal wraps it."""
    console.print(Text(text, style=style), soft_wrap=True)


def as_table(title: str, frame: pl.DataFrame) -> Table:
    """A frame as a terminal table; what does not fit is folded, never cut."""
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, dtype in frame.schema.items():
        table.add_column(name, justify="right" if dtype.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
