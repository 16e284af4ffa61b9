"""The canonical layout of a file, as `archdsl fmt` writes it.

- A statement takes one line if it fits in 120 columns (without comments), also if it had line breaks.
- A statement that does not fit keeps the author's breaks and gets more where a line is still too long: a chain breaks
  before `->`, a `set` after `,`, an assertion after an operator; continuation lines are indented by two.
- Arguments on several lines take one line each, except for a long list at their end, which stays and breaks into rows.
  A list that the author wrote in rows, with a comma after the last one, keeps its rows.
- A body in braces or brackets takes one line only if it was written on one line and fits.
- `;` between statements becomes the end of a line, except in bodies of one line. Several empty lines become one. One
  empty line separates the items of a file, unless both take one line and were written without an empty line.
- Documentation comes directly above its model. Parentheses and numbers do not change.
- A comment keeps its place beside the same words; only spaces at its end are removed.
- Spaces before `->`, `::` and `#` align columns where the author aligned them (see `columns.py`). Otherwise there is
  one before `->` and before a `::` within a statement, three before a `::` at its end and two before a comment.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from archdsl.base.source import Source, Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.syntax import ast
from archdsl.syntax.columns import Line, Part, line_up
from archdsl.syntax.parse import MAX_CHARACTERS
from archdsl.syntax.pieces import Entry, Nest, Note, Piece, Remark, Statement, Word, flat, is_comma, scan

WIDTH = 120
_STEP = 2
_BREAKS_BEHIND = frozenset({"AND", "OR", "PLUS", "MINUS", "STAR", "DIVIDE", "COMPARE"})


class WrongLayout(Exception):
    """The formatter would change a file; nothing is written. Python's -O does not turn this check off."""


def format_source(source: Source, problems: Problems) -> str | None:
    """Return a source in its canonical layout, or None if it has errors, which are reported."""
    found = scan(source, problems)
    if found is None:
        return None
    text = "".join(f"{line}\n" for line in _laid_out(found.entries))
    if len(text) > max(MAX_CHARACTERS, len(source.text)):
        label = f"formatted, it would have {len(text):,} characters, and at most {MAX_CHARACTERS:,} are read"
        problems.report(codes.SOURCE_TOO_LARGE, Span(source, 0, 0), label)
        return None
    again = scan(Source(source.name, text), Problems())
    if again is None:
        raise WrongLayout("the layout is not valid")
    if again.comments != found.comments:
        raise WrongLayout("the layout loses comments")
    if not same(again.tree.items, found.tree.items):
        raise WrongLayout("the layout changes the meaning")
    return text


def same(one: object, other: object) -> bool:
    """Return whether two syntax trees are equal except for positions."""
    pairs: list[tuple[object, object]] = [(one, other)]
    while pairs:
        left, right = pairs.pop()
        if type(left) is not type(right):
            return False
        if isinstance(left, tuple) and isinstance(right, tuple):
            if len(left) != len(right):
                return False
            pairs.extend(zip(left, right, strict=True))
        elif isinstance(left, ast.CONTAINERS):
            pairs.extend(zip(vars(left).values(), vars(right).values(), strict=True))
        elif not isinstance(left, Span) and left != right:
            return False
    return True


def _laid_out(entries: tuple[Entry, ...]) -> Iterator[str]:
    """Return the lines of a file."""
    blocks = [_lines_of(entry) for entry in entries]
    lines: list[Line] = []
    for number, block in enumerate(blocks):
        if number and _is_apart(entries, blocks, number):
            lines.append(Line(0))
        lines += block
    line_up(lines, WIDTH)
    return map(str, lines)


def _lines_of(entry: Entry) -> list[Line]:
    layout = _Layout()
    layout.entry(entry, 0)
    return layout.lines


def _is_apart(entries: tuple[Entry, ...], blocks: list[list[Line]], number: int) -> bool:
    """Return whether an empty line precedes an entry of a file, as around all items of several lines."""
    before, entry = entries[number - 1], entries[number]
    if isinstance(before, Remark):
        return entry.blank
    if before.is_doc:
        # An empty line below the first `##` lines of a file says that they document the file.
        head = entries[:number]
        return entry.blank and all(isinstance(each, Remark) or each.is_doc for each in head)
    for place in range(number, len(entries)):
        follows = entries[place]
        if isinstance(follows, Statement) and not follows.is_doc:
            return entry.blank or len(blocks[place]) > 1 or len(blocks[number - 1]) > 1
    return entry.blank


@dataclass(slots=True)
class _Layout:
    """The lines so far, of which the last is being written; `unfolded` counts brackets that take several lines."""

    lines: list[Line] = field(default_factory=list)
    unfolded: int = 0

    @property
    def line(self) -> Line:
        return self.lines[-1]

    def entry(self, entry: Entry, indent: int) -> None:
        """Write a statement or a comment on its own lines."""
        start = len(self.lines)
        self.lines.append(Line(indent))
        if isinstance(entry, Remark):
            self._note(entry.note, indent)
            return
        _widen_last_shape(entry.pieces)
        # Brackets that are broken once count as broken in the source. Repeat until nothing changes, so that a second
        # run gives the same text.
        looked = -1
        while self.unfolded != looked:
            looked = self.unfolded
            self.lines[start:] = [Line(indent)]
            self._sequence(entry.pieces)
        if entry.note:
            self._note(entry.note, indent)

    def _turn(self, indent: int) -> None:
        if self.line.parts:
            self.lines.append(Line(indent))
        else:
            self.line.indent = self.line.end = indent

    def _note(self, note: Note, indent: int) -> None:
        """Write a comment, at the end of the line if it was at the end of one."""
        if note.alone or self.line.closed:
            self._turn(indent)
        self.line.add(Part(note.text, 2, "#", note.place))
        self.line.closed = True

    def _notes(self, notes: Iterable[Note], indent: int) -> None:
        for note in notes:
            self._note(note, indent)

    def _put(self, word: Word, indent: int) -> None:
        if self.line.closed:
            self._turn(indent)
        mark = word.kind if word.kind in ("ARROW", "STATES") else ""
        self.line.add(Part(word.text, word.gap, mark, word.place))

    def _fits(self, gap: int, text: str) -> bool:
        return not self.line.closed and self.line.end + gap + len(text) <= WIDTH

    def _sequence(self, pieces: list[Piece]) -> bool:
        """Write a statement or an expression; return whether a bracket takes several lines."""
        base = self.line.indent
        segments = list(_segments(pieces))
        joined = self._joins(segments, base)
        broke = False
        for number, segment in enumerate(segments):
            turns = False
            if number:
                self._notes(segment[0].notes, base + _STEP)
                turns = bool(segment[0].notes) or self._turns(segment, base, joined=joined)
            if turns:
                self._turn(base + _STEP)
            unfolds = self._segment(segment, base)
            if unfolds or (turns and segment[0].notes):
                joined = self._joins(segments[number + 1 :], base)
            broke = broke or unfolds
        return broke

    def _joins(self, segments: list[list[Piece]], base: int) -> bool:
        """Return whether segments fit the line, up to the first bracket that takes several lines."""
        text = ""
        for number, segment in enumerate(segments):
            if len(text) > WIDTH or (number and segment[0].notes):
                break
            whole = flat(segment)
            text += " " * segment[0].gap
            if whole is None or base + _STEP + len(whole) > WIDTH:
                text += _head(segment)
                break
            text += whole
        return self._fits(0, text)

    def _turns(self, segment: list[Piece], base: int, *, joined: bool) -> bool:
        """Return whether a segment begins a line."""
        if segment[0].turns and not joined:
            return True
        whole = flat(segment)
        if whole is None or base + _STEP + len(whole) > WIDTH:
            whole = _head(segment)
        return not self._fits(segment[0].gap, whole)

    def _segment(self, segment: list[Piece], base: int) -> bool:
        broke = False
        unfolds = self._unfolds_bodies(segment)
        for number, piece in enumerate(segment):
            if number and piece.notes:
                self._notes(piece.notes, base + _STEP)
                broke = True
            if isinstance(piece, Word):
                self._put(piece, base + _STEP)
            elif piece.is_block and unfolds:
                self._nest(piece, base)
                broke = True
            elif piece.flat is not None and self._fits(piece.gap, piece.flat + _follows(segment[number + 1 :])):
                self.line.add(Part(piece.flat, piece.gap))
            else:
                self._nest(piece, base)
                broke = True
        return broke

    def _unfolds_bodies(self, segment: list[Piece]) -> bool:
        """Return whether the bodies of an `if` take several lines: all or none."""
        first = segment[0]
        if not (isinstance(first, Word) and first.kind == "IF"):
            return False
        whole = flat(segment)
        return whole is None or not self._fits(segment[0].gap, whole)

    def _nest(self, nest: Nest, base: int) -> None:
        """Write brackets on several lines, with their contents indented from the line on which they begin."""
        self._put(nest.open, base + _STEP)
        inside = self.line.indent
        if nest.is_block:
            self._unfold(nest)
            self._block(nest, inside + _STEP)
        elif self._hugs(nest):
            self._hug(nest, base)
            return
        else:
            self._items(nest, inside + _STEP)
        self._notes(nest.close.notes, inside + _STEP)
        self._turn(inside)
        self._put(nest.close, inside)

    def _unfold(self, nest: Nest) -> None:
        if nest.flat is not None:
            nest.unfold()
            self.unfolded += 1

    def _block(self, nest: Nest, indent: int) -> None:
        if nest.head:
            self._note(nest.head, indent)
        for number, entry in enumerate(nest.entries):
            if number and entry.blank:
                self.lines.append(Line(0))
            self.entry(entry, indent)

    def _hugs(self, nest: Nest) -> bool:
        """Return whether a long list at the end of arguments stays on their line."""
        before, last = nest.pieces[:-1], nest.pieces[-1] if nest.pieces else None
        if is_comma(last):
            before, last = nest.pieces[:-2], nest.pieces[-2]
        if not (nest.is_call and isinstance(last, Nest) and last.open.text == "[" and last.pieces):
            return False
        is_index = bool(before) and last.gap == 0
        has_notes = nest.close.notes or last.notes or nest.pieces[0].notes
        if is_index or has_notes or (last.flat and len(last.flat) <= WIDTH // 2):
            return False
        text = flat(before)
        return text is not None and self._fits(last.gap + len(last.open.text), text)

    def _hug(self, nest: Nest, base: int) -> None:
        pieces = nest.pieces[:-1] if is_comma(nest.pieces[-1]) else nest.pieces
        for number, piece in enumerate(pieces[:-1]):
            assert piece.flat is not None
            self.line.add(Part(piece.flat, piece.gap if number else 0))
        last = pieces[-1]
        assert isinstance(last, Nest)
        self._nest(last, base)
        self._put(nest.close, base)

    def _items(self, nest: Nest, indent: int) -> None:
        items = list(_items(nest))
        if nest.open.text == "[" and items and is_comma(items[-1][-1]):
            self._unfold(nest)
        broke = True
        for item in items:
            self._notes(item[0].notes, indent)
            whole = flat(item)
            stays = not (broke or nest.is_call or item[0].turns)
            if not (stays and whole is not None and self._fits(item[0].gap, whole)):
                self._turn(indent)
            broke = self._sequence(item)


def _segments(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """Return the parts between which a line may break: steps, else settings, else terms."""
    kinds = [piece.kind if isinstance(piece, Word) and not piece.is_sign else "" for piece in pieces]
    starts = [number for number, kind in enumerate(kinds) if number and kind == "ARROW"]
    starts = starts or [number for number, kind in enumerate(kinds[:-1], 1) if kind == "COMMA"]
    if not starts and kinds[0] not in ("NAME", "FOR", "IF"):
        starts = [number for number, kind in enumerate(kinds[:-1], 1) if kind in _BREAKS_BEHIND]
    for start, end in pairwise([0, *starts, len(pieces)]):
        yield pieces[start:end]


def _items(nest: Nest) -> Iterator[list[Piece]]:
    """Return the items between commas, each with its comma, also the last one if there are several."""
    ends = [number for number, piece in enumerate(nest.pieces, 1) if is_comma(piece)]
    for start, end in pairwise([0, *ends, len(nest.pieces)]):
        item = nest.pieces[start:end]
        if item:
            yield item if is_comma(item[-1]) or not ends else [*item, Word(",", "COMMA")]


def _head(segment: list[Piece]) -> str:
    """Return the part of a segment up to the first bracket that takes several lines."""
    nests = [number for number, piece in enumerate(segment) if isinstance(piece, Nest)]
    opened = next((number for number in nests if segment[number].flat is None), nests[0] if nests else None)
    if opened is None:
        return flat(segment) or ""
    nest = segment[opened]
    assert isinstance(nest, Nest)
    return (flat([*segment[:opened], nest.open])) or ""


def _follows(pieces: list[Piece]) -> str:
    """Return the part after a closing bracket, up to the next opening one."""
    text = ""
    for piece in pieces:
        if piece.notes:
            break
        word = piece.open if isinstance(piece, Nest) else piece
        text += f"{' ' * word.gap}{word.text}"
        if isinstance(piece, Nest):
            break
    return text


def _widen_last_shape(pieces: list[Piece]) -> None:
    """Give a `::` at the end of a statement a larger gap than one within it."""
    for piece in reversed(pieces):
        if isinstance(piece, Word) and piece.kind in ("ARROW", "STATES"):
            piece.gap = 3 if piece.kind == "STATES" else piece.gap
            return
