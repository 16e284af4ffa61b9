"""Diagnostics as data: one problem, and the list in which a run gathers them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from archdsl.base.source import Span
from archdsl.diag.codes import Code

_CALLS = 6


@dataclass(frozen=True, slots=True)
class Label:
    """A place and a few words to stand under it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One problem. Its headline is the title of its code."""

    code: Code
    primary: Label
    secondary: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None

    def place(self) -> tuple[str, int, int, str]:
        """Return what diagnostics are sorted by."""
        span = self.primary.span
        return (span.source.name, span.start, span.end, self.code.id)


def _shortened(calls: tuple[str, ...]) -> tuple[str, ...]:
    """Return a chain of calls, with the middle left out if it is long."""
    if len(calls) <= _CALLS:
        return calls
    return (*calls[: _CALLS // 2], f"… {len(calls) - _CALLS} more calls …", *calls[-(_CALLS // 2) :])


@dataclass(slots=True)
class Problems:
    """Gathers the diagnostics of a run; says each thing once, and what happens in several uses of a block only there
    where it happens first. `notes` say in which use that is."""

    notes: tuple[str, ...] = ()
    _found: dict[Diagnostic, None] = field(default_factory=dict)
    _places: set[tuple[Code, Span]] = field(default_factory=set)

    def report(
        self,
        code: Code,
        span: Span,
        label: str = "",
        *,
        secondary: tuple[Label, ...] = (),
        notes: tuple[str, ...] = (),
        help: str | None = None,
    ) -> None:
        """Note a problem; the run goes on."""
        if self.notes and (code, span) in self._places:
            return
        self._places.add((code, span))
        self.add(Diagnostic(code, Label(span, label), secondary, (*notes, *_shortened(self.notes)), help))

    @contextmanager
    def noting(self, note: str | None) -> Iterator[None]:
        """Add a note to all that is reported meanwhile, before the notes that hold already."""
        before = self.notes
        if note is not None:
            self.notes = (note, *before)
        try:
            yield
        finally:
            self.notes = before

    def add(self, diagnostic: Diagnostic) -> None:
        """Note a problem that was made elsewhere."""
        self._found.setdefault(diagnostic)

    def in_order(self) -> list[Diagnostic]:
        """Return all problems, sorted by place, then by code."""
        return sorted(self._found, key=Diagnostic.place)

    def errors(self) -> Iterator[Diagnostic]:
        """Yield the problems that stop a build."""
        return (found for found in self._found if found.code.is_error)

    @property
    def has_errors(self) -> bool:
        """Whether anything was reported that stops a build."""
        return any(True for _ in self.errors())
