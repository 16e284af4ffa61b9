"""Text as LaTeX source."""

_MARKS = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "×": r"$\times$", "→": r"$\rightarrow$", "–": "--",
    "·": r"$\cdot$", "µ": r"$\mu$", "…": r"\ldots{}", "<": r"$<$", ">": r"$>$", "|": r"$|$",
}  # fmt: skip


def escaped(text: str) -> str:
    """Return a text as LaTeX source; characters that need a package become `?`."""
    return "".join(_MARKS.get(char, char if char.isascii() and char.isprintable() else _letter(char)) for char in text)


def _letter(char: str) -> str:
    # LaTeX has read Latin letters in UTF-8 without a package since 2018.
    return char if "\xc0" <= char <= "\u017f" and char.isalpha() else "?"
