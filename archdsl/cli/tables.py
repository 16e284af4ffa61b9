"""Prints tables with rich, which is imported only when a table is printed."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from archdsl.report.columns import TextTable

# A table with more rows is printed without rich, which takes 0.5 ms for a row.
LARGE = 1_000
# Output that does not go to a terminal is not limited to the terminal's width.
_PLAIN_WIDTH = 200


def console() -> "Console":
    """Return a console that prints to standard output."""
    from rich.console import Console

    class Piped(Console):
        """Leaves the end of a pipe to the command line; rich would end the process with exit code 1."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    return Piped(width=None if sys.stdout.isatty() else _PLAIN_WIDTH, highlight=False)


def new_table(*headers: str, right: tuple[str, ...] = ()) -> "Table":
    """Return an empty table; the columns `right` are aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for header in headers:
        table.add_column(header, justify="right" if header in right else "left", overflow="fold")
    return table


def empty_table(table: "TextTable") -> "Table":
    """Return a table with the columns of a text table, without its rows."""
    numeric = tuple(header for header, is_numeric in zip(table.headers, table.numeric, strict=True) if is_numeric)
    return new_table(*table.headers, right=numeric)


def print_text_table(table: "TextTable") -> None:
    """Print a text table."""
    from rich.text import Text

    printed = empty_table(table)
    for row in table.rows:
        printed.add_row(*map(Text, row))
    console().print(printed)


def print_large(table: "TextTable", *, first: Sequence[tuple[str, ...]] = ()) -> None:
    """Print a table of many rows as rich lays it out, but without styles and without wrapping cells.

    Args:
        table: The table.
        first: Rows above those of the table; they may have fewer cells.
    """
    from rich.cells import cell_len

    blank = ("",) * len(table.headers)
    rows = [table.headers, *((*row, *blank[len(row) :]) for row in first), *table.rows]
    widths = [
        max(len(cell) if cell.isascii() else cell_len(cell) for cell in column) for column in zip(*rows, strict=True)
    ]
    places = list(zip(widths, table.numeric, strict=True))

    def line(row: Sequence[str]) -> str:
        cells = []
        for cell, (width, is_numeric) in zip(row, places, strict=True):
            pad = " " * (width - (len(cell) if cell.isascii() else cell_len(cell)))
            cells.append(pad + cell if is_numeric else cell + pad)
        return f" {'   '.join(cells)} "

    rule = f" {'─' * (sum(widths) + 3 * len(widths) - 3)} "
    empty = " " * len(rule)
    head, *body = map(line, rows)
    click.echo("\n".join((empty, head, rule, *body, empty)))


def print_table(headers: tuple[str, ...], rows: Sequence[tuple[str, ...]], *, right: tuple[str, ...] = ()) -> None:
    """Print rows of plain text below these headers."""
    from rich.text import Text

    table = new_table(*headers, right=right)
    for row in rows:
        table.add_row(*map(Text, row))
    console().print(table)
