"""Moves the titles of frames in a placed drawing to the side where fewer edges cross them."""

from collections import defaultdict

from archdsl.diagram.layout.placed import Places, line_of
from archdsl.diagram.spec import Cluster, Diagram, framed_boxes
from archdsl.diagram.text import room_beside

# Points between a frame and its title, and between a title and an edge.
_INSET = 8
_AIR = 3


def titled(diagram: Diagram, places: Places) -> Places:
    """Return the places with titles to the left or right, as `labeljust` says, away from edges."""
    entering = _entering(diagram)
    found = dict(places)
    for cluster in diagram.clusters:
        place = places.get(cluster.id, {})
        if {"bb", "lp", "lwidth", "lheight"} <= place.keys():
            found[cluster.id] = place | _title(cluster, place, [places[edge] for edge in entering[cluster.id]])
    return found


def _title(cluster: Cluster, place: dict[str, str], edges: list[dict[str, str]]) -> dict[str, str]:
    left, _, right, _ = map(float, place["bb"].split(","))
    height = float(place["lp"].partition(",")[2])
    width = 72 * float(place["lwidth"]) - room_beside(cluster)
    sides = {"l": left + _INSET + width / 2, "r": right - _INSET - width / 2}
    lines = [list(line_of(edge["pos"])) for edge in edges if "pos" in edge]

    def crossed(middle: float) -> int:
        across, down = width / 2 + _AIR, 36 * float(place["lheight"]) + _AIR
        return sum(any(abs(x - middle) < across and abs(y - height) < down for x, y in line) for line in lines)

    best = min(sides, key=lambda side: (crossed(sides[side]), side != place["labeljust"]))
    return {"lp": f"{sides[best]:.2f},{height:.2f}", "labeljust": best, "lwidth": f"{width / 72:.2f}"}


def _entering(diagram: Diagram) -> dict[str, list[str]]:
    """Return the ids of the edges that enter each frame."""
    around = {box.id: frames for box, frames in framed_boxes(diagram.members)}
    found: dict[str, list[str]] = defaultdict(list)
    for edge in diagram.edges:
        for frame in set(around[edge.target]) - set(around[edge.source]):
            found[frame].append(edge.id)
    return found
