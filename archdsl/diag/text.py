"""Diagnostics as text, with the source lines to which they refer."""

from collections.abc import Iterable, Sequence
from textwrap import wrap

from archdsl.base.printable import shortened
from archdsl.base.source import Span
from archdsl.diag.model import Diagnostic, Label

MOST = 20
# Bounds on one message: lines, and bytes without colours.
MOST_ROWS, MOST_BYTES = 20, 4_000
_WIDEST = 160
_NAME = 300
_RED, _YELLOW, _BLUE, _CYAN, _BOLD, _OFF = "\x1b[1;31m", "\x1b[1;33m", "\x1b[1;34m", "\x1b[1;36m", "\x1b[1m", "\x1b[0m"


def render(found: Sequence[Diagnostic], *, colour: bool = False, width: int = 100) -> str:
    """Return the first twenty diagnostics as text, and the number of all."""
    width = min(width, _WIDEST)
    parts = [_render_one(diagnostic, _Paint(colour), width) for diagnostic in found[:MOST]]
    if len(found) > MOST:
        parts.append(f"… and {len(found) - MOST} more\n")
    return "\n".join(parts)


def counted(found: Iterable[Diagnostic]) -> str:
    """Return the numbers of errors and warnings as text."""
    kinds = [diagnostic.code.is_error for diagnostic in found]
    counts = (("error", sum(kinds)), ("warning", len(kinds) - sum(kinds)))
    return ", ".join(f"{count} {word}{'s' if count > 1 else ''}" for word, count in counts if count)


class _Paint:
    """Colours text if the output is a terminal."""

    def __init__(self, on: bool) -> None:  # noqa: FBT001
        self.on = on

    def __call__(self, colour: str, text: str) -> str:
        return f"{colour}{text}{_OFF}" if self.on and text else text


def _render_one(diagnostic: Diagnostic, paint: _Paint, width: int) -> str:
    code = diagnostic.code
    colour = _RED if code.is_error else _YELLOW
    word = "error" if code.is_error else "warning"
    labels = sorted((diagnostic.primary, *diagnostic.secondary), key=lambda label: label.span.start)
    margin = len(str(max(label.span.line for label in labels)))
    rows = [paint(colour, f"{word}[{code.id}]") + paint(_BOLD, f": {code.title}")]
    here = diagnostic.primary.span.source
    for source in dict.fromkeys(map(id, (here, *(label.span.source for label in labels)))):
        of_source = [label for label in labels if id(label.span.source) == source]
        marks = [(colour, "^") if label is diagnostic.primary else (_BLUE, "-") for label in of_source]
        rows += _excerpts(of_source, marks, margin, paint, width, is_other=source != id(here))
    noted = [_remark("note", note, margin, paint, width) for note in diagnostic.notes if note]
    advised = _remark("help", diagnostic.help, margin, paint, width) if diagnostic.help else []
    while noted and not _fits([*rows, *_flat(noted), *advised]):
        del noted[len(noted) // 2]
    while not _fits([*rows, *_flat(noted), *advised]) and len(rows) > 2:
        rows.pop()
    return "\n".join(row.rstrip() for row in (*rows, *_flat(noted), *advised)) + "\n"


def _excerpts(
    labels: list[Label], marks: list[tuple[str, str]], margin: int, paint: _Paint, width: int, *, is_other: bool
) -> list[str]:
    """Return the rows of the labels in one file, with its name; `is_other` if the problem itself is not in it."""
    source, first = labels[0].span.source, next((at for at, mark in enumerate(marks) if mark[1] == "^"), 0)
    line, column = source.position(labels[first].span.start)
    arrow = ":::" if is_other else "-->"
    rows = [paint(_BLUE, " " * margin + f"{arrow} ") + f"{shortened(source.shown, _NAME)}:{line}:{column}"]
    if not source.text:
        return rows
    gutter = paint(_BLUE, " " * margin + " |")
    rows.append(gutter)
    previous = None
    for label, mark in zip(labels, marks, strict=True):
        if previous is not None and label.span.line > previous + 1:
            rows.append(paint(_BLUE, "..."))
        rows += _excerpt(label, margin, mark, paint, width, repeat=label.span.line != previous)
        previous = label.span.line
    return [*rows, gutter]


def _flat(parts: list[list[str]]) -> list[str]:
    return [row for part in parts for row in part]


def _fits(rows: list[str]) -> bool:
    """Return whether the rows of a message are within the bounds."""
    return len(rows) <= MOST_ROWS and len("\n".join(rows).encode(errors="replace")) < MOST_BYTES


def _remark(word: str, text: str, margin: int, paint: _Paint, width: int) -> list[str]:
    """Return the rows of a note or a help."""
    offset = margin + len(f" = {word}: ")
    first, *more = wrap(_printable(text), max(width - offset, 40)) or [""]
    head = paint(_BLUE, " " * margin + " = ") + paint(_CYAN, f"{word}:") + f" {first}"
    return [head, *(" " * offset + part for part in more)]


def _excerpt(label: Label, margin: int, mark: tuple[str, str], paint: _Paint, width: int, *, repeat: bool) -> list[str]:
    span = label.span
    number, column = span.source.position(span.start)
    line = span.source.line(number)
    length = max(1, min(_first_line(span), len(line) - column + 1))
    cut, line = _cut(line, column, length, max(width - margin - 3, 40))
    line = _printable(line)
    column -= cut
    length = max(1, min(length, len(line) - column + 1))
    under = " " * (column - 1) + paint(mark[0], f"{mark[1] * length} {_printable(label.text)}".rstrip())
    gutter = paint(_BLUE, f"{' ' * margin} |")
    head = [paint(_BLUE, f"{number:>{margin}} |") + f" {line}"] if repeat else []
    return [*head, f"{gutter} {under}"]


def _printable(text: str) -> str:
    """Return a text without control characters: each is replaced by one printable character."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else " " if char == "\t" else "�" for char in text)


def _first_line(span: Span) -> int:
    text = span.source.text
    end = text.find("\n", span.start, span.end)
    return len(text[span.start : span.end if end < 0 else end].rstrip())


def _cut(line: str, column: int, length: int, width: int) -> tuple[int, str]:
    """Return the part of a long line around the span, and the number of characters before that part."""
    if len(line) <= width:
        return 0, line
    first = max(0, min(column - 1 - width // 4, len(line) - width))
    if column - 1 + length <= width:
        first = 0
    part = line[first : first + width]
    if first:
        part = "…" + part[1:]
    return first, part if first + width >= len(line) else part[:-1] + "…"
