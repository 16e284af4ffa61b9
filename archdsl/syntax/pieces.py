"""The formatter's representation of a source: statements of words and brackets, with their comments.

Comments that the layout cannot keep in place move by one token: from before a `,` to after it, from after an `->` to
before it, and from before a `{` to after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.base.source import Source
from archdsl.diag.model import Problems
from archdsl.syntax import ast
from archdsl.syntax.automaton import NEWLINE, Automaton, Build, Token
from archdsl.syntax.parse import parse_with
from archdsl.syntax.recovery import CLOSING, OPENING

_TIGHT_BEFORE = frozenset({"COMMA", "COLON", "RPAR", "RSQB"})
_TIGHT_AFTER = frozenset({"LPAR", "LSQB", ""})
_OPERANDS = frozenset({"NAME", "INT", "FLOAT", "SHAPE", "STRING", "TRUE", "FALSE", "NONE", "RPAR", "RSQB"})
_BLANKS = " \t\f\r"
_LONG_LINE = 1_000


@dataclass(frozen=True, slots=True)
class Note:
    """A comment: whether it has its own line, else its column and the spaces before it."""

    text: str
    alone: bool
    place: tuple[int, int] | None


@dataclass(slots=True)
class Word:
    """A token.

    Attributes:
        gap: Number of spaces before it.
        turns: Whether it begins a line in the source.
        notes: The comments before it.
        place: For separators, the column in the source and the number of spaces before them.
        is_sign: Whether it is the `-` of a number, not the operator.
        is_role: Whether it is a name before the sizes of a shape.
    """

    text: str
    kind: str
    gap: int = 0
    turns: bool = False
    notes: list[Note] = field(default_factory=list)
    place: tuple[int, int] | None = None
    is_sign: bool = False
    is_role: bool = False

    @property
    def flat(self) -> str | None:
        """The text on one line."""
        return self.text


@dataclass(slots=True)
class Nest:
    """Brackets with statements or pieces; `flat` is the text on one line, or None if it needs several."""

    open: Word
    start: int
    is_block: bool
    is_call: bool
    parent: "Nest | None"
    close: Word = field(default_factory=lambda: Word("", ""))
    head: Note | None = None
    entries: "list[Entry]" = field(default_factory=list)
    pieces: "list[Piece]" = field(default_factory=list)
    flat: str | None = None

    @property
    def gap(self) -> int:
        """Number of spaces before it."""
        return self.open.gap

    @property
    def turns(self) -> bool:
        """Whether it begins a line in the source."""
        return self.open.turns

    @property
    def notes(self) -> list[Note]:
        """The comments before it."""
        return self.open.notes

    def unfold(self) -> None:
        """Mark these brackets and all around them as taking several lines."""
        nest: Nest | None = self
        while nest is not None:
            nest.flat, nest = None, nest.parent


Piece: TypeAlias = Word | Nest


@dataclass(slots=True)
class Statement:
    """A statement or an item of a file, with the comment at its end; `blank`: whether an empty line precedes it."""

    pieces: list[Piece]
    blank: bool
    note: Note | None = None

    @property
    def is_doc(self) -> bool:
        """Whether this is a line of documentation."""
        first = self.pieces[0]
        return isinstance(first, Word) and first.kind == "DOC"


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment on its own line between statements."""

    note: Note
    blank: bool


Entry: TypeAlias = Statement | Remark


@dataclass(frozen=True, slots=True)
class Scan:
    """The syntax tree, the comments and the pieces of a source."""

    tree: ast.File
    comments: tuple[str, ...]
    entries: tuple[Entry, ...]


def scan(source: Source, problems: Problems) -> Scan | None:
    """Return the contents of a source, or None if it has errors, which are reported."""
    tree, recorder = parse_with(_Recorder, source, problems)
    if tree is None or recorder is None or problems.has_errors:
        return None
    reader = _Reader(source.text)
    for token, is_block in recorder.merged():
        reader.read(token, is_block=is_block)
    comments = tuple(comment.text.rstrip(_BLANKS) for comment in recorder.comments)
    return Scan(tree, comments, tuple(reader.finish()))


class _Recorder(Automaton):
    """A parser run that records the tokens and the brackets with statements."""

    def __init__(self, text: str, build: dict[str, Build]) -> None:
        super().__init__(text, build)
        self.shifted: list[tuple[Token, bool]] = []

    def _shift(self, token: Token, state: int) -> bool:
        went_on = super()._shift(token, state)
        is_block = token.text in CLOSING and self._brackets[-1].is_block
        self.shifted.append((token, is_block))
        return went_on

    def merged(self) -> Iterator[tuple[Token, bool]]:
        """Return tokens and comments in the order of the text."""
        comments = ((comment._replace(kind="#"), False) for comment in self.comments)
        yield from sorted([*self.shifted, *comments], key=lambda each: each[0].start)


class _Reader:
    """Builds pieces from tokens and comments; `_nest` is the innermost open bracket, or None."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._end = 0
        self._before = Word("", "")
        self._nest: Nest | None = None
        self._root: list[Entry] = []
        self._open_statements: list[tuple[list[Piece], bool]] = []
        self._pieces: list[Piece] = []
        self._notes: list[Note] = []
        self._blank = False

    def read(self, token: Token, *, is_block: bool) -> None:
        between = self._text[self._end : token.start]
        new_line = "\n" in between or not self._end
        if token.kind == NEWLINE:
            self._end_statement()
            return
        if token.kind == "#":
            note = Note(token.text.rstrip(_BLANKS), new_line, None if new_line else self._place(token))
            self._add_note(note, blank=between.count("\n") > 1)
        elif token.text in OPENING:
            self._close(self._word(token, new_line=new_line), token)
        else:
            if not self._pieces:
                self._blank = between.count("\n") > 1
            word = self._word(token, new_line=new_line)
            if token.text in CLOSING:
                self._open(word, token.start, is_block=is_block)
            else:
                self._add(word)
        self._end = token.end

    def finish(self) -> list[Entry]:
        self._end_statement()
        return self._root

    def _place(self, token: Token) -> tuple[int, int] | None:
        start = self._text.rfind("\n", 0, token.start) + 1
        if token.start - start > _LONG_LINE:
            return None
        columns = [len(self._text[start:end].expandtabs()) for end in (self._end, token.start)]
        return columns[1], columns[1] - columns[0]

    def _word(self, token: Token, *, new_line: bool) -> Word:
        word = Word(token.text.rstrip(_BLANKS), token.kind, turns=new_line)
        word.is_sign = word.kind == "MINUS" and self._before.kind not in _OPERANDS
        word.is_role = word.kind == "NAME" and self._before.kind in ("STATES", "COLON") and self._begins_shape()
        word.gap = _gap(self._before, word)
        if token.kind in ("ARROW", "STATES") and not new_line:
            word.place = self._place(token)
        self._before = word
        return word

    def _begins_shape(self) -> bool:
        """Return whether a shape begins here: behind `::`, or behind the name of an input."""
        first = self._pieces[0] if self._pieces else None
        return self._before.kind == "STATES" or (isinstance(first, Word) and first.kind == "INPUT")

    def _is_between(self) -> bool:
        """Return whether a statement could begin here."""
        return not self._pieces and (self._nest is None or self._nest.is_block)

    @property
    def _entries(self) -> list[Entry]:
        return self._root if self._nest is None else self._nest.entries

    def _add_note(self, note: Note, *, blank: bool) -> None:
        if not self._is_between():
            self._notes.append(note)
            return
        last = self._entries[-1] if self._entries else None
        if note.alone:
            self._entries.append(Remark(note, blank))
        elif isinstance(last, Statement) and last.note is None:
            last.note = note
        elif last is None and self._nest is not None and self._nest.head is None:
            self._nest.head = note
        else:
            self._entries.append(Remark(note, blank=False))

    def _add(self, word: Word) -> None:
        last = self._pieces[-1] if self._pieces else None
        if word.kind == "COMMA":
            self._pieces.append(word)
            return
        if isinstance(last, Word) and last.kind == "ARROW":
            last.notes += self._notes
            last.turns = last.turns or word.turns
        else:
            word.notes = self._notes
        self._notes = []
        self._pieces.append(word)

    def _open(self, word: Word, start: int, *, is_block: bool) -> None:
        before = self._pieces[-1] if self._pieces else None
        is_call = word.text == "(" and isinstance(before, Word) and before.kind == "NAME"
        notes, self._notes = (self._notes, []) if is_block else ([], self._notes)
        self._add(word)
        nest = Nest(word, start, is_block, is_call, self._nest)
        self._pieces[-1] = nest
        self._open_statements.append((self._pieces, self._blank))
        self._nest, self._pieces = nest, []
        if is_block:
            self._before = Word("", "")
        for note in notes:
            self._add_note(note, blank=False)

    def _close(self, word: Word, token: Token) -> None:
        nest = self._nest
        assert nest is not None
        if nest.is_block:
            self._end_statement()
            self._before = word
        word.notes, self._notes = self._notes, []
        nest.close = word
        nest.pieces = self._pieces
        if not nest.is_block:
            nest.flat = _flat_list(nest)
        elif not nest.entries or "\n" not in self._text[nest.start : token.start]:
            nest.flat = _flat_block(nest)
        self._pieces, self._blank = self._open_statements.pop()
        self._nest = nest.parent

    def _end_statement(self) -> None:
        notes, self._notes = self._notes, []
        if self._pieces:
            statement = Statement(self._pieces, self._blank)
            self._entries.append(statement)
            if notes and not notes[0].alone:
                statement.note = notes.pop(0)
            self._pieces = []
        self._entries.extend(Remark(note, blank=False) for note in notes)
        self._before = Word("", "")


def _gap(before: Word, word: Word) -> int:
    """Return the number of spaces between two words."""
    if word.kind in _TIGHT_BEFORE or before.kind in _TIGHT_AFTER or before.is_sign:
        return 0
    is_call = word.kind == "LPAR" and before.kind == "NAME"
    is_index = word.kind == "LSQB" and before.kind in _OPERANDS and not before.is_role
    return 0 if is_call or is_index else 1


def is_comma(piece: Piece | None) -> bool:
    """Return whether this is a comma."""
    return isinstance(piece, Word) and piece.kind == "COMMA"


def flat(pieces: list[Piece]) -> str | None:
    """Return pieces on one line, or None if they need several; comments before the first piece are ignored."""
    parts: list[str] = []
    for piece in pieces:
        if piece.flat is None or (parts and piece.notes):
            return None
        parts.append(" " * (piece.gap if parts else 0) + piece.flat)
    return "".join(parts)


def _flat_list(nest: Nest) -> str | None:
    pieces = nest.pieces
    if nest.close.notes or (pieces and pieces[0].notes):
        return None
    if pieces and is_comma(pieces[-1]):
        if nest.open.text == "[" and nest.close.turns:
            return None
        is_tuple_of_one = nest.open.text == "(" and not nest.is_call and sum(map(is_comma, pieces)) == 1
        pieces = pieces if is_tuple_of_one else pieces[:-1]
    text = flat(pieces)
    return None if text is None else f"{nest.open.text}{text}{nest.close.text}"


def _flat_block(nest: Nest) -> str | None:
    if nest.head:
        return None
    texts: list[str] = []
    for entry in nest.entries:
        text = flat(entry.pieces) if isinstance(entry, Statement) else None
        if text is None:
            return None
        texts.append(text)
    blank = " " if texts and nest.open.text == "{" else ""
    return f"{nest.open.text}{blank}{'; '.join(texts)}{blank}{nest.close.text}"
