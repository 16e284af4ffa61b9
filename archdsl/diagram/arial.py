"""Widths of Arial, the font of the layout. SVG texts get these lengths, so that a substitute font keeps the layout."""

FAMILY = '"Helvetica Neue",Helvetica,Arial,"Liberation Sans",Arimo,sans-serif'
# Widths of the characters from space to tilde, in thousandths of the size.
_REGULAR = """
    278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278
    584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 944
    667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 333 500
    278 556 500 722 500 500 500 334 260 334 584
"""
_BOLD = """
    278 333 474 556 556 889 722 238 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 333 333
    584 584 584 611 975 722 722 722 722 667 611 778 722 278 556 722 611 833 722 778 667 778 722 667 611 722 667 944
    667 667 611 333 278 333 584 556 333 556 611 556 611 556 333 611 611 278 278 556 278 889 611 611 611 611 389 556
    333 611 556 778 556 556 500 389 280 389 584
"""
_WIDTHS = {bold: tuple(map(int, table.split())) for bold, table in ((False, _REGULAR), (True, _BOLD))}
# Graphviz measures each byte of a character outside ASCII as a space.
_BYTE = 278


def advance(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a text in points, as Graphviz measures it."""
    table = _WIDTHS[bold]
    # Graphviz writes the second of two spaces as a no-break space in SVG.
    plain = text.replace("\u00a0", " ")
    return size * sum(table[ord(c) - 32] if " " <= c <= "~" else _BYTE * len(c.encode()) for c in plain) / 1000
