"""Diagnostics as data, and the collection of a run's diagnostics."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from archdsl.base.source import Span
from archdsl.diag.codes import Code

_CALLS = 6
# A note about further places names the lines of so many.
_PLACES = 3
# With so many problems, nobody reads explanations that take time to find.
_CROWD = 100


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


class Refusal(Exception):
    """A valid net has no build of the kind that was asked for, or does not fit a placement.

    Attributes:
        diagnostic: The reason with its place, and what the author can do.
    """

    def __init__(self, code: Code, span: Span, words: str, help: str, notes: tuple[str, ...] = ()) -> None:
        super().__init__(words)
        self.diagnostic = Diagnostic(code, Label(span, words), notes=notes, help=help)


def _shortened(calls: tuple[str, ...]) -> tuple[str, ...]:
    """Return a chain of notes about calls, without its middle if it is long."""
    if len(calls) <= _CALLS:
        return calls
    return (*calls[: _CALLS // 2], f"… {len(calls) - _CALLS} more calls …", *calls[-(_CALLS // 2) :])


def _with_places(diagnostic: Diagnostic, places: list[Span]) -> Diagnostic:
    """Return a diagnostic with a note about the other places of its cause."""
    here = diagnostic.primary.span
    lines = sorted({span.line for span in places if span.source is here.source} - {here.line})
    if not lines:
        return diagnostic
    named, more = ", ".join(map(str, lines[:_PLACES])), len(lines) - _PLACES
    note = f"the same on line{'s' if len(lines) > 1 else ''} {named}" + (f" and {more} more" if more > 0 else "")
    return replace(diagnostic, notes=(*diagnostic.notes, note))


@dataclass(slots=True)
class Problems:
    """Collects the diagnostics of a run.

    Equal diagnostics are kept once. If several uses of a block give the same diagnostic, only that of the first use is
    kept; `notes` name that use. Problems with the same cause, such as a name that does not exist, are one diagnostic:
    a note names the lines of the other places.
    """

    notes: tuple[str, ...] = ()
    _found: dict[Diagnostic, None] = field(default_factory=dict)
    _places: set[tuple[Code, Span]] = field(default_factory=set)
    _causes: dict[tuple[Code, str], tuple[Diagnostic, list[Span]]] = field(default_factory=dict)

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
        """Add a diagnostic. `cause` identifies a mistake that may have several places, among those with its code."""
        if self.notes and (code, span) in self._places:
            return
        self._places.add((code, span))
        if cause:
            if (code, cause) in self._causes:
                self._causes[code, cause][1].append(span)
                return
            found = Diagnostic(code, Label(span, label), secondary, (*notes, *_shortened(self.notes)), help, fixes)
            self._causes[code, cause] = found, []
            self.add(found)
            return
        self.add(Diagnostic(code, Label(span, label), secondary, (*notes, *_shortened(self.notes)), help, fixes))

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
        """Add a diagnostic that was made elsewhere."""
        self._found.setdefault(diagnostic)

    def in_order(self) -> list[Diagnostic]:
        """Return all diagnostics, sorted by position, then by code."""
        further = {found: places for found, places in self._causes.values() if places}
        return sorted((_with_places(each, further.get(each, [])) for each in self._found), key=Diagnostic.place)

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
        return any(True for _ in self.errors())
