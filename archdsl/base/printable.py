"""Text that is safe to print: without control characters, and of bounded length."""

import re

_LONG_WORD = re.compile(r"\S{101,}")


def printable(text: str) -> str:
    r"""Return a text in which each character that does not print is escaped, such as `\x1b`; line ends and tabs stay.

    Such characters are control characters, marks that reverse the direction of text, invisible characters, and bytes
    of a file name that are not UTF-8.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in "\n\t" else _escaped(char) for char in text)


def one_line(name: str) -> str:
    r"""Return a name of a file in one line that is safe to print: a line end in it is shown as `\x0a`."""
    return name if name.isprintable() else "".join(char if char.isprintable() else _escaped(char) for char in name)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def shortened(text: str, most: int) -> str:
    """Return a text without its middle if it has more than `most` characters, and the same for words over 100."""
    if len(text) <= 100:
        return text
    text = _LONG_WORD.sub(lambda found: _cut(found.group(), 100), _cut(text, 2 * most))
    return _cut(text, most)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}…{text[-half:]}"
