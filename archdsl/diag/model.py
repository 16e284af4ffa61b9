"""Diagnostics as data, and the collection of a run's diagnostics."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from archdsl.base.printable import shortened
from archdsl.base.source import Span
from archdsl.diag.codes import Code

# Errors and warnings of a run. After so many, more do not help, and the work for them would not be bounded.
MOST_ERRORS = MOST_WARNINGS = 100
_CALLS = 6
# A note about further places names the lines of so many.
_PLACES = 3
# With so many problems, nobody reads explanations that take time to find.
_CROWD = 50
# A fix changes at most so many places.
_MOST_EDITS = 100
_LABEL, _NOTE = 300, 600


@dataclass(frozen=True, slots=True)
class Label:
    """A span of the source, and the text to display under it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Fix:
    """An edit of the source that carries out what the help of a diagnostic offers.

    `edits` are spans, each with the text that replaces it; they do not overlap. `is_safe` says that the edit keeps
    the meaning of the text, or is certainly what the author meant.
    """

    title: str
    edits: tuple[tuple[Span, str], ...]
    is_safe: bool = False

    def applied(self, text: str) -> str:
        """Return the text of the source after the edits."""
        for span, replacement in sorted(self.edits, key=lambda edit: edit[0].start, reverse=True):
            text = text[: span.start] + replacement + text[span.end :]
        return text


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or a warning; its headline is the title of its code."""

    code: Code
    primary: Label
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    fixes: tuple[Fix, ...] = ()

    def place(self) -> tuple[str, int, int, str]:
        """Return the sort key: position, then code."""
        span = self.primary.span
        return (span.source.name, span.start, span.end, self.code.id)


# A place of a problem, and the fixes of the problem there.
Place: TypeAlias = tuple[Span, tuple[Fix, ...]]


class Refusal(Exception):
    """A valid net has no build of the kind that was asked for, or does not fit a placement.

    Attributes:
        diagnostic: The reason with its place, and what the author can do.
    """

    def __init__(self, code: Code, span: Span, words: str, help: str, notes: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.diagnostic = Diagnostic(code, Label(span, words), notes=notes, help=help)


class TooManyErrors(Exception):
    """Parsing or elaboration ends, because it has as many errors as are reported, or cannot go on after one."""


def _shortened(calls: tuple[str, ...]) -> tuple[str, ...]:
    """Return a chain of notes about calls, without its middle if it is long."""
    if len(calls) <= _CALLS:
        return calls
    return (*calls[: _CALLS // 2], f"… {len(calls) - _CALLS} more calls …", *calls[-(_CALLS // 2) :])


def _with_places(diagnostic: Diagnostic, places: list[Place]) -> Diagnostic:
    """Return a diagnostic with notes about the other places of its cause, one for each file, and with their edits."""
    here = diagnostic.primary.span
    by_file: dict[str, set[int]] = {}
    for span, _ in places:
        if span.line != here.line or span.source is not here.source:
            by_file.setdefault("" if span.source is here.source else span.source.shown, set()).add(span.line)
    notes = []
    for file, found in sorted(by_file.items())[:_PLACES]:
        lines = sorted(found)
        named, more = ", ".join(map(str, lines[:_PLACES])), len(lines) - _PLACES
        note = f"the same on line{'s' if len(lines) > 1 else ''} {named}" + (f" and {more} more" if more > 0 else "")
        notes.append(note + (f" of {file}" if file else ""))
    if len(by_file) > _PLACES:
        notes.append(f"the same in {len(by_file) - _PLACES} more files")
    edits = [each for span, fixes in places if span.source is here.source for fix in fixes[:1] for each in fix.edits]
    fixes = tuple(replace(fix, edits=tuple(dict.fromkeys((*fix.edits, *edits)))) for fix in diagnostic.fixes)
    fixes = tuple(fix for fix in fixes if len(fix.edits) <= _MOST_EDITS)
    return replace(diagnostic, notes=(*diagnostic.notes, *notes), fixes=fixes if len(fixes) == 1 else diagnostic.fixes)


@dataclass(slots=True)
class Problems:
    """Collects the diagnostics of a run.

    Equal diagnostics are kept once. If several uses of a block give the same diagnostic, only that of the first use is
    kept; `notes` name that use. A warning about one place is kept once, with the number of copies of its step. Problems
    with the same cause, such as a name that does not exist, are one diagnostic: a note names the lines of the other
    places, and the fix changes them, too. The texts of a diagnostic are shortened, because they may quote names of any
    length.
    """

    notes: tuple[str, ...] = ()
    _errors: int = 0
    _found: dict[Diagnostic, None] = field(default_factory=dict)
    _places: set[tuple[Code, Span]] = field(default_factory=set)
    _copies: dict[tuple[Code, Span], int] = field(default_factory=dict)
    _causes: dict[tuple[Code, str], tuple[Diagnostic, list[Place]]] = field(default_factory=dict)

    def report(
        self,
        code: Code,
        span: Span,
        label: str = "",
        *,
        secondary: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,
        fixes: tuple[Fix, ...] = (),
        cause: str = "",
    ) -> None:
        """Add a diagnostic; warnings beyond the first hundred are left out.

        `cause` identifies a mistake that may have several places, among those with its code.

        Raises TooManyErrors instead of adding one more error than are reported.
        """
        if (code, span) in self._places and (self.notes or not code.is_error):
            self._copies[code, span] = self._copies.get((code, span), 1) + 1
            return
        if cause and (code, cause) in self._causes:
            self._causes[code, cause][1].append((span, fixes))
            return
        if code.is_error and self._errors >= MOST_ERRORS:
            raise TooManyErrors
        if not code.is_error and len(self._found) - self._errors >= MOST_WARNINGS:
            return
        self._places.add((code, span))
        help = help or code.help
        label, help = shortened(label, _LABEL), help and shortened(help, _NOTE)
        others = tuple(Label(each.span, shortened(each.text, _LABEL)) for each in secondary)
        all_notes = tuple(shortened(note, _NOTE) for note in (*notes, *_shortened(self.notes)))
        found = Diagnostic(code, Label(span, label), others, all_notes, help, fixes)
        if cause:
            self._causes[code, cause] = found, []
        self.add(found)

    @contextmanager
    def noting(self, note: str | None) -> Iterator[None]:
        """Within the context, put a note before those of each diagnostic that is reported."""
        before = self.notes
        if note is not None:
            self.notes = (note, *before)
        try:
            yield
        finally:
            self.notes = before

    def add(self, diagnostic: Diagnostic) -> None:
        """Add a diagnostic that was made elsewhere, unless there are as many as are reported."""
        is_error = diagnostic.code.is_error
        is_left_out = self.is_full if is_error else len(self._found) - self._errors >= MOST_WARNINGS
        if diagnostic not in self._found and not is_left_out:
            self._found[diagnostic] = None
            self._errors += is_error

    def in_order(self) -> list[Diagnostic]:
        """Return all diagnostics, sorted by position, then by code."""
        further = {found: places for found, places in self._causes.values() if places}
        found = [_with_places(self._with_copies(each), further.get(each, [])) for each in self._found]
        errors = {each.fixes for each in found if each.code.is_error and each.fixes}
        # A warning that an error has the edit of has its cause.
        return sorted((each for each in found if each.code.is_error or each.fixes not in errors), key=Diagnostic.place)

    def _with_copies(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return a warning with a note about the copies of its step that have it, too."""
        copies = self._copies.get((diagnostic.code, diagnostic.primary.span), 1)
        if copies == 1 or diagnostic.code.is_error:
            return diagnostic
        return replace(diagnostic, notes=(*diagnostic.notes, f"{copies:,} copies of this step have this warning"))

    def errors(self) -> Iterator[Diagnostic]:
        """Yield the errors."""
        return (found for found in self._found if found.code.is_error)

    @property
    def is_crowded(self) -> bool:
        """Whether there are so many problems that searching for explanations of more is not worth the time."""
        return len(self._found) > _CROWD

    @property
    def has_errors(self) -> bool:
        """Whether an error was reported."""
        return self._errors > 0

    @property
    def is_full(self) -> bool:
        """Whether as many errors were reported as a run reports."""
        return self._errors >= MOST_ERRORS
