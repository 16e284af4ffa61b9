"""The kinds of edges: main stream, shortcut, training only or transfer between devices."""

from collections import defaultdict
from collections.abc import Mapping

from archdsl.diagram.model.box_ownership import BoxOwnership, Wire
from archdsl.diagram.spec import Box, EdgeKind, Form


def edge_kinds(wires: list[Wire], boxes: Mapping[str, Box], ownership: BoxOwnership) -> dict[Wire, EdgeKind]:
    """Return the kind of each wire: a wire is a shortcut if another path leads from its source to its target."""
    before: dict[str, list[str]] = defaultdict(list)
    for wire in wires:
        before[wire.target].append(wire.source)
    places = _places(before, boxes)
    return {wire: _kind(wire, before, places, boxes, ownership) for wire in wires}


def _kind(
    wire: Wire,
    before: Mapping[str, list[str]],
    places: Mapping[str, int],
    boxes: Mapping[str, Box],
    ownership: BoxOwnership,
) -> EdgeKind:
    devices = {ownership.devices.get(box) for box in (wire.source, wire.target)}
    if len(devices) == 2 and None not in devices:
        return EdgeKind.CROSSING
    if {wire.source, wire.target} & ownership.projections:
        return EdgeKind.PROJECTION
    source, target = boxes[wire.source], boxes[wire.target]
    if target.training and (not source.training or target.form in (Form.TERMINAL, Form.STUB)):
        return EdgeKind.AUXILIARY
    others = [source for source in before[wire.target] if source != wire.source]
    return EdgeKind.SKIP if others and _leads(wire.source, others, before, places) else EdgeKind.DATA


def _leads(source: str, targets: list[str], before: Mapping[str, list[str]], places: Mapping[str, int]) -> bool:
    """Return whether a path leads from a box to one of the targets."""
    seen: set[str] = set()
    waiting = [target for target in targets if places[target] > places[source]]
    while waiting:
        box = waiting.pop()
        if box == source:
            return True
        for each in before[box]:
            if each not in seen and places[each] >= places[source]:
                seen.add(each)
                waiting.append(each)
    return False


def _places(before: Mapping[str, list[str]], boxes: Mapping[str, Box]) -> dict[str, int]:
    """Return positions of boxes in a topological order."""
    places: dict[str, int] = {}
    for box in boxes:
        waiting = [(box, iter(before[box]))]
        entered = {box}
        while waiting and box not in places:
            top, sources = waiting[-1]
            following = next((each for each in sources if each not in places and each not in entered), None)
            if following is None:
                places.setdefault(top, len(places))
                waiting.pop()
            else:
                entered.add(following)
                waiting.append((following, iter(before[following])))
    return places
