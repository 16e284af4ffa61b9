"""Messages for statements in the syntax of other languages, and for misspelt keywords."""

import re
from typing import NamedTuple

from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.codes import Code
from archdsl.diag.model import Fix, Problems
from archdsl.syntax.automaton import Failure

_LINES = 12
_MODEL = re.compile(r"^model\b", re.MULTILINE).search
_INPUT = re.compile(r"\s*input\s+(\w+)\s*:").match
_BLANK = re.compile(r"[ \t]*").match
_LET = re.compile(r"(?:let|var|const|val|auto)\s+(?=\w+\s*=)").match
_SHOWN = 5
_DOTTED = re.compile(r"[A-Za-z_]\w*\s*\.\s*[A-Za-z_]|\)\s*\.\s*[A-Za-z_]|\w\s*\[|\)\s*\(|[^=!<>]=[^=]|f[\"']|'").search


class Foreign(NamedTuple):
    """A statement of another language, with the message about it."""

    code: Code
    span: Span
    label: str
    help: str
    text: str | None
    is_code: bool

    def fix(self) -> Fix | None:
        """Return the edit that replaces or removes the statement."""
        if self.text is None:
            return None
        span = self.span
        if not self.text:
            # The whole line goes.
            text, start = span.source.text, span.start
            line = text.rfind("\n", 0, start) + 1
            start = start if text[line:start].strip() else line
            span = Span(span.source, start, span.end + (text[span.end : span.end + 1] == "\n"))
        return Fix(self.help, ((span, self.text),))


def foreign(failure: Failure, source: Source) -> Foreign | None:
    """Return the statement in which parsing failed if it is written in the syntax of another language."""
    # Imported late: only messages need the tables.
    from archdsl.foreign.python import translated, translated_chain
    from archdsl.foreign.statements import recognised

    span = statement(failure, source)
    if span is None:
        return None
    text = span.text
    let = _LET(text)
    code = text[let.end() if let else 0 :].rstrip("; ")
    is_code = _DOTTED(code) or code.startswith("return ")
    made = translated(code) if is_code else None
    made = translated_chain(code) if is_code and made is None else made
    made = _from_above(made, span) if made else made
    if made is not None and made != text:
        help = f"write `{made}`" if made else "remove it: it does not change what the net computes"
        return Foreign(codes.FOREIGN_SYNTAX, span, "this is Python", help, made, is_code=True)
    found = recognised(text)
    if found is None:
        return None
    if found.is_code and not failure.open and not _MODEL(source.text):
        help = "write the net itself: `model Net { input image: 3x32x32 … }`, with steps such as `conv1: conv(64, 3)`"
        return Foreign(codes.FOREIGN_SYNTAX, span, found.label, help, None, is_code=True)
    return Foreign(codes.FOREIGN_SYNTAX, span, found.label, found.help, found.text, found.is_code)


def _from_above(made: str, span: Span) -> str:
    """Return a chain without the reference that it begins with, if the statement above it is the input of that name."""
    name, arrow, rest = made.partition(" -> ")
    lines = span.source.text[: span.start].rstrip().rsplit("\n", 1)
    given = _INPUT(lines[-1])
    return rest if arrow and given and name == f"@{given[1]}" else made


def statement(failure: Failure, source: Source) -> Span | None:
    """Return the lines of the statement in which parsing failed, without a comment after it."""
    text, at = source.text, failure.token.start
    opened = [bracket for bracket in failure.open if bracket.text == "("]
    if opened:
        at = min(at, opened[0].start)
    start = text.rfind("\n", 0, at) + 1
    blank = _BLANK(text, start)
    start = blank.end() if blank else start
    end = _end(text, start)
    found = text[start:end].rstrip()
    if not found or at >= start + len(found) + 1:
        return None
    return Span(source, start, start + len(found))


def _end(text: str, start: int) -> int:
    """Return the end of a statement: that of its line, or of the line on which its parentheses close."""
    depth = lines = 0
    quote = ""
    for at in range(start, len(text)):
        char = text[at]
        if char == "\n":
            lines += 1
            if depth <= 0 or lines == _LINES:
                return at
            quote = ""
        elif quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char == "#" and depth <= 0 and at > start:
            return at
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
        if at - start > 2000:
            return at
    return len(text)


def report(found: list[Foreign], problems: Problems) -> None:
    """Report the statements of another language that follow each other, in one message."""
    first, *more = found
    fixes = [fix for each in found if (fix := each.fix())]
    notes: tuple[str, ...] = ()
    if more:
        count = f"{len(more)} more statements below are" if len(more) > 1 else "1 more statement below is"
        shown = [f"line {each.span.line}: `{each.text}`" for each in more if each.text]
        notes = (f"{count} written in this way", *(["; ".join(shown[:_SHOWN])] if shown else []))
    merged = (Fix(first.help, tuple(edit for fix in fixes for edit in fix.edits)),) if fixes else ()
    problems.report(first.code, first.span, first.label, notes=notes, help=first.help, fixes=merged)
