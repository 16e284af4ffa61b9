"""Lines, and the alignment of their separators.

Two lines without an empty one between them share a column if the author wrote the same separator (the first `->`, the
second, …, the `::` or the comment at the end) in the same column, with more spaces than needed in at least one of them.
The distance of that column to the longest line is kept. A line between them that misses the column, for example after
a number has changed, is aligned again. A comment may share the column of the `::` around it. Separators are not
aligned where a line would become too long.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby, pairwise, zip_longest
from typing import NamedTuple


@dataclass(slots=True)
class Part:
    """A part of a line that begins at a separator, `gap` spaces after the previous part; see `Word` for `place`."""

    text: str
    gap: int = 0
    mark: str = ""
    place: tuple[int, int] | None = None


@dataclass(slots=True)
class Line:
    """A line that is being built; a comment closes it."""

    indent: int
    parts: list[Part] = field(default_factory=list)
    closed: bool = False
    end: int = 0

    def __post_init__(self) -> None:
        self.end = self.indent

    def __str__(self) -> str:
        text = "".join(f"{' ' * part.gap}{part.text}" for part in self.parts)
        return f"{' ' * self.indent}{text}" if text else ""

    def add(self, part: Part) -> None:
        """Append a part to the line; one without separator joins the previous part."""
        if not self.parts:
            part.gap, part.mark = 0, ""
        self.end += part.gap + len(part.text)
        if self.parts and not part.mark:
            self.parts[-1].text += f"{' ' * part.gap}{part.text}"
        else:
            self.parts.append(part)

    def end_before(self, number: int) -> int:
        """Return the column at which the part before the given one ends."""
        return self.indent + sum(part.gap + len(part.text) for part in self.parts[:number])

    def code_end(self) -> int:
        """Return the column at which the code of the line ends, without a comment."""
        return self.end_before(len(self.parts) - (self.parts[-1].mark == "#"))


class _Mark(NamedTuple):
    """A separator and its line."""

    line: Line
    number: int

    @property
    def part(self) -> Part:
        return self.line.parts[self.number]

    @property
    def column(self) -> int:
        """The column in the source; -1 if there is none."""
        return self.part.place[0] if self.part.place else -1

    @property
    def is_wide(self) -> bool:
        """Whether the source has more spaces before it than needed."""
        return self.part.place is not None and self.part.place[1] not in (0, 1, self.part.gap)

    @property
    def end(self) -> int:
        """The column at which the text before it ends."""
        return self.line.end_before(self.number)


def line_up(lines: list[Line], width: int) -> None:
    """Set the gaps of separators that the author aligned, in lines of at most `width` columns."""
    for filled, run in groupby(lines, lambda line: bool(line.parts)):
        if filled:
            _line_up_run(list(run), width)


def _line_up_run(lines: list[Line], width: int) -> None:
    arrows = [[_Mark(line, i) for i, part in enumerate(line.parts) if part.mark == "ARROW"] for line in lines]
    for column in zip_longest(*arrows):
        marks = [mark for mark in column if mark is not None]
        for _, level in groupby(marks, lambda mark: mark.line.indent):
            for group in _groups(list(level)):
                _settle(group, width)
    settled: set[int] = set()
    for group in _groups([mark for line in lines if (mark := _tail(line))]):
        if any(mark.part.mark == "STATES" for mark in group):
            settled |= {id(mark.part) for mark in group}
            _settle(group, width)
    comments = [_Mark(line, len(line.parts) - 1) for line in lines if line.parts[-1].mark == "#"]
    for group in _groups([mark for mark in comments if id(mark.part) not in settled]):
        _settle(group, width)


def _tail(line: Line) -> _Mark | None:
    """Return the `::` at the end of a line, or its comment."""
    marks = [part.mark for part in line.parts]
    if marks[-1] == "#":
        return _Mark(line, len(marks) - 1 - (marks[-2:-1] == ["STATES"]))
    return _Mark(line, len(marks) - 1) if marks[-1] == "STATES" else None


def _groups(marks: list[_Mark]) -> Iterator[list[_Mark]]:
    """Yield groups of neighbouring separators that may be aligned: in one column, or next to it."""
    group: list[_Mark] = []
    columns: set[int] = set()
    for mark, after in pairwise([*marks, None]):
        assert mark is not None
        strays = mark.is_wide and not (after and after.column == mark.column)
        strays = strays and bool(group) and group[-1].part.mark == mark.part.mark
        if not (strays or mark.column in columns):
            yield from _split(group)
            group, columns = [], set()
        group.append(mark)
        if mark.column >= 0:
            columns.add(mark.column)
    yield from _split(group)


def _split(group: list[_Mark]) -> Iterator[list[_Mark]]:
    """Yield the parts of a group that are aligned, none if the author aligned nothing."""
    counts = Counter(mark.column for mark in group)
    shared = {mark.column for mark in group if mark.is_wide and counts[mark.column] > 1}
    if not shared:
        return
    stretches = [
        (belongs, list(marks)) for belongs, marks in groupby(group, lambda mark: mark.is_wide or mark.column in shared)
    ]
    if len(stretches) == 1:
        yield group
        return
    for belongs, marks in stretches:
        if belongs:
            yield from _split(marks)


def _settle(group: list[_Mark], width: int) -> None:
    """Align the separators of a group if no line becomes too long."""
    counts = Counter(mark.column for mark in group)
    sharing = [mark for mark in group if counts[mark.column] > 1]
    least = min(mark.part.place[1] for mark in sharing if mark.part.place)
    column = max(max(mark.end for mark in sharing) + least, *(mark.end + mark.part.gap for mark in group))
    for mark in group:
        shift = column - mark.end - mark.part.gap
        if mark.part.mark != "#" and mark.line.code_end() + shift > width:
            return
    for mark in group:
        mark.part.gap = column - mark.end
