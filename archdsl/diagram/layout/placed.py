"""Columns that Graphviz laid out one by one, put side by side, and drawings that are mirrored: places of all parts."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from archdsl.diagram.spec import Diagram, Style, boxes

_APART = 26.0
_PAIR = re.compile(r"(-?[\d.]+(?:e[+-]?\d+)?),(-?[\d.]+(?:e[+-]?\d+)?)")
# What an engine says of where a part is, and what of that moves along.
_PLACED = ("pos", "bb", "lp", "xlp", "width", "height", "lwidth", "lheight", "labeljust")
_OTHER_SIDE = {"l": "r", "r": "l"}
_MOVING = ("pos", "lp", "xlp")
# Points that a second frame adds on each side.
SECOND = 4
# What an edge goes through, and so many points along each of its curves.
_THROUGH = re.compile(r"([es],)?(-?[\d.]+),(-?[\d.]+)")
_STEPS = 12

# The attributes of parts that say where they are, by their ids.
Places = dict[str, dict[str, str]]
Point = tuple[float, float]
# Left, low, right, high.
Area = tuple[float, float, float, float]


class NotPlaced(Exception):
    """What an engine gave has no places."""


@dataclass(frozen=True, slots=True)
class _Move:
    """How a piece moves: to the right and up, after it was turned over along an axis if that has a factor of -1."""

    right: float
    up: float
    across: int = 1
    along: int = 1

    def of(self, text: str) -> str:
        """Return places, which may be those along an edge."""
        return _PAIR.sub(self._pair, text)

    def of_corners(self, text: str) -> str:
        """Return a frame, its lower left corner first."""
        corners = [tuple(map(float, pair)) for pair in _PAIR.findall(self.of(text))]
        return ",".join(f"{value:.2f}" for corner in (map(min, *corners), map(max, *corners)) for value in corner)

    def _pair(self, found: re.Match[str]) -> str:
        x, y = (float(number) for number in found.groups())
        return f"{self.across * x + self.right:.2f},{self.along * y + self.up:.2f}"


def pieces(diagram: Diagram) -> tuple[Diagram, ...]:
    """Return the columns of a drawing as drawings of their own, without a legend."""
    ends = (*diagram.starts, len(diagram.members)) if diagram.starts else (0, len(diagram.members))
    made = []
    for first, last in pairwise(ends):
        members = diagram.members[first:last]
        inside = {box.id for box in boxes(members)}
        edges = tuple(edge for edge in diagram.edges if edge.source in inside)
        edges = edges[::-1] if diagram.mirrored else edges
        made.append(replace(diagram, members=members, edges=edges, families=(), ways=(), caption=(), doc="", starts=()))
    return tuple(made)


def places(diagram: Diagram, laid_out: Sequence[bytes]) -> Places:
    """Return where everything in a drawing is, from what an engine says in JSON of its pieces."""
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
    """Whether lanes stand from left to right in the order of the devices, if they stand side by side."""
    frames = [places[each.id]["bb"] for each in diagram.clusters if each.style is Style.DEVICE]
    lefts = [float(frame.split(",")[0]) for frame in frames] if diagram.direction == "TB" else []
    return lefts == sorted(lefts)


def _moved(whole: Any, move: _Move) -> Iterator[tuple[str, dict[str, str]]]:
    for part in (*whole.get("objects", ()), *whole.get("edges", ())):
        if not {"pos", "bb"} & part.keys():
            # A row of boxes that stand side by side; it goes by the id of the frame around.
            continue
        known = {name: part[name] for name in _PLACED if name in part}
        if part.get("peripheries") == "2":
            # The outer frame is drawn anew.
            known |= {name: f"{float(part[name]) - SECOND / 36:.5f}" for name in ("width", "height")}
        if "bb" in known:
            known["bb"] = move.of_corners(known["bb"])
            side = known.get("labeljust", "l")
            known["labeljust"] = _OTHER_SIDE[side] if move.across < 0 else side
        yield part["id"], {name: move.of(text) if name in _MOVING else text for name, text in known.items()}


def line_of(pos: str) -> Iterator[Point]:
    """Yield points along an edge of which Graphviz gives the position, and its ends at heads."""
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
    """Return the area that points take."""
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)
