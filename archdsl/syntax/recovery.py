"""Helpers for recovery from syntax errors, which use the layout of the text."""

import re

from archdsl.syntax.tables import PATTERN

CLOSING = {"(": ")", "[": "]", "{": "}"}
OPENING = {closing: opening for opening, closing in CLOSING.items()}
_SCAN = re.compile(PATTERN).match
# Characters of a line that are searched for a bracket.
_FAR = 400
_WORD = re.compile(r"\w+").match
_REST_OF_LINE = re.compile(r"[^\n]*").match
_INDENTATION = re.compile(r"[ \t]*").match
_BLANK = re.compile(r"(?:[ \t\f\r\n]|#[^\n]*+)*+").match
_ITEM = re.compile(r"\n(?=[ \t]*(?:(?:model|block|macro|set)[ \t]+[A-Za-z_]|(?:import|from)[ \t]+\"))").search
_GOES_ON = re.compile(r"->|(?:else|project)(?=\s*(?:if\b|\{))").match
_STATEMENT = re.compile(
    r"(?:input|output|devices|set|model|block|macro|for|on|group)[ \t]+[A-Za-z_]|share[ \t]+@|assert\b|if\b[^\n]*\{"
    r"|[A-Za-z_]\w*(?:\{[^{}\n]*\}\w*)*[ \t]*(?::|->|\(|\{)"
).match


def blank_end(text: str, at: int) -> int:
    """Return the position after spaces, line ends and comments."""
    found = _BLANK(text, at)
    assert found is not None
    return found.end()


def begins_statement(text: str, at: int) -> bool:
    """Return whether the text at a position begins its line and looks like a statement, not an argument."""
    return begins_line(text, at) and _STATEMENT(text, at) is not None


def goes_on(text: str, at: int) -> bool:
    """Return whether the text at a position, first on its line, continues the statement above."""
    return _GOES_ON(text, at) is not None


def begins_line(text: str, at: int) -> bool:
    """Return whether only spaces precede a position on its line."""
    return not text[text.rfind("\n", 0, at) + 1 : at].strip()


def ends_line(text: str, at: int) -> bool:
    """Return whether only spaces and a comment follow on the line."""
    found = _REST_OF_LINE(text, at)
    assert found is not None
    return found.group().partition("#")[0].strip() == ""


def is_closed(text: str, at: int) -> bool:
    """Return whether the rest of the line closes a parenthesis that it does not open."""
    found = _REST_OF_LINE(text, at, at + _FAR)
    assert found is not None
    depth = 0
    for sign in found.group():
        depth += (sign == "(") - (sign == ")")
        if depth < 0:
            return True
    return False


def indentation(text: str, at: int) -> int:
    """Return the number of spaces at the beginning of a position's line."""
    start = text.rfind("\n", 0, at) + 1
    found = _INDENTATION(text, start)
    assert found is not None
    return found.end() - start


def statement_end(text: str, at: int, inside: list[str], around: str) -> int:
    """Return the end of the statement with an error at `at`: the end of a line, or before `around` is closed.

    `inside` are the brackets of the statement that are open at the error.
    """
    opened = [*inside]
    blocks = 0
    arrow = False
    while at < len(text):
        found = _SCAN(text, at)
        sign = found.group() if found else text[at]
        if found is None:
            at = _unknown_end(text, at)
            continue
        if "\n" in sign or sign.startswith(";"):
            follows = blank_end(text, found.end())
            continues = "\n" in sign and (arrow or goes_on(text, follows))
            in_arguments = bool(opened) and "\n" in sign and not begins_statement(text, follows)
            if not (blocks or continues or in_arguments or ("(" in opened and is_closed(text, found.end()))):
                return at
        elif sign in CLOSING:
            # A `[` outside of parentheses holds statements; within them it is a list.
            is_block = sign == "{" or (sign == "[" and "(" not in opened)
            blocks += is_block
            opened.append(sign)
        elif sign in OPENING:
            if OPENING[sign] in opened:
                while opened.pop() != OPENING[sign]:
                    pass
                blocks = min(blocks, len(opened))
            elif sign == CLOSING.get(around):
                return at
        arrow = sign == "->" or (arrow and not sign.strip())
        at = found.end()
    return at


def item_end(text: str, at: int) -> int:
    """Return the position of the next definition from this line on, including its documentation."""
    first = max(text.rfind("\n", 0, at), 0) if begins_line(text, at) else at
    found = _ITEM(text, first)
    if found is None:
        return len(text)
    start = found.start()
    while start > first and text[text.rfind("\n", 0, start) + 1 : start].lstrip().startswith("##"):
        start = max(text.rfind("\n", 0, start), first)
    return start


def _unknown_end(text: str, at: int) -> int:
    """Return the end of text that is no token: a string without an end, a number followed by a name."""
    found = _REST_OF_LINE(text, at) if text[at] == '"' else _WORD(text, at)
    return found.end() if found else at + 1
