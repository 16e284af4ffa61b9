"""Tables that are declared once and written as text, Markdown, LaTeX, CSV and JSON.

A table is a tuple of `Column`s over records of one type. All formats are derived from it, so that a new column is one
more entry.
"""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

from archdsl.base.byte_sizes import amount
from archdsl.base.latex import escaped
from archdsl.base.shape import Shape

V = TypeVar("V")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Format(Generic[V]):
    """The functions that write a value in text tables, CSV and JSON; text aligns numbers to the right."""

    text: Callable[[V], str]
    csv: Callable[[V], str | int]
    json: Callable[[V], object]
    is_number: bool = False


def _as_is(value: V) -> V:
    return value


def _dims(shape: Shape) -> list[int]:
    return list(shape.plain().dims)


TEXT: Format[str] = Format(_as_is, _as_is, _as_is)
INTEGER: Format[int] = Format(str, _as_is, _as_is, is_number=True)
COUNT: Format[int] = Format(lambda count: f"{count:,}", _as_is, _as_is, is_number=True)
COUNT_OR_BLANK: Format[int] = Format(lambda count: f"{count:,}" if count else "", _as_is, _as_is, is_number=True)
BYTES: Format[int] = Format(amount, _as_is, _as_is, is_number=True)
SHAPE: Format[Shape] = Format(str, str, _dims)


def _always(_: object) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Column(Generic[R, V]):
    """One column of a table of records.

    `name` and `unit` make the key in CSV and JSON; `header` is the heading in text, Markdown and LaTeX, and a column
    without one is left out of them. A text cell is blank where `fills` is false, and with `optional` the whole column
    is left out of text where all its cells are blank.
    """

    name: str
    header: str
    value: Callable[[R], V]
    format: Format[V]
    unit: str = ""
    fills: Callable[[R], bool] = _always
    optional: bool = False
    in_csv: bool = True
    in_json: bool = True

    @property
    def key(self) -> str:
        """The key in CSV and JSON."""
        return f"{self.name}_{self.unit}" if self.unit else self.name

    def of(
        self, part: Callable[[S], R], *, format: Format[V] | None = None, header: str | None = None
    ) -> "Column[S, V]":
        """Return this column for records of which `part` returns the record that it reads."""
        value, fills = self.value, self.fills
        return Column(
            self.name,
            self.header if header is None else header,
            lambda record: value(part(record)),
            format or self.format,
            self.unit,
            lambda record: fills(part(record)),
            self.optional,
            self.in_csv,
            self.in_json,
        )

    def text(self, record: R) -> str:
        """Return the cell of a record in a text table."""
        return self.format.text(self.value(record)) if self.fills(record) else ""


Columns: TypeAlias = Sequence[Column[R, Any]]


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table of text cells; `numeric` says for each column whether it is aligned to the right."""

    headers: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[str, ...], ...]


def text_table(columns: Columns[R], records: Sequence[R]) -> TextTable:
    """Return the columns that have a header, without optional ones that are blank in all records."""
    shown = [each for each in columns if each.header]
    cells = [[each.text(record) for record in records] for each in shown]
    kept = [(each, texts) for each, texts in zip(shown, cells, strict=True) if any(texts) or not each.optional]
    return TextTable(
        tuple(each.header for each, _ in kept),
        tuple(each.format.is_number for each, _ in kept),
        tuple(zip(*(texts for _, texts in kept), strict=True)),
    )


def to_csv(columns: Columns[R], records: Sequence[R]) -> str:
    """Return a header and a line for each record, with plain numbers."""
    written = [each for each in columns if each.in_csv]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(each.key for each in written)
    writer.writerows([each.format.csv(each.value(record)) for each in written] for record in records)
    return text.getvalue()


def to_data(columns: Columns[R], record: R) -> dict[str, object]:
    """Return a record as plain data for JSON."""
    return {each.key: each.format.json(each.value(record)) for each in columns if each.in_json}


def to_markdown(table: TextTable) -> str:
    """Return a table in Markdown; leading spaces of the first cells become visible indents."""
    marks = ["---:" if numeric else "---" for numeric in table.numeric]
    rows = [[cell.replace("|", "\\|") for cell in row] for row in table.rows]
    indented = [[row[0].replace("  ", "&emsp;"), *row[1:]] for row in rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in (table.headers, marks, *indented)) + "\n"


def to_latex(table: TextTable, notes: Sequence[str] = ()) -> str:
    """Return a table as a LaTeX `tabular` with notes below it; leading spaces of the first cells become indents."""
    alignment = "".join("r" if numeric else "l" for numeric in table.numeric)
    lines = [rf"\begin{{tabular}}{{{alignment}}}", r"\hline", _latex_row(table.headers), r"\hline"]
    lines += [*map(_latex_row, table.rows), r"\hline"]
    lines += [rf"\multicolumn{{{len(table.headers)}}}{{l}}{{{escaped(note)}}} \\" for note in notes]
    return "\n".join([*lines, *([r"\hline"] if notes else []), r"\end{tabular}"]) + "\n"


def _latex_row(cells: Sequence[str]) -> str:
    first = cells[0].lstrip()
    levels = (len(cells[0]) - len(first)) // 2
    indent = rf"\hspace*{{{levels}em}}" if levels else ""
    return " & ".join([indent + escaped(first), *map(escaped, cells[1:])]) + r" \\"
