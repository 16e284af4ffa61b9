"""Small changes of generated Python text, one at a time: those that an error in the emitter could make."""

import io
import tokenize
from collections.abc import Iterator
from typing import NamedTuple

from archdsl.target.reserved import support_names


class Change(NamedTuple):
    """A changed text, and a description of the change."""

    text: str
    what: str


def changes(text: str) -> Iterator[Change]:
    """Yield a module with one change in its generated classes: a number, a truth value, a name or a statement."""
    lines = text.splitlines(keepends=True)
    for number in _generated(lines):
        line = lines[number]
        for start, end, new in _tokens(line):
            yield Change(_with(lines, number, line[:start] + new + line[end:]), f"{line.strip()} ~ {new}")
        if _is_statement(lines, number):
            yield Change(_with(lines, number, ""), f"{line.strip()} ~ left out")


def _with(lines: list[str], number: int, line: str) -> str:
    return "".join((*lines[:number], line, *lines[number + 1 :]))


def _generated(lines: list[str]) -> Iterator[int]:
    """Yield the numbers of the lines of code in generated classes."""
    inside = quoted = False
    for number, line in enumerate(lines):
        if line[:1] not in (" ", "\n", "", ")"):
            name = line.removeprefix("class ").partition("(")[0]
            inside = line.startswith("class ") and "NamedTuple" not in line and name not in support_names()
        if line.count('"""') == 1:
            quoted = not quoted
        elif inside and not quoted and '"""' not in line and line.strip():
            yield number


def _tokens(line: str) -> Iterator[tuple[int, int, str]]:
    """Yield places in a line with a text to put there."""
    code = line.partition("  #")[0]
    try:
        found = list(tokenize.generate_tokens(io.StringIO(code.strip()).readline))
    except (tokenize.TokenError, IndentationError):
        found = list(_until_error(code.strip()))
    offset = len(code) - len(code.lstrip())
    for token in found:
        new = _other(token.type, token.string)
        if new is not None:
            yield offset + token.start[1], offset + token.end[1], new


def _until_error(code: str) -> Iterator[tokenize.TokenInfo]:
    try:
        yield from tokenize.generate_tokens(io.StringIO(code).readline)
    except (tokenize.TokenError, IndentationError):
        return


def _other(kind: int, text: str) -> str | None:
    if kind == tokenize.NUMBER:
        return str(int(text) + 1) if text.isdecimal() else str(2 * float(text) + 1)
    if text in ("True", "False"):
        return "False" if text == "True" else "True"
    return {"+": "*", "*": "+", "//": "*", "-": "+"}.get(text)


def _is_statement(lines: list[str], number: int) -> bool:
    """Return whether a line is a statement of its own: its neighbours do not belong to it."""
    line = lines[number].strip()
    if not line.startswith(("self.", "x ", "y ", "x:", "z ")) or line.endswith(("(", "[")):
        return False
    before, after = lines[number - 1].strip(), lines[number + 1].strip() if number + 1 < len(lines) else ""
    return not before.endswith(("(", "[", ",")) and not after.startswith((")", "]")) and not before.startswith("for ")
