"""Edges between boxes that stand in one line, in a drawing whose places are known: straight, the label at the side."""

from itertools import pairwise, product

from archdsl.diagram.labels import label_width
from archdsl.diagram.placed import Places
from archdsl.diagram.spec import Box, Diagram, Edge, Form, Way
from archdsl.diagram.titles import line_of

# Points: how far a line may bend, between it and its label, around what it passes, what its head takes, and half of the
# height of a label.
_BEND = 1.0
_BESIDE = 2.0
_LINE = 6.0
_AIR = 2.0
_HEAD = 6.5
# The second frame of a box is not part of the size that Graphviz tells.
_SECOND = 4.0

# Left, low, right, high.
_Area = tuple[float, float, float, float]


def straightened(diagram: Diagram, places: Places) -> Places:
    """Return places in which edges between boxes in one line do not swerve around their own labels."""
    known = {box.id: box for box in diagram.boxes}
    areas = {id: _area(box, places[id]) for id, box in known.items() if {"pos", "width", "height"} <= places[id].keys()}
    found = dict(places)
    for edge in diagram.edges:
        place = places.get(edge.id, {})
        if edge.kind is not Way.DATA or not {edge.source, edge.target} <= areas.keys() or "pos" not in place:
            continue
        if edge.segment is not None and known[edge.target].form is Form.BAR:
            continue
        made = _straight(edge, place, areas[edge.source], areas[edge.target])
        if made and _is_free(edge, made, diagram, areas, found):
            found[edge.id] = place | made
    return found


def _area(box: Box, place: dict[str, str]) -> _Area:
    x, y = map(float, place["pos"].split(","))
    second = _SECOND if box.form is Form.BLOCK or box.count > 1 else 0.0
    across, down = (36 * float(place[side]) + second for side in ("width", "height"))
    return x - across, y - down, x + across, y + down


def _straight(edge: Edge, place: dict[str, str], source: _Area, target: _Area) -> dict[str, str] | None:
    """Return where an edge goes from a box to one below it; None if they are not in line, or it is straight."""
    x = (source[0] + source[2]) / 2
    bent = max((abs(point - x) for point, _ in line_of(place["pos"])), default=0.0)
    start, end = source[1], target[3]
    if abs(x - (target[0] + target[2]) / 2) > _BEND or bent <= _BEND or start - end < 2 * _HEAD:
        return None
    head = f"e,{x:.2f},{end:.2f} " if place["pos"].startswith("e,") else ""
    base = end + _HEAD if head else end
    heights = (start + (base - start) * part / 3 for part in range(4))
    made = {"pos": head + " ".join(f"{x:.2f},{height:.2f}" for height in heights)}
    if "lp" in place:
        height = place["lp"].partition(",")[2]
        made["lp"] = f"{x + _BESIDE + label_width(edge.label) / 2:.2f},{height}"
    return made


def _is_free(edge: Edge, made: dict[str, str], diagram: Diagram, areas: dict[str, _Area], places: Places) -> bool:
    """Whether an edge and its label meet neither boxes nor other edges; edges with a common end meet there."""
    line, label = _line(made), _label(edge, made)
    boxes = [area for id, area in areas.items() if id not in (edge.source, edge.target)]
    lines, labels = [], []
    for other in diagram.edges:
        place = places.get(other.id, {})
        if other.id == edge.id or "pos" not in place:
            continue
        labels += [*_line(place), *_label(other, place)]
        if edge.source != other.source and edge.target != other.target:
            lines += [*_line(place), *_label(other, place)]
    pairs = (*product(line, [*boxes, *lines]), *product(label, [*boxes, *labels]))
    return not any(_meet(*pair) for pair in pairs)


def _line(place: dict[str, str]) -> list[_Area]:
    first, *others = line_of(place["pos"])
    # What has a head begins with its tip.
    pairs = pairwise([*others, first] if place["pos"].startswith("e,") else [first, *others])
    return [(min(x, right), min(y, high), max(x, right), max(y, high)) for (x, y), (right, high) in pairs]


def _label(edge: Edge, place: dict[str, str]) -> list[_Area]:
    if "lp" not in place:
        return []
    x, y = map(float, place["lp"].split(","))
    across = label_width(edge.label) / 2
    return [(x - across, y - _LINE, x + across, y + _LINE)]


def _meet(one: _Area, other: _Area) -> bool:
    return (
        one[0] < other[2] + _AIR and other[0] < one[2] + _AIR and one[1] < other[3] + _AIR and other[1] < one[3] + _AIR
    )
