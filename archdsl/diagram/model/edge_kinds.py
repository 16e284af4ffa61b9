"""The kinds of edges: main stream, shortcut, training only or transfer between devices."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import chain

from archdsl.diagram.model.box_ownership import BoxOwnership, Wire
from archdsl.diagram.spec import Box, EdgeKind, Form


def edge_kinds(wires: list[Wire], boxes: Mapping[str, Box], ownership: BoxOwnership) -> dict[Wire, EdgeKind]:
    """Return the kind of each wire: a wire is a shortcut if another path leads from its source to its target."""
    before: dict[str, list[str]] = defaultdict(list)
    for wire in wires:
        before[wire.target].append(wire.source)
    passing = _passing(before, boxes)
    return {wire: _kind(wire, passing, boxes, ownership) for wire in wires}


def _kind(
    wire: Wire, passing: Mapping[str, frozenset[str]], boxes: Mapping[str, Box], ownership: BoxOwnership
) -> EdgeKind:
    devices = {ownership.devices.get(box) for box in (wire.source, wire.target)}
    if len(devices) == 2 and None not in devices:
        return EdgeKind.CROSSING
    if wire.source in ownership.projections or wire.target in ownership.projections:
        return EdgeKind.PROJECTION
    source, target = boxes[wire.source], boxes[wire.target]
    if target.training and (not source.training or target.form in (Form.TERMINAL, Form.STUB)):
        return EdgeKind.AUXILIARY
    return EdgeKind.SKIP if wire.source in passing.get(wire.target, ()) else EdgeKind.DATA


def _passing(before: Mapping[str, list[str]], boxes: Mapping[str, Box]) -> dict[str, frozenset[str]]:
    """Return, for boxes with several sources, the sources from which a path leads to another source."""
    places = _places(before, boxes)
    merging = {box: set(sources) for box, sources in before.items() if len(set(sources)) > 1}
    if any(places[source] >= places[box] for box, sources in before.items() for source in sources):
        # Closed towers that exchange tensors form cycles.
        return {box: frozenset(sources & _leading(sources, before, places)) for box, sources in merging.items()}
    return _passing_without_cycles(before, places, merging)


def _passing_without_cycles(
    before: Mapping[str, list[str]], places: Mapping[str, int], merging: Mapping[str, set[str]]
) -> dict[str, frozenset[str]]:
    """Return what `_passing` does, in one pass: each box has a set of the sources that lead to it.

    The sets are bits of integers, one bit for each source of `merging`, and last until the last reader of the box.
    """
    bits = {source: 1 << number for number, source in enumerate(dict.fromkeys(chain(*merging.values())))}
    readers = Counter(source for sources in before.values() for source in set(sources))
    leading: dict[str, int] = {}
    found: dict[str, frozenset[str]] = {}
    for box in places:
        around = 0
        sources = set(before.get(box, ()))
        for source in sources:
            around |= leading[source]
        if box in merging:
            found[box] = frozenset(source for source in sources if around & bits[source])
        for source in sources:
            around |= bits.get(source, 0)
            readers[source] -= 1
            if not readers[source]:
                del leading[source]
        if readers[box]:
            leading[box] = around
    return found


def _leading(targets: set[str], before: Mapping[str, list[str]], places: Mapping[str, int]) -> set[str]:
    """Return the boxes from which a path leads to one of the targets, down to the first of the targets."""
    first = min(places[target] for target in targets)
    seen: set[str] = set()
    waiting = list(targets)
    while waiting:
        for each in before.get(waiting.pop(), ()):
            if each not in seen and places[each] >= first:
                seen.add(each)
                waiting.append(each)
    return seen


def _places(before: Mapping[str, list[str]], boxes: Mapping[str, Box]) -> dict[str, int]:
    """Return positions of boxes in a topological order."""
    places: dict[str, int] = {}
    for box in boxes:
        waiting = [(box, iter(before.get(box, ())))]
        entered = {box}
        while waiting and box not in places:
            top, sources = waiting[-1]
            following = next((each for each in sources if each not in places and each not in entered), None)
            if following is None:
                places.setdefault(top, len(places))
                waiting.pop()
            else:
                entered.add(following)
                waiting.append((following, iter(before.get(following, ()))))
    return places
