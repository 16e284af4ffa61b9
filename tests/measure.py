"""Measures drawings as they are: what is where in an SVG, and what is wrong with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import TypeAlias
from xml.etree import ElementTree

from archdsl.diagram import Diagram
from archdsl.diagram.render.engines import draw
from archdsl.diagram.spec import Cluster, Member

_SVG = "{http://www.w3.org/2000/svg}"
_NUMBER = re.compile(r"-?\d+\.?\d*(?:e-?\d+)?")
# Thousandths of the size of the type that Arial's letters take.
_WIDE = {
    **dict.fromkeys("ijl'|", 222), **dict.fromkeys("ft .,:;/!I[]·\xa0", 278), **dict.fromkeys("r()-", 333),
    **dict.fromkeys("ckscvxyzJ", 500), **dict.fromkeys("+=×<>", 584), **dict.fromkeys("FTZ", 611),
    **dict.fromkeys("ABEKPSVXY", 667), **dict.fromkeys("wCDHNRU", 722), **dict.fromkeys("GOQ", 778),
    **dict.fromkeys("mM", 833), "W": 944, "%": 889, "→": 1000, "…": 1000,
}  # fmt: skip

Area: TypeAlias = tuple[float, float, float, float]
Point: TypeAlias = tuple[float, float]


def width(text: str, size: float, *, bold: bool) -> float:
    """Return how wide Arial sets a text."""
    return sum(_WIDE.get(char, 556) for char in text) * size / 1000 * (1.06 if bold else 1.0)


@dataclass(frozen=True)
class Text:
    text: str
    area: Area


@dataclass(frozen=True)
class Part:
    id: str
    kind: str
    area: Area
    texts: tuple[Text, ...] = ()
    line: tuple[Point, ...] = ()


@dataclass
class Picture:
    size: tuple[float, float] = (0, 0)
    boxes: list[Part] = field(default_factory=list)
    frames: list[Part] = field(default_factory=list)
    edges: list[Part] = field(default_factory=list)
    loose: list[Text] = field(default_factory=list)


def measured(drawing: Diagram, engine: str | None = None) -> tuple[Picture, list[str]]:
    """Return a drawing as it is, and what is wrong with it; no edge may go against the direction of the stream."""
    found = picture(draw(drawing, "svg", engine=engine))
    ends = {edge.id: {edge.source, edge.target} for edge in drawing.edges}
    frames = _frames_around(drawing.members)
    wrong = [*faults(found, frames, ends), *_loose_arcs(found, frames, ends)]
    return found, [*wrong, *(f"edge {id} goes back" for id in backward(found, across=drawing.direction == "LR"))]


def _loose_arcs(found: Picture, frames: dict[str, str], ends: dict[str, set[str]]) -> Iterator[str]:
    """Yield the shortcuts that leave a frame in which they begin and end."""
    for edge in found.edges:
        for frame in found.frames if "skip" in edge.kind else ():
            inside = all(_inside(end, frame.id, frames) for end in ends[edge.id])
            if inside and not within(edge.area, frame.area):
                yield f"the shortcut {edge.id} leaves {frame.id}"


def _frames_around(members: tuple[Member, ...], around: str | None = None) -> dict[str, str]:
    found: dict[str, str] = {}
    for member in members:
        found |= {member.id: around} if around else {}
        found |= _frames_around(member.members, member.id) if isinstance(member, Cluster) else {}
    return found


def picture(svg: bytes) -> Picture:
    root = ElementTree.fromstring(svg)
    _, _, across, down = map(float, root.get("viewBox", "").split())
    found = Picture((across, down))
    whole = next(group for group in root.iter(f"{_SVG}g") if (group.get("class") or "").startswith("graph"))
    found.loose = [text for text in _texts(whole, deep=False)]
    for group in whole.iter(f"{_SVG}g"):
        kind = group.get("class") or ""
        if kind.startswith("node"):
            found.boxes.append(Part(str(group.get("id")), kind, _outline(group), tuple(_texts(group))))
        elif kind.startswith("cluster"):
            found.frames.append(Part(str(group.get("id")), kind, _outline(group), tuple(_texts(group))))
        elif kind.startswith("edge"):
            line = tuple(_curve(group))
            found.edges.append(Part(str(group.get("id")), kind, _around(line), tuple(_texts(group)), line))
    return found


def _texts(group: ElementTree.Element, *, deep: bool = True) -> Iterator[Text]:
    for element in group.iter(f"{_SVG}text") if deep else group.findall(f"{_SVG}text"):
        text = (element.text or "").strip()
        size = float(element.get("font-size", "11").removesuffix("px"))
        wide = width(text, size, bold=element.get("font-weight") == "bold")
        x, y = float(element.get("x", "0")), float(element.get("y", "0"))
        left = x - wide * {"start": 0, "middle": 0.5, "end": 1}[element.get("text-anchor", "start")]
        if text:
            yield Text(text, (left, y - 0.72 * size, left + wide, y + 0.2 * size))


def _outline(group: ElementTree.Element) -> Area:
    """Return the area of the outermost outline of a group."""
    areas = []
    for part in group.iter():
        if part.tag == f"{_SVG}ellipse":
            x, y, a, b = (float(part.get(name, "0")) for name in ("cx", "cy", "rx", "ry"))
            areas.append((x - a, y - b, x + a, y + b))
        elif part.tag in (f"{_SVG}path", f"{_SVG}polygon"):
            numbers = [float(each) for each in _NUMBER.findall(part.get("d") or part.get("points") or "")]
            areas.append(_around(list(zip(numbers[::2], numbers[1::2], strict=True))))
    lows, highs = zip(*((area[:2], area[2:]) for area in areas), strict=True)
    return (*map(min, zip(*lows, strict=True)), *map(max, zip(*highs, strict=True)))  # type: ignore[return-value]


def _around(points: "list[Point] | tuple[Point, ...]") -> Area:
    across, down = zip(*points, strict=True)
    return min(across), min(down), max(across), max(down)


def _curve(group: ElementTree.Element) -> Iterator[Point]:
    """Yield points along the curves of an edge."""
    path = next(part for part in group.iter(f"{_SVG}path"))
    numbers = [float(each) for each in _NUMBER.findall(path.get("d", ""))]
    points = list(zip(numbers[::2], numbers[1::2], strict=True))
    for start in range(0, len(points) - 1, 3):
        a, b, c, d = points[start : start + 4]
        for step in range(13):
            t = step / 12
            u = 1 - t
            weights = (u**3, 3 * u * u * t, 3 * u * t * t, t**3)
            x, y = (sum(w * p[i] for w, p in zip(weights, (a, b, c, d), strict=True)) for i in (0, 1))
            yield x, y


def meet(one: Area, other: Area, *, by: float = 0.0) -> bool:
    """Whether two areas overlap by more than so many points."""
    return one[0] + by < other[2] and other[0] + by < one[2] and one[1] + by < other[3] and other[1] + by < one[3]


def within(one: Area, other: Area, *, by: float = 0.0) -> bool:
    """Whether an area is inside another, give or take so many points."""
    return one[0] >= other[0] - by and one[1] >= other[1] - by and one[2] <= other[2] + by and one[3] <= other[3] + by


def faults(found: Picture, frames: dict[str, str], ends: dict[str, set[str]]) -> list[str]:
    """Return what is wrong: `frames` are the frames around boxes and frames, `ends` the boxes at the ends of edges."""
    return [*_in_boxes(found), *_in_frames(found, frames), *_of_edges(found, ends)]


def _in_boxes(found: Picture) -> Iterator[str]:
    for one, other in combinations(found.boxes, 2):
        if meet(one.area, other.area):
            yield f"boxes overlap: {one.id} {other.id}"
    for part in found.boxes:
        yield from (f"text leaves its box: {t.text} in {part.id}" for t in part.texts if not within(t.area, part.area))
        for a, b in combinations(part.texts, 2):
            if meet(a.area, b.area, by=0.5):
                yield f"texts overlap in {part.id}: {a.text} {b.text}"


def _in_frames(found: Picture, frames: dict[str, str]) -> Iterator[str]:
    areas = {part.id: part.area for part in (*found.boxes, *found.frames)}
    yield from (
        f"{one} leaves {other}" for one, other in frames.items() if not within(areas[one], areas[other], by=0.5)
    )
    for one, other in combinations(found.frames, 2):
        related = _inside(one.id, other.id, frames) or _inside(other.id, one.id, frames)
        if not related and meet(one.area, other.area):
            yield f"frames overlap: {one.id} {other.id}"
    for frame in found.frames:
        for text in frame.texts:
            yield from (f"box on the title of {frame.id}: {b.id}" for b in found.boxes if meet(text.area, b.area))
            if not within(text.area, frame.area, by=0.5):
                yield f"title leaves its frame: {frame.id}"


def _of_edges(found: Picture, ends: dict[str, set[str]]) -> Iterator[str]:
    titles = [(frame.id, text) for frame in found.frames for text in frame.texts]
    labels = [(edge.id, text) for edge in found.edges for text in edge.texts]
    for edge in found.edges:
        others = [("title", *title) for title in titles] + [("label", *each) for each in labels if each[0] != edge.id]
        for kind, name, text in others:
            if any(_hits(point, text.area) for point in edge.line):
                yield f"edge {edge.id} crosses the {kind} of {name}"
        for box in found.boxes:
            inner = (box.area[0] + 2, box.area[1] + 2, box.area[2] - 2, box.area[3] - 2)
            if box.id not in ends[edge.id] and any(_hits(point, inner) for point in edge.line):
                yield f"edge {edge.id} goes through {box.id}"
    for name, text in labels:
        yield from (f"label of {name} on {b.id}" for b in found.boxes if meet(text.area, b.area, by=1))


def crossings(found: Picture) -> list[tuple[str, str]]:
    """Return the pairs of edges that cross, but where they begin or end together."""
    pairs = []
    for one, other in combinations(found.edges, 2):
        if meet(one.area, other.area) and any(
            _cross(a, b, c, d)
            for a, b in zip(one.line, one.line[1:], strict=False)
            for c, d in zip(other.line, other.line[1:], strict=False)
        ):
            pairs.append((one.id, other.id))
    return pairs


def backward(found: Picture, *, across: bool = False) -> list[str]:
    """Return the edges that end no further along the stream, down or to the right, than they begin."""
    axis = 0 if across else 1
    return [edge.id for edge in found.edges if edge.line[-1][axis] <= edge.line[0][axis]]


def _inside(inner: str, frame: str, frames: dict[str, str]) -> bool:
    while inner in frames:
        inner = frames[inner]
        if inner == frame:
            return True
    return False


def _hits(point: Point, area: Area) -> bool:
    return area[0] < point[0] < area[2] and area[1] < point[1] < area[3]


def _cross(a: Point, b: Point, c: Point, d: Point) -> bool:
    def side(p: Point, q: Point, r: Point) -> float:
        return (q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0])

    return side(a, b, c) * side(a, b, d) < -1e-6 and side(c, d, a) * side(c, d, b) < -1e-6
