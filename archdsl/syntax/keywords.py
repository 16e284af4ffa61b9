"""Keywords that are misspelt: `inptu image: 3x32x32`."""

from typing import NamedTuple

from archdsl.base.source import Source, Span
from archdsl.base.typos import typo_of
from archdsl.syntax.automaton import Failure, Token
from archdsl.syntax.tables import KEYWORDS

# The keywords of statements, with the kinds of the tokens that can follow them.
_VALUES = frozenset({"NAME", "INT", "FLOAT", "LPAR", "NOT", "MINUS", "LSQB", "STRING", "REF"})
_NAMES = frozenset({"NAME", "PLACE", "LABEL"})
_FOLLOWING = {
    "input": _NAMES,
    "output": _NAMES | {"REF"},
    "devices": _NAMES,
    "set": _NAMES,
    "assert": _VALUES,
    "for": _NAMES,
    "if": _VALUES,
    "share": frozenset({"REF"}),
    "group": _NAMES,
    "model": _NAMES,
    "block": _NAMES,
    "macro": _NAMES,
    "import": frozenset({"STRING"}),
    "from": frozenset({"STRING"}),
}
_OTHER_WORDS = {
    "elif": "else if",
    "elsif": "else if",
    "elseif": "else if",
    "otherwise": "else",
    "foreach": "for",
    "inputs": "input",
    "outputs": "output",
    "device": "devices",
    "require": "assert",
    "use": "import",
    "net": "model",
    "network": "model",
    "define": "block",
}
_ITEMS = ("model", "block", "macro", "import", "from", "set")


class Misspelt(NamedTuple):
    """A word in the place of a keyword."""

    span: Span
    keyword: str


def misspelt(failure: Failure, source: Source) -> Misspelt | None:
    """Return the misspelt keyword that explains a failure, or None."""
    token, before = failure.token, failure.before
    if "MODEL" in failure.expected:
        return _meant(token, _ITEMS, source)
    if before is None:
        return None
    if before.text == "}" and token.kind == "NAME":
        return _meant(token, ("else", "project"), source)
    if token.kind == "NAME" and "IN" in failure.expected:
        return _meant(token, ("in",), source)
    if not (before.kind == "NAME" and before.text not in KEYWORDS and _begins(source.text, before.start)):
        return None
    allowed = [word for word, kinds in _FOLLOWING.items() if token.kind in kinds]
    return _meant(before, allowed, source)


def _meant(token: Token, words: tuple[str, ...] | list[str], source: Source) -> Misspelt | None:
    if token.kind != "NAME":
        return None
    other = _OTHER_WORDS.get(token.text, "")
    keyword = other if other.split(" ")[0] in (*words, "else") and other else typo_of(token.text, words)
    return Misspelt(Span(source, token.start, token.end), keyword) if keyword and keyword != token.text else None


def _begins(text: str, at: int) -> bool:
    """Return whether a statement can begin at a position: after a line end, a brace or `;`."""
    while at and text[at - 1] in " \t":
        at -= 1
    return at == 0 or text[at - 1] in "\n{};["
