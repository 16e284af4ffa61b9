"""Columns that Graphviz laid out one by one, side by side: their DOT with places, moved."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from archdsl.diagram.dot import to_dot
from archdsl.diagram.spec import Diagram, boxes
from archdsl.diagram.theme import Theme

_APART = 26.0
_PLACES = re.compile(r'\b((?:pos|bb|lp|xlp)=")([^"]*)"')
_PAIR = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?),(-?[\d.]+(?:e[+-]?\d+)?)")
_BOUNDS = re.compile(r'\bbb="([^"]+)"')
_DOUBLE = re.compile(
    r"\bheight=([\d.]+),((?:(?!\n\t*\]|\];).)*?\bperipheries=2,(?:(?!\];).)*?\b)width=([\d.]+)", re.DOTALL
)
# Inches that a second frame adds on both sides together.
_SECOND = 8 / 72
_WRAPPED = re.compile(r"\\\r?\n")


class NotPlaced(Exception):
    """What an engine gave is no DOT with places."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """The DOT of a column without its head, and its corners: left, low, right and high."""

    body: str
    corners: tuple[float, float, float, float]


def pieces(diagram: Diagram) -> tuple[Diagram, ...]:
    """Return the columns of a drawing as drawings of their own, without a legend."""
    ends = (*diagram.starts, len(diagram.members))
    made = []
    for first, last in pairwise(ends):
        members = diagram.members[first:last]
        inside = {box.id for box in boxes(members)}
        edges = tuple(edge for edge in diagram.edges if edge.source in inside)
        made.append(replace(diagram, members=members, edges=edges, families=(), ways=(), caption=(), doc="", starts=()))
    return tuple(made)


def side_by_side(diagram: Diagram, theme: Theme, laid_out: Sequence[bytes]) -> str:
    """Return the DOT of the whole drawing with a place for everything, from that of its columns."""
    parts = [_piece(text.decode("utf-8", "replace")) for text in laid_out]
    moved, along = [], 0.0
    for part in parts:
        left, low, right, high = part.corners
        if diagram.direction == "TB":
            moved.append(_moved(part.body, along - left, -high))
            along += right - left + _APART
        else:
            moved.append(_moved(part.body, -left, -along - high))
            along += high - low + _APART
    # The frame has the attributes of the whole, its legend and its defaults, and nothing else.
    head = to_dot(replace(diagram, members=(), edges=(), starts=()), theme).rstrip().removesuffix("}")
    return head + "\n".join(f"subgraph {{\n{body}\n}}" for body in moved) + "\n}\n"


def _piece(text: str) -> _Piece:
    text = _WRAPPED.sub("", text)
    start, end, bounds = text.find("{"), text.rfind("}"), _BOUNDS.search(text)
    if start < 0 or end < 0 or bounds is None:
        raise NotPlaced
    left, low, right, high = map(float, bounds.group(1).split(","))
    text = _DOUBLE.sub(_without_second_frame, text)
    start, end = text.find("{"), text.rfind("}")
    # The attributes of the whole are those of the frame.
    body = re.sub(r"\A\s*graph \[.*?\n\s*\];", "", text[start + 1 : end], count=1, flags=re.DOTALL)
    return _Piece(body, (left, low, right, high))


def _without_second_frame(found: re.Match[str]) -> str:
    """Return the attributes of a box with two frames with the size of its inner one: the outer one is drawn anew."""
    height, between, width = found.groups()
    return f"height={float(height) - _SECOND:.5f},{between}width={float(width) - _SECOND:.5f}"


def _moved(body: str, right: float, up: float) -> str:
    def placed(found: re.Match[str]) -> str:
        return f'{found.group(1)}{_PAIR.sub(pair, found.group(2))}"'

    def pair(found: re.Match[str]) -> str:
        x, y = (float(number) for number in found.groups())
        return f"{x + right:.2f},{y + up:.2f}"

    return _PLACES.sub(placed, body)
