"""HTML-like labels: what stands in boxes, on clusters and below the drawing."""

import re
from collections.abc import Sequence
from html import escape

from archdsl.diagram.model.wording import clean, cut
from archdsl.diagram.render.arial import advance
from archdsl.diagram.render.theme import Paint, Theme
from archdsl.diagram.spec import Box, Chip, Cluster, Diagram, EdgeKind, Form

# Titles break into lines of so many characters, and are cut after two of them; the tooltip has the whole.
_LINE = 30
_CLUSTER_LINE = 20
_TAIL = 6
_LONGEST = 56
# Points of the letters at edges.
_EDGE_SIZE = 8.5
# `_width` allows for faces wider than Arial; where room is shared out, that would be too much.
_TITLE_SCALE = 0.85
_DETAIL_SCALE = 0.6
_WORD_END = re.compile(r"[_.\s-]+")
# Of narrow and wide letters in bold type, in parts of its size, which allows for faces that are wider than Arial.
_TITLE_SIZE = 13
_BREAK = "\n"
_WIDTHS = {**dict.fromkeys("ijl.,:;' |!I()[]ftr-", 0.4), **dict.fromkeys("mwMW@%…", 1.0)}
# What edges are called in the legend, with the colour, the pieces and the height of their samples.
_STROKES = {
    EdgeKind.SKIP: ("shortcut", "ink", 1, 2),
    EdgeKind.PROJECTION: ("projection shortcut", "ink", 3, 2),
    EdgeKind.AUXILIARY: ("training only", "edge", 5, 2),
    EdgeKind.ADDED: ("added", "ink", 1, 3),
    EdgeKind.REMOVED: ("removed (open head)", "edge", 3, 2),
    EdgeKind.CROSSING: ("between devices", "crossing", 1, 4),
}
# Columns beside the legend that take the room which a wide caption would else put between its samples.
_SIDE = 12


def lines(text: str, width: int = _LINE) -> list[str]:
    """Return a title in one line or two, parted between words if it can be; of what is too long the end stays."""
    text = clean(text)
    if len(text) <= width:
        return [text]
    ends = [found.end() for found in _WORD_END.finditer(text, 0, width)]
    place = ends[-1] if ends and ends[-1] > width // 2 else width
    first, rest = text[:place].rstrip(), text[place:].lstrip()
    return [first, rest if len(rest) <= width else f"{rest[: width - _TAIL - 1]}…{rest[-_TAIL:]}"]


def box_label(box: Box, theme: Theme) -> str:
    """Return the label of a box that is no bar."""
    paint = theme.families[box.family]
    if box.form is Form.PILL and box.count == 1 and not (box.lines or box.mark):
        return f'<FONT COLOR="{paint.ink}">{_html(lines(box.title))}</FONT>'
    cells = [f'<TD><FONT COLOR="{paint.ink}"><B>{_html(lines(box.title))}</B></FONT></TD>']
    cells += [_chip(chip, theme.families[chip.family]) for chip in box.chips]
    if box.count > 1:
        cells.append(_badge(box.count, theme))
    if box.mark:
        cells.append(_badge(box.mark, theme))
    small = [_row(_small(line, theme)) for line in box.lines]
    if len(cells) == 1:
        return _table([f"<TR>{cells[0]}</TR>", *small], spacing=1)
    title = _table([f"<TR>{_gap(3).join(cells)}</TR>"], spacing=0)
    # Wide lines below would else stretch chips and badges.
    return _table([_row(_centred(title)), *small], spacing=2) if small else title


def bar_label(box: Box, widths: Sequence[int], theme: Theme, *, across: bool, backwards: bool = False) -> str:
    """Return the label of a bar: a segment for each stream that comes in, as wide as it, and what comes out below."""
    paint = theme.families[box.family]
    segments = [
        f'<TD PORT="p{number}" BGCOLOR="{theme.segment}" {"HEIGHT" if across else "WIDTH"}="{width}" '
        f'CELLPADDING="3">{"<BR/>".join(_text(part, paint.ink, 8.5) for part in text.split(_BREAK))}</TD>'
        for number, (text, width) in enumerate(zip(box.segments, widths, strict=True))
    ]
    segments = segments[::-1] if backwards else segments
    words = f'<FONT COLOR="{paint.ink}"><B>{_html(lines(box.title))}</B></FONT>'
    words += "".join(f"&#160; {_text(line, paint.ink, 8.5)}" for line in box.lines)
    cells = [f"<TD>{words}</TD>", *(_chip(chip, theme.families[chip.family]) for chip in box.chips)]
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


def width(box: Box) -> int:
    """Return about how many points a box is wide, rather more than less."""
    chips = sum(_width(chip.text) * 0.6 + 14 for chip in box.chips)
    title = max(map(_width, lines(box.title))) * _TITLE_SCALE + chips + (28 if box.count > 1 else 0)
    return int(max(title, *(_width(line) * _DETAIL_SCALE for line in box.lines or ("",)))) + 20


def cluster_label(
    cluster: Cluster, theme: Theme, *, one_line: bool, right: bool = False, is_placed: bool = False
) -> str:
    """Return the title of a cluster, its small line beside it or below it; one that is placed keeps to itself."""
    parts = lines(cluster.title, _CLUSTER_LINE)
    side = "RIGHT" if right else "LEFT"
    title = f'<FONT COLOR="{theme.ink}"><B>{_html(parts)}</B></FONT>'
    cells = [f'<TD ALIGN="{side}" BALIGN="{side}">{title}</TD>']
    if cluster.count > 1:
        cells += [_gap(5), _badge(cluster.count, theme)]
    if one_line and cluster.detail:
        cells.append(f"{_gap(6)}<TD>{_small(cluster.detail, theme)}</TD>")
    rows = [f"<TR>{''.join(cells)}</TR>"]
    if cluster.detail and not one_line:
        # One below the other: they must end before the stream.
        for line in cluster.detail.split(" · "):
            rows.append(f'<TR><TD ALIGN="{side}" COLSPAN="{len(cells)}">{_small(line, theme)}</TD></TR>')
    table = _table(rows, spacing=0)
    if one_line or is_placed:
        return table
    gap = _gap(room_beside(cluster))
    cell = f"<TD>{table}</TD>"
    return _table([f"<TR>{gap + cell if right else cell + gap}</TR>"], spacing=0)


def room_beside(cluster: Cluster) -> int:
    """Return the points beside a title: as many as it takes keep it on its side of a stream in the middle."""
    return max(map(_width, lines(cluster.title, _CLUSTER_LINE))) + (40 if cluster.count > 1 else 10)


def edge_label(text: str, *, thick: bool = False) -> str:
    """Return the label of an edge, with some air on both sides, and more beside a thick line."""
    air = "&#160;" * (2 if thick else 1)
    return f"{air}{_escaped(cut(clean(text), _LONGEST))}{air}"


def label_width(text: str) -> float:
    """Return how many points the label of an edge takes, with its air."""
    return advance(f" {cut(clean(text), _LONGEST)} ", _EDGE_SIZE)


def legend(diagram: Diagram, theme: Theme) -> str:
    """Return the samples of families and edges in rows, and the caption below them."""
    kinds = dict(diagram.kinds)
    samples = [_sample(family, ", ".join(kinds.get(family, (family,))), theme) for family in diagram.families]
    samples += [_stroke(way, theme) for way in diagram.ways if way in _STROKES]
    count = len(samples)
    across = max(count if count <= 4 or diagram.direction == "LR" else (count + 1) // 2, 1)
    rows = []
    for start in range(0, count, across):
        some = "".join(samples[start : start + across])
        rows.append(_row(_centred(_table([f"<TR>{some}</TR>"], spacing=2, padding=1))))
    rows += [_row(_small(line, theme)) for line in diagram.caption]
    return _table(rows, spacing=1) if rows else ""


def _stroke(way: EdgeKind, theme: Theme) -> str:
    """Return the sample of an edge: a bar, or pieces of one."""
    words, colour, pieces, height = _STROKES[way]
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


def _chip(chip: Chip, paint: Paint) -> str:
    text = f'<FONT POINT-SIZE="7.5" COLOR="{paint.ink}">{_escaped(cut(clean(chip.text), _LINE))}</FONT>'
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
    """Return an empty cell: spaces at an end are dropped by browsers, and `&#160;` is measured too wide."""
    return f'<TD WIDTH="{width}"></TD>' if width else ""


def _escaped(text: str) -> str:
    r"""Return a text as HTML-like labels want it; they would put the name of a node for `\N`."""
    return escape(text).replace("\\", r"\\")


def _html(parts: list[str]) -> str:
    return "<BR/>".join(map(_escaped, parts))


def _width(text: str) -> int:
    """Return about how many points a bold title takes, rather more than less."""
    return int(sum(_TITLE_SIZE * _WIDTHS.get(char, 0.72 if char.isupper() else 0.62) for char in text)) + 1


def _small(text: str, theme: Theme) -> str:
    return _text(text, theme.small, 8)


def _text(text: str, colour: str, size: float) -> str:
    return f'<FONT POINT-SIZE="{size:g}" COLOR="{colour}">{_escaped(clean(text))}</FONT>'


def _colours(paint: Paint) -> str:
    return f'BGCOLOR="{paint.fill}" COLOR="{paint.stroke}"'


def _table(rows: list[str], *, spacing: int, padding: int = 0, frame: str = 'BORDER="0"') -> str:
    return f'<TABLE {frame} CELLBORDER="0" CELLSPACING="{spacing}" CELLPADDING="{padding}">{"".join(rows)}</TABLE>'
