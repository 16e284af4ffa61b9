"""Diagnostics as JSON data, one object for each, for editors and scripts."""

from collections.abc import Iterable

from archdsl.base.source import Span
from archdsl.diag.model import Diagnostic, Fix, Label


def as_data(diagnostic: Diagnostic) -> dict[str, object]:
    """Return a diagnostic as JSON data; lines and columns count from 1, ends are exclusive."""
    return {
        "code": diagnostic.code.id,
        "severity": "error" if diagnostic.code.is_error else "warning",
        "title": diagnostic.code.title,
        **_place(diagnostic.primary),
        "secondary": [_place(label) for label in diagnostic.secondary],
        "notes": list(diagnostic.notes),
        "help": diagnostic.help,
        "fixes": [_fix(fix) for fix in diagnostic.fixes],
    }


def all_as_data(found: Iterable[Diagnostic]) -> list[dict[str, object]]:
    """Return all diagnostics as JSON data."""
    return [as_data(diagnostic) for diagnostic in found]


def _fix(fix: Fix) -> dict[str, object]:
    edits = [{**_positions(span), "text": text} for span, text in fix.edits]
    return {"title": fix.title, "safe": fix.is_safe, "edits": edits}


def _place(label: Label) -> dict[str, object]:
    return {"message": label.text, **_positions(label.span)}


def _positions(span: Span) -> dict[str, object]:
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {
        "file": span.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    }
