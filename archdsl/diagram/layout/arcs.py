"""Enlarges the frames of a placed drawing around the shortcuts inside them, which Graphviz ignores."""

from collections.abc import Iterator

from archdsl.diagram.layout.placed import Area, Places, around, line_of
from archdsl.diagram.spec import Cluster, Diagram, Edge, EdgeKind, Member

# Points between an arc and the frame around it, and between a frame and the one around that.
_AIR = 8


def widened(diagram: Diagram, places: Places) -> Places:
    """Return the places with frames that contain their shortcuts."""
    arcs = [edge for edge in diagram.edges if edge.kind in (EdgeKind.SKIP, EdgeKind.PROJECTION)]
    found = dict(places)
    for member in diagram.members:
        for id, area in _widened(member, arcs, places):
            corners = ",".join(f"{value:.2f}" for value in area)
            found[id] = found[id] | {"bb": corners}
    return found


def _widened(member: Member, arcs: list[Edge], places: Places) -> Iterator[tuple[str, Area]]:
    """Yield the frames that have to grow, with their new areas: those inside a member first, then the member itself."""
    if not isinstance(member, Cluster) or "bb" not in places.get(member.id, {}):
        return
    inner = {box.id for box in member.boxes()}
    own = [edge for edge in arcs if {edge.source, edge.target} <= inner]
    if not own:
        return
    areas = [around(line_of(places[edge.id]["pos"])) for edge in own if "pos" in places.get(edge.id, {})]
    for each in member.members:
        for id, area in _widened(each, own, places):
            areas.append(area)
            yield id, area
    left, low, right, high = map(float, places[member.id]["bb"].split(","))
    grown = (
        min(left, *(area[0] - _AIR for area in areas)), min(low, *(area[1] - _AIR for area in areas)),
        max(right, *(area[2] + _AIR for area in areas)), max(high, *(area[3] + _AIR for area in areas)),
    )  # fmt: skip
    if grown != (left, low, right, high):
        yield member.id, grown
