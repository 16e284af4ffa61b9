"""The parser's driver, which runs the LALR(1) tables that Lark generates from the grammar.

Importing Lark takes longer than a complete check, so its tables are generated in advance (`tables.py`); a test compares
the trees of both parsers. The lexer is contextual: a keyword is a NAME where the grammar does not allow the keyword, a
documentation comment is a comment where none is expected, and the end of a line is a token only where a statement may
end. The parser reports and corrects a bracket that is clearly missing or of the wrong kind. It recovers from other
errors as yacc does: the statement becomes BROKEN, and parsing continues after it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from archdsl.syntax.recovery import (
    CLOSING,
    OPENING,
    begins_line,
    begins_statement,
    blank_end,
    ends_line,
    goes_on,
    indentation,
    is_closed,
    item_end,
    statement_end,
)
from archdsl.syntax.tables import IGNORED, KEYWORDS, PATTERN, RULES, STARTS, STATES

END = "$END"
NEWLINE = "_NL"
MAX_DEPTH = 100
# The parser gives up after so many errors.
MOST_FAILURES = 100
_SCAN = re.compile(PATTERN).match
_ACTIONS: list[dict[str, int] | None] = [None] * len(STATES)
_CLOSING_KINDS = {"(": "RPAR", "[": "RSQB", "{": "RBRACE"}


class Token(NamedTuple):
    """A token. Its kind is the name of a terminal, or "" for a character that begins none."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A token that the grammar does not allow, with the expected terminals, the token before and the open brackets.

    Attributes:
        unclosed: Whether the innermost bracket is never closed.
        wrong: Whether the token is in the place of its closing bracket.
        suspect: The last braces before it whose indentation differs.
    """

    token: Token
    expected: frozenset[str]
    before: Token | None
    open: tuple[Token, ...]
    too_deep: bool = False
    unclosed: bool = False
    wrong: bool = False
    suspect: tuple[Token, Token] | None = None

    def moved(self, offset: int) -> "Failure":
        """Return the failure with all positions moved by `offset` characters."""

        def later(token: Token) -> Token:
            return token._replace(start=token.start + offset, end=token.end + offset)

        before = later(self.before) if self.before else None
        return replace(self, token=later(self.token), before=before, open=tuple(map(later, self.open)), suspect=None)


class _Bracket(NamedTuple):
    """An open bracket, the height of the stack below it, and whether it contains statements."""

    token: Token
    height: int
    is_block: bool


def _actions(state: int) -> dict[str, int]:
    """Return the action of a state for each symbol: the next state, or ~ the number of the rule to reduce."""
    found = _ACTIONS[state]
    if found is None:
        row: Any = STATES[state]
        found = _ACTIONS[state] = dict(zip(row[::2], row[1::2], strict=True))
    return found


Build = Callable[[list[Any], int, int], Any]


@dataclass(slots=True)
class Automaton:
    """A run over a text; `build` has a function for each rule that makes a node, `start` is the start rule."""

    text: str
    build: dict[str, Build]
    start: str = "file"
    failures: list[Failure] = field(default_factory=list)
    comments: list[Token] = field(default_factory=list)
    _at: int = 0
    _states: list[int] = field(default_factory=list)
    _values: list[Any] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)
    _brackets: list[_Bracket] = field(default_factory=list)
    _pairs: list[tuple[Token, Token]] = field(default_factory=list)
    _pending: list[Token] = field(default_factory=list)
    _last: Token | None = None
    _blank_until: int = 0

    def __post_init__(self) -> None:
        self._states.append(STARTS[self.start])

    def run(self) -> Any:
        """Return the result of the start rule, or None if parsing could not continue."""
        while True:
            token = self._next(_actions(self._states[-1]))
            while (action := _actions(self._states[-1]).get(token.kind)) is not None and action < 0:
                self._reduce(RULES[~action])
            if action is None:
                if len(self.failures) >= MOST_FAILURES or not self._recover(token):
                    return None
                continue
            if token.kind == END:
                return self._values[-1]
            if not self._shift(token, action):
                return None

    def _next(self, acts: dict[str, int]) -> Token:
        """Return the next token that the current state does not ignore."""
        if self._pending:
            return self._pending.pop(0)
        while self._at < len(self.text):
            match = _SCAN(self.text, self._at)
            if match is None:
                token = Token("", self.text[self._at], self._at, self._at + 1)
                self._at += 1
                return token
            kind = match.lastgroup
            assert kind is not None
            token = Token(kind, match.group(), match.start(), match.end())
            self._at = token.end
            if kind == "PLACE" and kind not in acts:
                kind, token = "NAME", self._only_name(token)
            if kind == "NAME" and token.text in KEYWORDS and KEYWORDS[token.text] in acts:
                return token._replace(kind=KEYWORDS[token.text])
            if kind in IGNORED or (kind == "DOC" and kind not in acts):
                if token.text.startswith("#") and not (self.comments and self.comments[-1].start >= token.start):
                    self.comments.append(token)
                continue
            if kind == NEWLINE and not self._line_ends(token, acts):
                continue
            return token
        return Token(END, "", len(self.text), len(self.text))

    def _only_name(self, token: Token) -> Token:
        """Return the name before braces without a space: `concat` of `concat{`."""
        text = token.text.partition("{")[0]
        self._at = token.start + len(text)
        return Token("NAME", text, token.start, self._at)

    def _line_ends(self, token: Token, acts: dict[str, int]) -> bool:
        if ";" in token.text:
            return True
        if NEWLINE not in acts or not (self._brackets[-1].is_block if self._brackets else True):
            return False
        if token.end >= self._blank_until:
            self._blank_until = blank_end(self.text, token.end)
        return not goes_on(self.text, self._blank_until)

    def _shift(self, token: Token, state: int) -> bool:
        if token.text in CLOSING:
            self._brackets.append(_Bracket(token, len(self._states), token.text != "(" and NEWLINE in _actions(state)))
            if len(self._brackets) > MAX_DEPTH:
                self._fail(token, too_deep=True)
                return False
        elif token.text in OPENING:
            opened = self._brackets.pop().token
            if token.text == "}":
                self._pairs.append((opened, token))
        self._push(state, token, token.start, token.end)
        self._last = token
        return True

    def _push(self, state: int, value: Any, start: int, end: int) -> None:
        self._states.append(state)
        self._values.append(value)
        self._starts.append(start)
        self._ends.append(end)

    def _reduce(self, rule: tuple[str, int, str, tuple[int, ...]]) -> None:
        origin, length, make, keep = rule
        if length == 1 and make == "?" and type(self._values[-1]) is not list:
            # Most rules only pass a value on.
            self._states[-1] = _actions(self._states[-2])[origin]
            return
        if length:
            children = self._values[-length:]
            start, end = self._starts[-length], self._ends[-1]
            for stack in (self._states, self._values, self._starts, self._ends):
                del stack[-length:]
        else:
            children, start = [], self._ends[-1] if self._ends else 0
            end = start
        kept: list[Any] = []
        for index in keep:
            child = children[index]
            if type(child) is not list:
                kept.append(child)
            elif kept:
                kept += child
            else:
                kept = child
        if make == "":
            value: Any = kept
        elif make == "?":
            value = kept[0]
        else:
            value = self.build[make](kept, start, end)
        self._push(_actions(self._states[-1])[origin], value, start, end)

    def _fail(self, token: Token, *, too_deep: bool = False, unclosed: bool = False, wrong: bool = False) -> None:
        expected = frozenset(filter(self._accepts, _actions(self._states[-1])))
        opened = tuple(bracket.token for bracket in self._brackets)
        self.failures.append(Failure(token, expected, self._last, opened, too_deep, unclosed, wrong, self._suspect()))

    def _accepts(self, kind: str) -> bool:
        """Return whether a terminal can be shifted; LALR tables also reduce before they detect an error."""
        if not (kind.isupper() or kind in (NEWLINE, END)):
            return False
        states = [*self._states]
        while (action := _actions(states[-1]).get(kind)) is not None and action < 0:
            origin, length = RULES[~action][:2]
            del states[len(states) - length :]
            states.append(_actions(states[-1])[origin])
        return action is not None

    def _suspect(self) -> tuple[Token, Token] | None:
        """Return the last braces whose closing one has another indentation than the opening one's line."""
        outer = self._brackets[-1].token.start if self._brackets else 0
        for opened, closed in reversed(self._pairs):
            if opened.start < outer:
                return None
            if begins_line(self.text, closed.start):
                moved = indentation(self.text, opened.start) != indentation(self.text, closed.start)
                return (opened, closed) if moved else None
        return None

    def _recover(self, token: Token) -> bool:
        """Record a failure and continue, with mended brackets or after the statement; return whether it can."""
        if self._mend(token):
            return True
        partner_is_open = token.text in OPENING and self._is_open(OPENING[token.text])
        mismatch = partner_is_open and OPENING[token.text] != self._brackets[-1].token.text
        self._fail(token, unclosed=bool(self._brackets) if token.kind == END else mismatch)
        if token.kind == END:
            return False
        inside = [bracket.token.text for bracket in self._brackets]
        if not self._pop_statement(self._outermost(token)):
            return False
        del inside[: len(self._brackets)]
        start = self._ends[-1] if self._ends else 0
        self._push(_actions(self._states[-1])["BROKEN"], None, start, token.end)
        if self._brackets:
            self._go_to(statement_end(self.text, token.start, inside, self._brackets[-1].token.text), [])
        else:
            self._go_to(item_end(self.text, token.start), [])
        return True

    def _mend(self, token: Token) -> bool:
        """Close the innermost bracket if that clearly is the error; return whether it was closed."""
        if not self._brackets or self._last is None:
            return False
        bracket = self._brackets[-1]
        if self._begins_model(token):
            self._fail(token, unclosed=True)
            at = self.text.rfind("\n", 0, self._last.start)
            self._pop_statement(len(self._brackets))
            self._go_to(at, [_closing(each.token, at, at) for each in reversed(self._brackets)])
            return True
        if not self._accepts(_CLOSING_KINDS[bracket.token.text]):
            return False
        if self._is_wrong(token, bracket):
            self._fail(token, wrong=True)
            self._go_to(token.end, [_closing(bracket.token, token.start, token.end)])
            return True
        if self._is_unclosed(token, bracket):
            if self._is_empty(bracket):
                return self._break_off(bracket)
            self._fail(token, unclosed=True)
            self._go_to(self._last.end, [_closing(bracket.token, self._last.end, self._last.end)])
            return True
        return False

    def _begins_model(self, token: Token) -> bool:
        """Return whether `model Name`, `block Name` or `macro Name` is inside the braces of another definition."""
        before = self._last
        return bool(
            before
            and before.text in ("model", "block", "macro")
            and token.kind == "NAME"
            and begins_line(self.text, before.start)
        )

    def _is_wrong(self, token: Token, bracket: _Bracket) -> bool:
        """Return whether a closing bracket of the wrong kind is meant to close the innermost bracket."""
        if token.text not in OPENING or self._is_open(OPENING[token.text]):
            return False
        if not bracket.is_block:
            return True
        layout = ends_line(self.text, bracket.token.end) and begins_line(self.text, token.start)
        return layout and indentation(self.text, bracket.token.start) == indentation(self.text, token.start)

    def _is_unclosed(self, token: Token, bracket: _Bracket) -> bool:
        """Return whether the text continues as if only the innermost bracket had been closed."""
        if token.kind == END:
            return len(self._brackets) == 1 and self._suspect() is None
        if token.text in OPENING:
            outer = self._brackets[-2].token.text if len(self._brackets) > 1 else ""
            return outer == OPENING[token.text] and not bracket.is_block
        if bracket.token.text != "(":
            return False
        if token.kind in ("ARROW", "STATES", NEWLINE):
            return not is_closed(self.text, token.end)
        return begins_statement(self.text, token.start)

    def _is_empty(self, bracket: _Bracket) -> bool:
        """Return whether a step follows the opening bracket, on a line that is not indented more."""
        opened = bracket.token
        follows = blank_end(self.text, opened.end)
        return (
            ends_line(self.text, opened.end)
            and self.text[follows : follows + 1].isidentifier()
            and indentation(self.text, follows) <= indentation(self.text, opened.start)
        )

    def _break_off(self, bracket: _Bracket) -> bool:
        """Record that a bracket is never closed, and continue with the statement on the line after it."""
        follows = blank_end(self.text, bracket.token.end)
        self._last = bracket.token
        self._fail(Token("NAME", "", follows, follows), unclosed=True)
        if not self._pop_statement(len(self._brackets) - 1):
            return False
        self._push(_actions(self._states[-1])["BROKEN"], None, bracket.token.start, bracket.token.end)
        self._go_to(bracket.token.end, [])
        return True

    def _is_open(self, text: str) -> bool:
        return any(bracket.token.text == text for bracket in self._brackets)

    def _go_to(self, at: int, pending: list[Token]) -> None:
        """Continue at a position, after these tokens."""
        self._at, self._pending, self._blank_until = at, pending, 0

    def _outermost(self, token: Token) -> int:
        """Return the number of brackets that stay open: a closing one ends those opened after its partner."""
        opened = [bracket.token.text for bracket in self._brackets]
        partner = OPENING.get(token.text)
        return max((number for number, text in enumerate(opened, 1) if text == partner), default=len(opened))

    def _pop_statement(self, brackets: int) -> bool:
        """Discard the current statement, except for brackets that are closed already."""
        limit = self._brackets[brackets].height if brackets < len(self._brackets) else len(self._states)
        closed = 0
        while not (closed == 0 and len(self._states) <= limit and "BROKEN" in _actions(self._states[-1])):
            if not self._values:
                return False
            value = self._values.pop()
            self._states.pop(), self._starts.pop(), self._ends.pop()
            if isinstance(value, Token):
                closed += (value.text in OPENING) - (value.text in CLOSING and closed > 0)
        while self._brackets and self._brackets[-1].height >= len(self._states):
            self._brackets.pop()
        return True


def _closing(opened: Token, start: int, end: int) -> Token:
    """Return the token that would close a bracket."""
    return Token(_CLOSING_KINDS[opened.text], CLOSING[opened.text], start, end)
