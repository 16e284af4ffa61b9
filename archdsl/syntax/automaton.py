"""The driver of the parser: runs the LALR(1) tables that Lark made of the grammar.

Lark itself takes longer to start than a whole check takes, so its tables are generated ahead of time (`tables.py`),
and a test holds this driver's trees against Lark's. The lexer is contextual: a keyword is a NAME where the keyword
could not stand, a documentation comment is a comment where none is expected, and the end of a line counts only where a
statement could end. Errors recover as in yacc: the statement becomes a BROKEN one and parsing goes on behind it.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from archdsl.syntax.tables import IGNORED, KEYWORDS, PATTERN, RULES, STATES

END = "$END"
NEWLINE = "_NL"
MAX_DEPTH = 100
_SCAN = re.compile(PATTERN).match
_CONTINUES = re.compile(r"(?:[ \t\f\r\n]|#[^\n]*)*->").match
_PARTNER = {")": "(", "]": "[", "}": "{"}


class Token(NamedTuple):
    """A piece of the text. Its kind is the name of a terminal, "" for a character that starts none."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A token that does not fit: what could have stood there, what came before, which brackets are open."""

    token: Token
    expected: frozenset[str]
    before: Token | None
    open: tuple[Token, ...]
    too_deep: bool = False


Build = Callable[[list[Any], int, int], Any]


@dataclass(slots=True)
class Automaton:
    """One run over a text; `build` has a function for every rule that makes a node."""

    text: str
    build: dict[str, Build]
    failures: list[Failure] = field(default_factory=list)
    comments: list[Token] = field(default_factory=list)
    _at: int = 0
    _states: list[int] = field(default_factory=lambda: [0])
    _values: list[Any] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _ends: list[int] = field(default_factory=list)
    _brackets: list[tuple[Token, int]] = field(default_factory=list)
    _last: Token | None = None

    def run(self) -> Any:
        """Return what the start rule made, or None where parsing could not go on."""
        while True:
            token = self._next(STATES[self._states[-1]])
            while (action := STATES[self._states[-1]].get(token.kind)) is not None and action < 0:
                self._reduce(RULES[~action])
            if action is None:
                if not self._recover(token):
                    return None
                continue
            if token.kind == END:
                return self._values[-1]
            if not self._shift(token, action):
                return None

    def _next(self, acts: dict[str, int]) -> Token:
        """Return the next token that counts, seen from the state that the parser is in."""
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
            if kind == "NAME" and token.text in KEYWORDS and KEYWORDS[token.text] in acts:
                return token._replace(kind=KEYWORDS[token.text])
            if kind in IGNORED or (kind == "DOC" and kind not in acts):
                if token.text.startswith("#"):
                    self.comments.append(token)
                continue
            if kind == NEWLINE and not self._line_ends(token, acts):
                continue
            return token
        return Token(END, "", len(self.text), len(self.text))

    def _line_ends(self, token: Token, acts: dict[str, int]) -> bool:
        if ";" in token.text:
            return True
        inside = next((opened.text for opened, _ in reversed(self._brackets) if opened.text in "({"), "{")
        return inside == "{" and NEWLINE in acts and not _CONTINUES(self.text, token.end)

    def _shift(self, token: Token, state: int) -> bool:
        if token.text in ("(", "[", "{"):
            self._brackets.append((token, len(self._states)))
            if len(self._brackets) > MAX_DEPTH:
                self._fail(token, too_deep=True)
                return False
        elif token.text in _PARTNER:
            self._brackets.pop()
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
        self._push(STATES[self._states[-1]][origin], value, start, end)

    def _fail(self, token: Token, *, too_deep: bool = False) -> None:
        # Reductions have run on the offending token, but in an LALR table they never change what fails.
        expected = frozenset(kind for kind in STATES[self._states[-1]] if kind.isupper() or kind == NEWLINE)
        opened = tuple(bracket for bracket, _ in self._brackets)
        self.failures.append(Failure(token, expected, self._last, opened, too_deep))

    def _recover(self, token: Token) -> bool:
        """Report, put BROKEN in place of the statement, and go on behind it; False where that is impossible."""
        self._fail(token)
        if token.kind == END:
            return False
        if not self._pop_statement():
            return False
        while self._brackets and self._brackets[-1][1] >= len(self._states):
            self._brackets.pop()
        start = self._ends[-1] if self._ends else 0
        self._push(STATES[self._states[-1]]["BROKEN"], None, start, token.end)
        self._skip(token)
        return True

    def _pop_statement(self) -> bool:
        """Take back what was read of the statement, but nothing from within brackets that are closed already."""
        closed = 0
        while self._values:
            if closed == 0 and "BROKEN" in STATES[self._states[-1]]:
                return True
            value = self._values.pop()
            self._states.pop(), self._starts.pop(), self._ends.pop()
            if isinstance(value, Token):
                closed += (value.text in _PARTNER) - (value.text in ("(", "[", "{") and closed > 0)
        return "BROKEN" in STATES[self._states[-1]]

    def _skip(self, token: Token) -> None:
        """Move to the end of the broken statement: a line's end or a closing brace outside of braces it opened."""
        depth = 0
        self._at = token.start
        closable = any(opened.text == "{" for opened, _ in self._brackets)
        while self._at < len(self.text):
            match = _SCAN(self.text, self._at)
            text = match.group() if match else self.text[self._at]
            if depth == 0 and ("\n" in text or text.startswith(";") or (text == "}" and closable)):
                return
            depth += (text == "{") - (text == "}" and depth > 0)
            self._at += len(text)
