"""Straightens edges between aligned boxes of a placed drawing; Graphviz bends them around their own labels."""

from itertools import chain, pairwise

from archdsl.diagram.layout.placed import SECOND, Area, Places, around, line_of
from archdsl.diagram.spec import Box, Diagram, Edge, EdgeKind, Form
from archdsl.diagram.text import edge_label_width

# Points. The bend that is tolerated, the gap between a line and its label, half the height of a label, the clearance
# around other parts, and the length of an arrowhead.
_BEND = 1.0
_BESIDE = 2.0
_LINE = 6.0
_AIR = 2.0
_HEAD = 6.5

_Room = list[Area]


def straightened(diagram: Diagram, places: Places) -> Places:
    """Return the places with straight edges between aligned boxes, where no other part is in the way."""
    known = {box.id: box for box in diagram.boxes}
    areas = {id: _area(box, places[id]) for id, box in known.items() if {"pos", "width", "height"} <= places[id].keys()}
    drawn = [edge for edge in diagram.edges if "pos" in places.get(edge.id, {})]
    rooms = {edge.id: _room(edge, places[edge.id]) for edge in drawn}
    found = dict(places)
    for edge in drawn:
        if edge.kind is not EdgeKind.DATA or not {edge.source, edge.target} <= areas.keys():
            continue
        if edge.segment is not None and known[edge.target].form is Form.BAR:
            continue
        made = _straight(edge, places[edge.id], areas[edge.source], areas[edge.target])
        if made and _is_free(edge, made, drawn, areas, rooms):
            found[edge.id] = places[edge.id] | made
            rooms[edge.id] = _room(edge, made)
    return found


def _area(box: Box, place: dict[str, str]) -> Area:
    x, y = map(float, place["pos"].split(","))
    second = SECOND if box.form is Form.BLOCK or box.count > 1 else 0
    across, down = (36 * float(place[side]) + second for side in ("width", "height"))
    return x - across, y - down, x + across, y + down


def _straight(edge: Edge, place: dict[str, str], source: Area, target: Area) -> dict[str, str] | None:
    """Return the straight line from a box to the box below it; None if they are not aligned or the edge is straight."""
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
        made["lp"] = f"{x + _BESIDE + edge_label_width(edge.label) / 2:.2f},{height}"
    return made


def _is_free(
    edge: Edge, made: dict[str, str], edges: list[Edge], areas: dict[str, Area], rooms: dict[str, _Room]
) -> bool:
    """Return whether an edge and its label overlap no box and no other edge, except edges with a common end."""
    boxes = [area for id, area in areas.items() if id not in (edge.source, edge.target)]
    others = [other for other in edges if other.id != edge.id]
    apart = [other for other in others if edge.source != other.source and edge.target != other.target]
    line, label = around(line_of(made["pos"])), _label(edge, made)
    beside = chain(boxes, *(rooms[other.id] for other in apart))
    around_label = chain(boxes, *(rooms[other.id] for other in others)) if label else ()
    return not any(_meet(line, area) for area in beside) and not any(_meet(label[0], area) for area in around_label)


def _room(edge: Edge, place: dict[str, str]) -> _Room:
    """Return the areas of an edge, piece by piece, and of its label."""
    first, *others = line_of(place["pos"])
    # `line_of` yields the tip of the arrowhead first.
    line = [*others, first] if place["pos"].startswith("e,") else [first, *others]
    return [*map(around, pairwise(line)), *_label(edge, place)]


def _label(edge: Edge, place: dict[str, str]) -> _Room:
    if "lp" not in place:
        return []
    x, y = map(float, place["lp"].split(","))
    across = edge_label_width(edge.label) / 2
    return [(x - across, y - _LINE, x + across, y + _LINE)]


def _meet(one: Area, other: Area) -> bool:
    return (
        one[0] < other[2] + _AIR and other[0] < one[2] + _AIR and one[1] < other[3] + _AIR and other[1] < one[3] + _AIR
    )
