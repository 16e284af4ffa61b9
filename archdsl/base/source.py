"""Source texts and spans in them."""

import re
from bisect import bisect_right
from dataclasses import field

from archdsl.base.printable import one_line
from archdsl.base.records import record

_LINE_END = re.compile("\n").finditer


@record(frozen=True, slots=True)
class Source:
    """The text of a file and its name in messages."""

    name: str
    text: str = field(repr=False)
    _starts: list[int] = field(default_factory=list, repr=False, compare=False)

    @property
    def shown(self) -> str:
        """The name of the file, in one line that is safe to print."""
        return one_line(self.name)

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of a position, both counted from 1."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def _line_starts(self) -> list[int]:
        if not self._starts:
            self._starts.append(0)
            self._starts.extend(found.end() for found in _LINE_END(self.text))
        return self._starts

    def line(self, number: int) -> str:
        """Return the text of a line, counted from 1, without its end."""
        starts = self._line_starts()
        end = starts[number] - 1 if number < len(starts) else len(self.text)
        return self.text[starts[number - 1] : end].rstrip("\r")


@record(frozen=True, slots=True)
class Span:
    """The characters of a source from `start` up to `end`, which is excluded."""

    source: Source
    start: int
    end: int

    @property
    def line(self) -> int:
        """Line on which the span starts, counted from 1."""
        return self.source.position(self.start)[0]

    def line_from(self, source: Source) -> str:
        """Return the line as a message about `source` names it: with the file if that is another one."""
        return str(self.line) if self.source is source else f"{self.line} of {self.source.shown}"

    @property
    def text(self) -> str:
        """The text of the span."""
        return self.source.text[self.start : self.end]

    def to(self, other: "Span") -> "Span":
        """Return the span from the start of this one to the end of the other."""
        return Span(self.source, self.start, other.end)
