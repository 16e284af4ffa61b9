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
    leading: dict[str, set[str]] = {}
    return {wire: _kind(wire, before, places, leading, boxes, ownership) for wire in wires}


def _kind(
    wire: Wire,
    before: Mapping[str, list[str]],
    places: Mapping[str, int],
    leading: dict[str, set[str]],
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
    if wire.target not in leading:
        leading[wire.target] = _leading(set(before[wire.target]), before, places)
    return EdgeKind.SKIP if wire.source in leading[wire.target] else EdgeKind.DATA


def _leading(targets: set[str], before: Mapping[str, list[str]], places: Mapping[str, int]) -> set[str]:
    """Return the boxes from which a path leads to one of the targets, down to the first of the targets."""
    if len(targets) < 2:
        return set()
    first = min(places[target] for target in targets)
    seen: set[str] = set()
    waiting = list(targets)
    while waiting:
        for each in before[waiting.pop()]:
            if each not in seen and places[each] >= first:
                seen.add(each)
                waiting.append(each)
    return seen


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
