"""HTML-like labels of Graphviz: for boxes, clusters, edges and the legend."""

from collections.abc import Sequence
from html import escape

from archdsl.diagram.render.theme import Paint, Theme
from archdsl.diagram.spec import Box, Cluster, Diagram, EdgeKind, Form, Tag
from archdsl.diagram.text import CLUSTER_LINE, LONGEST_EDGE_LABEL, TITLE_LINE, room_beside, title_lines
from archdsl.diagram.wording import clean, cut

_BREAK = "\n"
# Edges in the legend: the text, the colour, and the number of pieces and the height of the sample.
_STROKES = {
    EdgeKind.SKIP: ("shortcut", "ink", 1, 2),
    EdgeKind.PROJECTION: ("projection shortcut", "ink", 3, 2),
    EdgeKind.AUXILIARY: ("training only", "edge", 5, 2),
    EdgeKind.ADDED: ("added", "ink", 1, 3),
    EdgeKind.REMOVED: ("removed (open head)", "edge", 3, 2),
    EdgeKind.CROSSING: ("between devices", "crossing", 1, 4),
}
# Empty columns on both sides that absorb the extra width of a wide row below, which would stretch the samples.
_SIDE = 12


def box_label(box: Box, theme: Theme) -> str:
    """Return the label of any box except a bar."""
    paint = theme.families[box.family]
    if box.form is Form.PILL and box.count == 1 and not (box.lines or box.mark):
        return f'<FONT COLOR="{paint.ink}">{_html(title_lines(box.title))}</FONT>'
    cells = [f'<TD><FONT COLOR="{paint.ink}"><B>{_html(title_lines(box.title))}</B></FONT></TD>']
    cells += [_tag(tag, theme.families[tag.family]) for tag in box.tags]
    if box.count > 1:
        cells.append(_badge(box.count, theme))
    if box.mark:
        cells.append(_badge(box.mark, theme))
    small = [_row(_small(line, theme)) for line in box.lines]
    if len(cells) == 1:
        return _table([f"<TR>{cells[0]}</TR>", *small], spacing=1)
    title = _table([f"<TR>{_gap(3).join(cells)}</TR>"], spacing=0)
    # Without empty columns, wide lines below would stretch tags and badges.
    return _table([_row(_centred(title)), *small], spacing=2) if small else title


def bar_label(box: Box, widths: Sequence[int], theme: Theme, *, across: bool, backwards: bool = False) -> str:
    """Return the label of a bar: a row of input segments with the title below.

    Args:
        box: The bar.
        widths: The width of each segment in points; the height if `across`.
        theme: The colours.
        across: Whether the drawing runs from left to right, so that segments form a column.
        backwards: Whether the segments are in reverse order, for a layout that is mirrored later.
    """
    paint = theme.families[box.family]
    segments = [
        f'<TD PORT="p{number}" BGCOLOR="{theme.segment}" {"HEIGHT" if across else "WIDTH"}="{width}" '
        f'CELLPADDING="3">{"<BR/>".join(_text(part, paint.ink, 8.5) for part in text.split(_BREAK))}</TD>'
        for number, (text, width) in enumerate(zip(box.segments, widths, strict=True))
    ]
    segments = segments[::-1] if backwards else segments
    words = f'<FONT COLOR="{paint.ink}"><B>{_html(title_lines(box.title))}</B></FONT>'
    words += "".join(f"&#160; {_text(line, paint.ink, 8.5)}" for line in box.lines)
    cells = [f"<TD>{words}</TD>", *(_tag(tag, theme.families[tag.family]) for tag in box.tags)]
    if box.count > 1:
        cells.append(_badge(box.count, theme))
    if box.mark:
        cells.append(_badge(box.mark, theme))
    side = "<TD></TD>" * (0 if len(cells) == 1 else _SIDE)
    inner = _table([f"<TR>{side}{''.join(cells)}{side}</TR>"], spacing=3)
    if across:
        first, *others = segments
        rest = [f"<TR>{segment}</TR>" for segment in others]
        return _table([f'<TR>{first}<TD ROWSPAN="{len(segments)}">{inner}</TD></TR>', *rest], spacing=1)
    rows = [f"<TR>{''.join(segments)}</TR>", f'<TR><TD COLSPAN="{len(segments)}">{inner}</TD></TR>']
    return _table(rows, spacing=1)


def cluster_label(
    cluster: Cluster, theme: Theme, *, one_line: bool, right: bool = False, is_placed: bool = False
) -> str:
    """Return the title of a cluster with its details.

    Args:
        cluster: The cluster.
        theme: The colours.
        one_line: Whether the details are beside the title instead of below it.
        right: Whether the text is aligned to the right.
        is_placed: Whether the position of the title is known, so that it needs no empty room beside it.
    """
    parts = title_lines(cluster.title, CLUSTER_LINE)
    side = "RIGHT" if right else "LEFT"
    title = f'<FONT COLOR="{theme.ink}"><B>{_html(parts)}</B></FONT>'
    cells = [f'<TD ALIGN="{side}" BALIGN="{side}">{title}</TD>']
    if cluster.count > 1:
        cells += [_gap(5), _badge(cluster.count, theme)]
    if one_line and cluster.details:
        cells.append(f"{_gap(6)}<TD>{_small(' · '.join(cluster.details), theme)}</TD>")
    rows = [f"<TR>{''.join(cells)}</TR>"]
    if not one_line:
        # One line for each part, so that the text ends before the edge in the middle.
        for line in cluster.details:
            rows.append(f'<TR><TD ALIGN="{side}" COLSPAN="{len(cells)}">{_small(line, theme)}</TD></TR>')
    table = _table(rows, spacing=0)
    if one_line or is_placed:
        return table
    gap = _gap(room_beside(cluster))
    cell = f"<TD>{table}</TD>"
    return _table([f"<TR>{gap + cell if right else cell + gap}</TR>"], spacing=0)


def edge_label(text: str, *, thick: bool = False) -> str:
    """Return the label of an edge with a space on both sides, or two beside a thick line."""
    air = "&#160;" * (2 if thick else 1)
    return f"{air}{_escaped(cut(clean(text), LONGEST_EDGE_LABEL))}{air}"


def legend(diagram: Diagram, theme: Theme) -> str:
    """Return the legend, samples of families and edges in rows, and the caption below it."""
    terms = dict(diagram.family_terms)
    samples = [_sample(family, ", ".join(terms.get(family, (family,))), theme) for family in diagram.families]
    samples += [_stroke(kind, theme) for kind in diagram.edge_kinds if kind in _STROKES]
    count = len(samples)
    across = max(count if count <= 4 or diagram.direction == "LR" else (count + 1) // 2, 1)
    rows = []
    for start in range(0, count, across):
        some = "".join(samples[start : start + across])
        rows.append(_row(_centred(_table([f"<TR>{some}</TR>"], spacing=2, padding=1))))
    rows += [_row(_small(line, theme)) for line in diagram.caption]
    return _table(rows, spacing=1) if rows else ""


def _stroke(kind: EdgeKind, theme: Theme) -> str:
    """Return the sample of an edge: a solid line, or several pieces of one."""
    words, colour, pieces, height = _STROKES[kind]
    paint = {"ink": theme.ink, "edge": theme.edge, "crossing": theme.crossing}[colour]
    line = f'<TD BGCOLOR="{paint}" FIXEDSIZE="TRUE" WIDTH="{22 // (2 * pieces - 1)}" HEIGHT="{height}"></TD>'
    gap = f'<TD FIXEDSIZE="TRUE" WIDTH="{22 // (2 * pieces - 1)}" HEIGHT="{height}"></TD>'
    sample = _table([f"<TR>{gap.join([line] * pieces)}</TR>"], spacing=0)
    return f'{_gap(5)}<TD>{sample}</TD><TD ALIGN="LEFT">{_small(words, theme)}</TD>{_gap(5)}'


def _centred(table: str) -> str:
    side = "<TD></TD>" * _SIDE
    return _table([f"<TR>{side}<TD>{table}</TD>{side}</TR>"], spacing=0)


def _sample(family: str, words: str, theme: Theme) -> str:
    size = 'BORDER="1" FIXEDSIZE="TRUE" WIDTH="13" HEIGHT="9"'
    swatch = _table([_row("")], spacing=0, frame=f"{size} {_colours(theme.families[family])}")
    return f'{_gap(5)}<TD>{swatch}</TD><TD ALIGN="LEFT">{_small(words, theme)}</TD>{_gap(5)}'


def _tag(tag: Tag, paint: Paint) -> str:
    text = f'<FONT POINT-SIZE="7.5" COLOR="{paint.ink}">{_escaped(cut(clean(tag.text), TITLE_LINE))}</FONT>'
    frame = f'BORDER="1" STYLE="ROUNDED" {_colours(paint)}'
    return f"<TD>{_table([_row(text, gap=3)], spacing=0, padding=1, frame=frame)}</TD>"


def _badge(count: int | str, theme: Theme) -> str:
    words = count if isinstance(count, str) else f"×{count}"
    text = f'<FONT POINT-SIZE="10" COLOR="{theme.badge.ink}"><B>{words}</B></FONT>'
    frame = f'BORDER="0" BGCOLOR="{theme.badge.fill}"'
    return f"<TD>{_table([_row(text, gap=2)], spacing=0, padding=2, frame=frame)}</TD>"


def _row(cell: str, *, gap: int = 0) -> str:
    return f"<TR>{_gap(gap)}<TD>{cell}</TD>{_gap(gap)}</TR>"


def _gap(width: int) -> str:
    """Return an empty cell; browsers drop spaces at the ends of a text, and Graphviz measures `&#160;` too wide."""
    return f'<TD WIDTH="{width}"></TD>' if width else ""


def _escaped(text: str) -> str:
    r"""Escape a text for HTML-like labels; Graphviz would replace `\N` by the name of the node."""
    return escape(text).replace("\\", r"\\")


def _html(parts: list[str]) -> str:
    return "<BR/>".join(map(_escaped, parts))


def _small(text: str, theme: Theme) -> str:
    return _text(text, theme.small, 8)


def _text(text: str, colour: str, size: float) -> str:
    return f'<FONT POINT-SIZE="{size:g}" COLOR="{colour}">{_escaped(clean(text))}</FONT>'


def _colours(paint: Paint) -> str:
    return f'BGCOLOR="{paint.fill}" COLOR="{paint.stroke}"'


def _table(rows: list[str], *, spacing: int, padding: int = 0, frame: str = 'BORDER="0"') -> str:
    return f'<TABLE {frame} CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}">{"".join(rows)}</TABLE>'
