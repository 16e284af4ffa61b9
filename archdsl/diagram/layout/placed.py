"""Places of boxes and edges: columns that Graphviz laid out one by one are put side by side, and mirrored if needed."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from archdsl.diagram.spec import Diagram, Style, boxes

# Points between columns.
_APART = 26.0
_PAIR = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?),(-?[\d.]+(?:e[+-]?\d+)?)")
# The attributes with positions and sizes, and those that move with their part.
_PLACED = ("pos", "bb", "lp", "xlp", "width", "height", "lwidth", "lheight", "labeljust")
_OTHER_SIDE = {"l": "r", "r": "l"}
_MOVING = ("pos", "lp", "xlp")
# Points that a second frame adds on each side.
SECOND = 4
# The control points of an edge, and the number of points sampled on each of its curves.
_THROUGH = re.compile(r"([es],)?(-?[\d.]+),(-?[\d.]+)")
_STEPS = 12

# Graphviz attributes with positions and sizes, by the id of the part.
Places = dict[str, dict[str, str]]
Point = tuple[float, float]
# Left, low, right, high.
Area = tuple[float, float, float, float]


class NotPlaced(Exception):
    """The output of an engine has no positions."""


@dataclass(frozen=True, slots=True)
class _Move:
    """A move of a column: scaled by `across` and `along` (-1 mirrors), then shifted by `right` and `up`."""

    right: float
    up: float
    across: int = 1
    along: int = 1

    def of(self, text: str) -> str:
        """Move all points in a text."""
        return _PAIR.sub(self._pair, text)

    def of_corners(self, text: str) -> str:
        """Move a frame; its lower left corner comes first."""
        corners = [tuple(map(float, pair)) for pair in _PAIR.findall(self.of(text))]
        return ",".join(f"{value:.2f}" for corner in (map(min, *corners), map(max, *corners)) for value in corner)

    def _pair(self, found: re.Match[str]) -> str:
        x, y = (float(number) for number in found.groups())
        return f"{self.across * x + self.right:.2f},{self.along * y + self.up:.2f}"


def column_diagrams(diagram: Diagram) -> tuple[Diagram, ...]:
    """Return each column of a drawing as a drawing of its own, without legend and caption."""
    made = []
    for first, last in pairwise((*(diagram.column_starts or (0,)), len(diagram.members))):
        members = diagram.members[first:last]
        inside = {box.id for box in boxes(members)}
        edges = tuple(edge for edge in diagram.edges if edge.source in inside)
        edges = edges[::-1] if diagram.mirrored else edges
        column = replace(diagram, members=members, edges=edges, column_starts=())
        made.append(replace(column, families=(), edge_kinds=(), caption=(), doc=""))
    return tuple(made)


def places(diagram: Diagram, laid_out: Sequence[bytes]) -> Places:
    """Return the places of all parts of a drawing.

    Args:
        diagram: The drawing.
        laid_out: For each column, the JSON that an engine wrote for its drawing from `column_diagrams`.

    Raises:
        NotPlaced: A text is no JSON with positions.
    """
    found: Places = {}
    along = 0.0
    for text in laid_out:
        try:
            whole = json.loads(text)
            left, low, right, high = map(float, whole["bb"].split(","))
        except (ValueError, KeyError, TypeError):
            raise NotPlaced from None
        if diagram.direction == "TB":
            move = _Move(along + right, -high, across=-1) if diagram.mirrored else _Move(along - left, -high)
            along += right - left + _APART
        else:
            move = _Move(-left, low - along, along=-1) if diagram.mirrored else _Move(-left, -along - high)
            along += high - low + _APART
        found |= _moved(whole, move)
    return found


def is_in_order(diagram: Diagram, places: Places) -> bool:
    """Return whether lanes that are side by side are in the order of the devices, from left to right."""
    frames = [places[each.id]["bb"] for each in diagram.clusters if each.style is Style.DEVICE]
    lefts = [float(frame.split(",")[0]) for frame in frames] if diagram.direction == "TB" else []
    return lefts == sorted(lefts)


def _moved(whole: Any, move: _Move) -> Iterator[tuple[str, dict[str, str]]]:
    for part in (*whole.get("objects", ()), *whole.get("edges", ())):
        if not {"pos", "bb"} & part.keys():
            # A subgraph for boxes of the same rank, which has the id of the frame around it.
            continue
        known = {name: part[name] for name in _PLACED if name in part}
        if part.get("peripheries") == "2":
            # The sizes include the outer frame, which the second run adds again.
            known |= {name: f"{float(part[name]) - SECOND / 36:.5f}" for name in ("width", "height")}
        if "bb" in known:
            known["bb"] = move.of_corners(known["bb"])
            side = known.get("labeljust", "l")
            known["labeljust"] = _OTHER_SIDE[side] if move.across < 0 else side
        yield part["id"], {name: move.of(text) if name in _MOVING else text for name, text in known.items()}


def line_of(pos: str) -> Iterator[Point]:
    """Yield the tips of an edge's arrowheads, then points along its curves, from a Graphviz `pos` attribute."""
    points = [(float(x), float(y)) for end, x, y in _THROUGH.findall(pos) if not end]
    yield from ((float(x), float(y)) for end, x, y in _THROUGH.findall(pos) if end)
    for start in range(0, len(points) - 3, 3):
        a, b, c, d = points[start : start + 4]
        for step in range(_STEPS + 1):
            t = step / _STEPS
            weights = ((1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t * t, t**3)
            x, y = (sum(w * p[axis] for w, p in zip(weights, (a, b, c, d), strict=True)) for axis in (0, 1))
            yield x, y


def around(points: Iterable[Point]) -> Area:
    """Return the bounding box of points."""
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)
