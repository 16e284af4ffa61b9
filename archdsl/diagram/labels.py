"""HTML-like labels: what stands in boxes, on clusters and below the drawing."""

from html import escape
from textwrap import wrap

from archdsl.diagram.spec import Box, Chip, Cluster, Diagram, Form
from archdsl.diagram.theme import Paint, Theme
from archdsl.ops.base import FAMILIES

# Lines of titles break here, and end in a dot-dot-dot after two of them; the tooltip has the whole.
_LINE = 30
_LONGEST = 56


def clean(text: str) -> str:
    """Return a text as one line without characters that cannot be seen, some of which no SVG may hold."""
    return "".join(char if char.isprintable() else " " for char in text)


def cut(text: str, longest: int) -> str:
    """Return a text of at most so many characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


def lines(text: str) -> str:
    """Return a title as HTML, in one line or two."""
    parts = wrap(cut(clean(text), _LONGEST), _LINE) or [""]
    return "<BR/>".join(escape(part) for part in parts)


def box_label(box: Box, theme: Theme) -> str:
    """Return the label of a box."""
    paint = theme.families[box.family]
    if box.form is Form.PILL and box.count == 1:
        return f'<FONT COLOR="{paint.ink}">{lines(box.title)}</FONT>'
    cells = [f'<TD><FONT COLOR="{paint.ink}"><B>{lines(box.title)}</B></FONT></TD>']
    cells += [_chip(chip, theme.families[chip.family]) for chip in box.chips]
    if box.count > 1:
        cells.append(_badge(box.count, theme))
    rows = [f"<TR>{''.join(cells)}</TR>"]
    if box.detail:
        rows.append(f'<TR><TD COLSPAN="{len(cells)}">{_small(box.detail, theme)}</TD></TR>')
    return _table(rows, spacing=3 if len(cells) > 1 else 1)


def cluster_label(cluster: Cluster, theme: Theme, *, one_line: bool) -> str:
    """Return the title of a cluster, its small line beside it or below it."""
    title = f'<FONT COLOR="{theme.ink}"><B>{lines(cluster.title)}</B></FONT>'
    cells = [f'<TD ALIGN="LEFT" BALIGN="LEFT">{title}</TD>']
    if cluster.count > 1:
        cells.append(_badge(cluster.count, theme))
    if one_line and cluster.detail:
        cells.append(f"{_gap(6)}<TD>{_small(cluster.detail, theme)}</TD>")
    rows = [f"<TR>{''.join(cells)}</TR>"]
    if cluster.detail and not one_line:
        rows.append(f'<TR><TD ALIGN="LEFT" COLSPAN="{len(cells)}">{_small(cluster.detail, theme)}</TD></TR>')
    return _table(rows, spacing=0)


def edge_label(text: str) -> str:
    """Return the label of an edge, with some air on both sides."""
    return f"&#160;{escape(cut(clean(text), _LONGEST))}&#160;"


def legend(diagram: Diagram, theme: Theme) -> str:
    """Return the samples of the families in rows, and the caption below them."""
    across = 4 if diagram.direction == "TB" else len(FAMILIES)
    rows = []
    for start in range(0, len(diagram.families), across):
        samples = "".join(_sample(family, theme) for family in diagram.families[start : start + across])
        rows.append(_row(_table([f"<TR>{samples}</TR>"], spacing=2, padding=1)))
    return _table([*rows, _row(_small(diagram.caption, theme))], spacing=1)


def _sample(family: str, theme: Theme) -> str:
    size = 'BORDER="1" FIXEDSIZE="TRUE" WIDTH="13" HEIGHT="9"'
    swatch = _table([_row("")], spacing=0, frame=f"{size} {_colours(theme.families[family])}")
    return f'{_gap(5)}<TD>{swatch}</TD><TD ALIGN="LEFT">{_small(family, theme)}</TD>{_gap(5)}'


def _chip(chip: Chip, paint: Paint) -> str:
    text = f'<FONT POINT-SIZE="7.5" COLOR="{paint.ink}">{escape(cut(clean(chip.text), _LINE))}</FONT>'
    frame = f'BORDER="1" STYLE="ROUNDED" {_colours(paint)}'
    return f"<TD>{_table([_row(text, gap=3)], spacing=0, padding=1, frame=frame)}</TD>"


def _badge(count: int, theme: Theme) -> str:
    text = f'<FONT POINT-SIZE="10" COLOR="{theme.badge.ink}"><B>×{count}</B></FONT>'
    frame = f'BORDER="0" BGCOLOR="{theme.badge.fill}"'
    return f"<TD>{_table([_row(text, gap=2)], spacing=0, padding=2, frame=frame)}</TD>"


def _row(cell: str, *, gap: int = 0) -> str:
    return f"<TR>{_gap(gap)}<TD>{cell}</TD>{_gap(gap)}</TR>"


def _gap(width: int) -> str:
    """Return an empty cell: spaces at an end are dropped by browsers, and `&#160;` is measured too wide."""
    return f'<TD WIDTH="{width}"></TD>' if width else ""


def _small(text: str, theme: Theme) -> str:
    return f'<FONT POINT-SIZE="8" COLOR="{theme.small}">{escape(clean(text))}</FONT>'


def _colours(paint: Paint) -> str:
    return f'BGCOLOR="{paint.fill}" COLOR="{paint.stroke}"'


def _table(rows: list[str], *, spacing: int, padding: int = 0, frame: str = 'BORDER="0"') -> str:
    return f'<TABLE {frame} CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}">{"".join(rows)}</TABLE>'
