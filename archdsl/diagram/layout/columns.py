"""Splits long drawings into columns at edges that a single tensor crosses; lettered connectors mark both sides."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from string import ascii_uppercase

from archdsl.base.records import record
from archdsl.diagram.spec import (
    Box,
    Cluster,
    Diagram,
    Direction,
    Edge,
    EdgeKind,
    Form,
    Member,
    Style,
    boxes,
    framed_boxes,
)
from archdsl.diagram.text import box_width

# Points along a column, such that small type of 8 points shrinks to no less than 6 on a page of 9 inches.
_PAGE = {"TB": 860, "LR": 1000}
# Estimated points that still fit on a page, with a margin for the error of the estimate.
_WIDEST = 860
_LONGEST = 1050
_BROADEST = 1300
# Estimated points of a line of text, a box, the gap between boxes and the border of a frame.
_LINE = 12
_BOX = 24
_GAP = 22
_FRAME = 34
# The largest deviation of a cut from equal columns, as a fraction of a column.
_TOLERANCE = 0.45
_MOST = {"TB": 4, "LR": 6}


@record(frozen=True, slots=True)
class _Cut:
    """An edge between two columns: the position of its target in execution order, and its distance from the top."""

    edge: Edge
    place: int
    height: int


def in_columns(diagram: Diagram, columns: int | None = None) -> Diagram:
    """Split a drawing into at most `columns` columns; None uses as many as it needs to fit on a page."""
    if columns == 1:
        return diagram
    order = _order(diagram)
    heights = _heights(diagram, order)
    total = max(heights.values(), default=0)
    wanted = columns or min(-(-total // _PAGE[diagram.direction]), _MOST[diagram.direction])
    cuts = _chosen(_cuts(diagram, order, heights), wanted, total)
    return _parted(diagram, order, cuts) if cuts else diagram


def fits(diagram: Diagram) -> bool:
    """Return whether a drawing fits on a page of 6.75 by 9 inches with type of at least 6 points."""
    limits = {"TB": (_LONGEST, _WIDEST), "LR": (_BROADEST, _WIDEST)}
    longest, widest = limits[diagram.direction]
    across = 0
    for first, last in pairwise((*(diagram.column_starts or (0,)), len(diagram.members))):
        members = diagram.members[first:last]
        inside = {box.id for box in boxes(members)}
        edges = tuple(edge for edge in diagram.edges if edge.source in inside)
        column = replace(diagram, members=members, edges=edges, column_starts=())
        feet = _heights(column, _order(column))
        if max(feet.values(), default=0) > longest:
            return False
        across += _across(column, feet) + _GAP
    return across <= widest


def _across(diagram: Diagram, feet: dict[str, int]) -> int:
    """Estimate the extent of a drawing across its direction, from the boxes that are side by side."""
    frames = _frames(diagram)
    tops = {box.id: feet[box.id] - _extent(box, diagram.direction) for box in diagram.boxes}
    other: Direction = "LR" if diagram.direction == "TB" else "TB"
    widest = beside = 0
    # How many of the boxes beside each other are in each frame.
    inside: Counter[str] = Counter()
    beginning = sorted(diagram.boxes, key=lambda box: tops[box.id], reverse=True)
    ending = sorted(diagram.boxes, key=lambda box: feet[box.id], reverse=True)
    for middle in sorted({(tops[box.id] + feet[box.id]) // 2 for box in diagram.boxes}):
        while beginning and tops[beginning[-1].id] <= middle:
            box = beginning.pop()
            beside += _extent(box, other)
            inside.update(frames[box.id])
        while ending and feet[ending[-1].id] < middle:
            box = ending.pop()
            beside -= _extent(box, other)
            inside.subtract(frames[box.id])
            for frame in frames[box.id]:
                if not inside[frame]:
                    del inside[frame]
        widest = max(widest, beside + _FRAME * len(inside))
    return widest


def _order(diagram: Diagram) -> list[str]:
    """Return the ids of boxes in the order of execution; training-only boxes follow directly after their inputs."""
    main = [box.id for box in diagram.boxes if not box.training]
    aside: dict[str, list[str]] = defaultdict(list)
    training = {box.id for box in diagram.boxes if box.training}
    for edge in diagram.edges:
        if edge.target in training:
            aside[edge.source].append(edge.target)
    made: list[str] = []
    seen: set[str] = set()
    waiting = list(reversed(main))
    while waiting:
        box = waiting.pop()
        if box not in seen:
            seen.add(box)
            made.append(box)
            waiting += reversed(aside[box])
    return made + [box for box in training if box not in seen]


def _heights(diagram: Diagram, order: list[str]) -> dict[str, int]:
    """Estimate the distance from the beginning of the drawing to the end of each box."""
    known = {box.id: box for box in diagram.boxes}
    frames = _frames(diagram)
    into: dict[str, list[Edge]] = defaultdict(list)
    for edge in diagram.edges:
        into[edge.target].append(edge)
    feet: dict[str, int] = {}
    for box in order:
        top = 0
        for edge in into[box]:
            entered = len(set(frames[box]) - set(frames[edge.source]))
            top = max(top, feet.get(edge.source, 0) + _GAP + (_LINE if edge.label else 0) + entered * _FRAME)
        feet[box] = top + _extent(known[box], diagram.direction)
    return feet


def _extent(box: Box, direction: Direction) -> int:
    """Estimate the points that a box takes along a direction."""
    if box.form in (Form.FORK, Form.CONNECTOR):
        return _LINE
    return _BOX + _LINE * len(box.lines) if direction == "TB" else box_width(box) + _GAP


def _frames(diagram: Diagram) -> dict[str, tuple[str, ...]]:
    return {box.id: frames for box, frames in framed_boxes(diagram.members)}


def _cuts(diagram: Diagram, order: list[str], heights: dict[str, int]) -> list[_Cut]:
    """Return the edges outside blocks that are the only ones between the boxes before and after them."""
    place = {box: number for number, box in enumerate(order)}
    known = {box.id: box for box in diagram.boxes}
    blocks = {cluster.id for cluster in diagram.clusters if cluster.style is not Style.TOP_LEVEL}
    frames = _frames(diagram)
    open_edges = [0] * (len(order) + 1)
    for edge in diagram.edges:
        first, last = sorted((place[edge.source], place[edge.target]))
        open_edges[first + 1] += 1
        open_edges[last + 1] -= 1
    found, crossing = [], [0] * (len(order) + 1)
    for number in range(1, len(order) + 1):
        crossing[number] = crossing[number - 1] + open_edges[number]
    for edge in diagram.edges:
        after = place[edge.target]
        alone = crossing[after] == 1 and place[edge.source] < after and edge.kind is EdgeKind.DATA
        inside = set(frames[edge.source]) & set(frames[edge.target]) & blocks
        if alone and not inside and Form.TERMINAL not in (known[edge.source].form, known[edge.target].form):
            found.append(_Cut(edge, after, heights[edge.source]))
    return sorted(found, key=lambda cut: cut.place)


def _chosen(cuts: list[_Cut], columns: int, total: int) -> list[_Cut]:
    """Return the cuts that come nearest to columns of equal length."""
    chosen: list[_Cut] = []
    for number in range(1, columns):
        goal = total * number // columns
        after = chosen[-1].place if chosen else 0
        rest = [cut for cut in cuts if cut.place > after]
        best = min(rest, key=lambda cut: abs(cut.height - goal), default=None)
        # A cut far from its goal would make a column of one or two boxes.
        if best and abs(best.height - goal) < _TOLERANCE * total / columns:
            chosen.append(best)
    return chosen


def _parted(diagram: Diagram, order: list[str], cuts: list[_Cut]) -> Diagram:
    column: dict[str, int] = {}
    number = 0
    for place, box in enumerate(order):
        number += number < len(cuts) and cuts[number].place == place
        column[box] = number
    members: list[Member] = []
    edges = [edge for edge in diagram.edges if edge not in {cut.edge for cut in cuts}]
    starts = []
    for number in range(len(cuts) + 1):
        starts.append(len(members))
        if number:
            members.append(_connector(number - 1, "head"))
            cut = cuts[number - 1].edge
            edges.append(replace(cut, source=_connector(number - 1, "head").id, label=""))
        members += _within(diagram.members, column, number)
        if number < len(cuts):
            members.append(_connector(number, "foot"))
            edges.append(replace(cuts[number].edge, target=_connector(number, "foot").id, segment=None))
    return replace(diagram, members=tuple(members), edges=tuple(edges), column_starts=tuple(starts))


def _connector(number: int, where: str) -> Box:
    letter = ascii_uppercase[number]
    tooltip = "continues at the circle with the same letter"
    return Box(f"column-{letter}-{where}", Form.CONNECTOR, "io", letter, (), tooltip, group="main")


def _within(members: tuple[Member, ...], column: dict[str, int], number: int) -> list[Member]:
    """Return the members of one column; a frame that spans columns is repeated in each."""
    kept: list[Member] = []
    for member in members:
        if isinstance(member, Box):
            if column[member.id] == number:
                kept.append(member)
            continue
        inner = _within(member.members, column, number)
        first = min(column[box.id] for box in member.boxes())
        if inner and number == first:
            kept.append(replace(member, members=tuple(inner)))
        elif inner:
            more = Cluster(f"{member.id}--{number - first + 1}", member.style, f"{member.title} …", (), member.tooltip,
                           tuple(inner), link=member.link)  # fmt: skip
            kept.append(more)
    return kept
