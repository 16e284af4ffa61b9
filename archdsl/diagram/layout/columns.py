"""Long drawings in columns: cut where a single tensor passes, with a letter at the foot and at the next head."""

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from string import ascii_uppercase

from archdsl.diagram.render.labels import width
from archdsl.diagram.spec import Box, Cluster, Diagram, Direction, Edge, EdgeKind, Form, Member, Style, boxes

# Points: of a page of 9 inches when small type of 8 points may shrink to 6, and what boxes and gaps take.
_PAGE = {"TB": 860, "LR": 1000}
# What a page holds in type that may shrink so far, with some room for what is only about right here.
_WIDEST = 860
_LONGEST = 1050
_BROADEST = 1300
_LINE = 12
_BOX = 24
_GAP = 22
_FRAME = 34
_TOLERANCE = 0.45
_MOST = {"TB": 4, "LR": 6}


@dataclass(frozen=True, slots=True)
class _Cut:
    """An edge between two columns; `place` is the first box after it, `height` how far down the first column it is."""

    edge: Edge
    place: int
    height: int


def in_columns(diagram: Diagram, columns: int | None = None) -> Diagram:
    """Return a drawing in so many columns at most, as many as it needs to fit a page if None."""
    order = _order(diagram)
    heights = _heights(diagram, order)
    total = max(heights.values(), default=0)
    wanted = columns or min(-(-total // _PAGE[diagram.direction]), _MOST[diagram.direction])
    cuts = _chosen(_cuts(diagram, order, heights), wanted, total)
    return _parted(diagram, order, cuts) if cuts else diagram


def fits(diagram: Diagram) -> bool:
    """Whether a drawing, in its columns, can be read on a page: 6.75 by 9 inches with type of 6 points or more."""
    ends = (*diagram.starts, len(diagram.members)) if diagram.starts else (0, len(diagram.members))
    along = across = 0
    for first, last in pairwise(ends):
        members = diagram.members[first:last]
        inside = {box.id for box in boxes(members)}
        edges = tuple(edge for edge in diagram.edges if edge.source in inside)
        column = replace(diagram, members=members, edges=edges, starts=())
        feet = _heights(column, _order(column))
        along = max(along, *feet.values())
        across += _across(column, feet) + _GAP
    longest = {"TB": (_LONGEST, _WIDEST), "LR": (_BROADEST, _WIDEST)}[diagram.direction]
    return along <= longest[0] and across <= longest[1]


def _across(diagram: Diagram, feet: dict[str, int]) -> int:
    """Return about how wide a drawing is across the stream: what is at one height stands side by side."""
    frames = _frames(diagram.members)
    tops = {box.id: feet[box.id] - _extent(box, diagram.direction) for box in diagram.boxes}
    other: Direction = "LR" if diagram.direction == "TB" else "TB"
    widest = 0
    for box in diagram.boxes:
        middle = (tops[box.id] + feet[box.id]) // 2
        beside = [each for each in diagram.boxes if tops[each.id] <= middle <= feet[each.id]]
        inside = {frame for each in beside for frame in frames[each.id]}
        widest = max(widest, sum(_extent(each, other) for each in beside) + _FRAME * len(inside))
    return widest


def _order(diagram: Diagram) -> list[str]:
    """Return boxes in the order of execution, what only the training computes right behind what it reads."""
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
    """Return about how far down the foot of each box is."""
    known = {box.id: box for box in diagram.boxes}
    frames = _frames(diagram.members)
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
    """Return about how many points a box takes along the stream."""
    if box.form in (Form.FORK, Form.CONNECTOR):
        return _LINE
    return _BOX + _LINE * len(box.lines) if direction == "TB" else width(box) + _GAP


def _frames(members: tuple[Member, ...], around: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for member in members:
        if isinstance(member, Box):
            found[member.id] = around
        else:
            found |= _frames(member.members, (*around, member.id))
    return found


def _cuts(diagram: Diagram, order: list[str], heights: dict[str, int]) -> list[_Cut]:
    """Return the places where one tensor alone goes on, and not within a block."""
    place = {box: number for number, box in enumerate(order)}
    known = {box.id: box for box in diagram.boxes}
    blocks = {cluster.id for cluster in diagram.clusters if cluster.style is not Style.STAGE}
    frames = _frames(diagram.members)
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
    """Return the cuts that are nearest to equal parts; one between frames is better than one within."""
    chosen: list[_Cut] = []
    for number in range(1, columns):
        goal = total * number // columns
        after = chosen[-1].place if chosen else 0
        rest = [cut for cut in cuts if cut.place > after]
        best = min(rest, key=lambda cut: abs(cut.height - goal), default=None)
        # A column of a box or two is not worth the break.
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
    return replace(diagram, members=tuple(members), edges=tuple(edges), starts=tuple(starts))


def _connector(number: int, where: str) -> Box:
    letter = ascii_uppercase[number]
    return Box(f"column-{letter}-{where}", Form.CONNECTOR, "io", letter, (), "the drawing goes on at the same letter",
               group="main")  # fmt: skip


def _within(members: tuple[Member, ...], column: dict[str, int], number: int) -> list[Member]:
    """Return the members of one column; a frame that goes on in the next one is there once more."""
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
            more = Cluster(f"{member.id}--{number - first + 1}", member.style, f"{member.title} …", "", member.tooltip,
                           tuple(inner), link=member.link)  # fmt: skip
            kept.append(more)
    return kept
