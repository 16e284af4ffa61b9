"""How the tensors go: which edges are shortcuts, where paths part, and which boxes stand in one line."""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace

from archdsl.diagram.model import wording
from archdsl.diagram.model.ends import Ends, Wire
from archdsl.diagram.spec import Box, Edge, EdgeKind, Form, Member
from archdsl.ir.graph import Path
from archdsl.passes.crossings import crossings

_TRUNK = "main"


def flow(
    members: tuple[Member, ...], ends: Ends, *, shapes: wording.Shapes = "change"
) -> tuple[tuple[Member, ...], tuple[Edge, ...]]:
    """Return the members with a dot wherever paths part, lined up, and the edges between them."""
    flowing = _Flow(members, ends, shapes)
    for wire in ends.wires():
        flowing.leaving[wire.source, wire.value].append(wire)
    for (source, value), wires in flowing.leaving.items():
        flowing.distribute(source, flowing.frames[source], wires, value)
    edges = tuple(sorted(flowing.edges, key=flowing.order))
    return flowing.finished(edges), edges


def leads_left(edges: tuple[Edge, ...], outside: Collection[str] = ()) -> bool:
    """Whether most of what enters bars beside the stream, shortcuts and what is from outside, comes in to its left."""
    into = [edge for edge in edges if edge.segment is not None]
    beside = {edge.id for edge in into if edge.kind is EdgeKind.SKIP or edge.source in outside}
    stream = {edge.target: edge.segment for edge in into if edge.kind is EdgeKind.DATA and edge.id not in beside}
    sides = [
        (edge.segment or 0) < (stream[edge.target] or 0)
        for edge in into
        if edge.id in beside and edge.target in stream
    ]  # fmt: skip
    return 2 * sum(sides) > len(sides)


@dataclass(slots=True)
class _Flow:
    """What is known of the boxes of one drawing: their places in the order of execution, and the frames around them."""

    members: tuple[Member, ...]
    ends: Ends
    shapes: wording.Shapes
    places: dict[str, int] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    frames: dict[str, tuple[str, ...]] = field(default_factory=dict)
    leaving: dict[tuple[str, Path], list[Wire]] = field(default_factory=lambda: defaultdict(list))
    forks: dict[str, list[Box]] = field(default_factory=lambda: defaultdict(list))
    edges: list[Edge] = field(default_factory=list)
    ways: dict[Wire, EdgeKind] = field(default_factory=dict)
    bytes: dict[tuple[Path, str], int] = field(default_factory=dict)
    sizes: dict[tuple[str, int], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for place, (box, frames) in enumerate(_framed(self.members, ())):
            self.places[box.id], self.boxes[box.id], self.frames[box.id] = place, box, frames
        self.ways = _ways(self.ends.wires(), self.boxes, self.ends)
        if self.ends.graph.devices:
            self.bytes = {(each.value, each.end): each.bytes for each in crossings(self.ends.graph)}

    def distribute(self, start: str, frames: tuple[str, ...], wires: list[Wire], value: Path) -> None:
        """Lead a value from where it is to all that read it: once into each frame, to a dot if several in it do."""
        inside: dict[str, list[Wire]] = defaultdict(list)
        for wire in wires:
            target = self.frames[wire.target]
            common = sum(1 for one, other in zip(frames, target, strict=False) if one == other)
            if len(target) > common:
                inside[target[common]].append(wire)
            else:
                self._connect(start, wire)
        for entering in inside.values():
            if len(entering) == 1:
                self._connect(start, entering[0])
                continue
            first = entering[0]
            around = _common([self.frames[wire.target] for wire in entering])
            frame = around[-1]
            number = len(self.forks[frame])
            fork = Box(f"{frame}--fork{number or ''}", Form.FORK, "io", "", (), wording.sizes(first.shape))
            self.forks[frame].append(fork)
            self.frames[fork.id] = around
            self.ways[replace(first, target=fork.id, segment=None)] = self.ways[first]
            if first.target in self.ends.devices:
                self.ends.devices[fork.id] = self.ends.devices[first.target]
            # Between the box before and the first one that reads it.
            self.places[fork.id] = self.places[first.target]
            self._connect(start, replace(first, target=fork.id, segment=None), fork=True)
            self.distribute(fork.id, around, entering, value)

    def _connect(self, start: str, wire: Wire, *, fork: bool = False) -> None:
        shape = wording.sizes(wire.shape)
        way = self.ways[wire] if self.ways[wire] is EdgeKind.CROSSING or not fork else EdgeKind.DATA
        tooltip = f"{shape} from {start} to {wire.target}"
        if start != wire.source:
            way, label = (EdgeKind.DATA if way is EdgeKind.CROSSING else way), ""
        elif way is EdgeKind.CROSSING:
            size = self.bytes[wire.value, self.ends.devices[wire.target]]
            label = wording.amount(size) if wire.segment is None else ""
            if wire.segment is not None:
                self.sizes[wire.target, wire.segment] = wording.amount(size)
            tooltip += f" | {self.ends.devices[wire.source]} → {self.ends.devices[wire.target]}: {size:,} bytes"
        else:
            said = (way is not EdgeKind.DATA and not fork) or wire.segment is not None
            label = "" if said or not self._is_labelled(wire) else shape
        self.edges.append(Edge(start, wire.target, label, tooltip, way, wire.segment))

    def _is_labelled(self, wire: Wire) -> bool:
        if self.shapes != "change":
            return self.shapes == "all"
        target, source = self.boxes.get(wire.target), self.boxes[wire.source]
        shape = wording.sizes(wire.shape)
        if source.form is Form.STUB:
            return len(source.lines) > 1
        if source.form in (Form.TERMINAL, Form.BAR):
            return False
        if target and target.form is Form.STUB:
            return len(target.lines) > 1
        if target and target.form is Form.TERMINAL and shape in target.lines:
            return False
        return wire.value in self.ends.changed

    def order(self, edge: Edge) -> tuple[int, bool, int, int, int]:
        """Return where an edge stands: by its start, then from left to right, with shortcuts at their side."""
        from_fork = edge.source not in self.boxes
        side = 0 if edge.kind is EdgeKind.DATA else -1 if self._enters_left(edge) else 1
        return (self.places[edge.source], from_fork, side, self.places[edge.target], edge.segment or 0)

    def _enters_left(self, edge: Edge) -> bool:
        """Whether a shortcut enters a bar to the left of the stream."""
        into = [other for other in self.edges if other.target == edge.target] if edge.segment is not None else []
        return any(other.kind is EdgeKind.DATA and (other.segment or 0) > (edge.segment or 0) for other in into)

    def finished(self, edges: tuple[Edge, ...]) -> tuple[Member, ...]:
        """Return the members with their dots, lined up."""
        trunk: dict[str, str] = {}
        for lane in sorted({frames[0] if frames else "" for frames in self.frames.values()}):
            device = lane if lane.startswith("device-") else ""
            inside = [edge for edge in edges if {self._lane(edge.source), self._lane(edge.target)} == {device}]
            found = _trunk(inside, self.places, self.ends.projections, self.boxes)
            trunk |= dict.fromkeys(found, device or _TRUNK)
        ranks, ordered = self._ranks(edges), _ordered(edges)
        return tuple(self._placed(member, trunk, ranks, ordered) for member in self.members)

    def _lane(self, box: str) -> str:
        frames = self.frames[box]
        return frames[0] if frames and frames[0].startswith("device-") else ""

    def _placed(self, member: Member, trunk: dict[str, str], ranks: dict[str, str], ordered: set[str]) -> Member:
        if isinstance(member, Box):
            sizes = (self.sizes.get((member.id, number)) for number in range(len(member.segments)))
            segments = tuple("\n".join(filter(None, pair)) for pair in zip(member.segments, sizes, strict=True))
            return replace(
                member,
                segments=segments,
                group=trunk.get(member.id, ""),
                rank=ranks.get(member.id),
                ordered=member.id in ordered,
            )
        forks = tuple(self._placed(fork, trunk, ranks, ordered) for fork in self.forks.get(member.id, ()))
        inner = tuple(self._placed(each, trunk, ranks, ordered) for each in member.members)
        return replace(member, members=(*forks, *inner))

    def _ranks(self, edges: tuple[Edge, ...]) -> dict[str, str]:
        """Return, for each box that ends a projection, the last box of the path beside it."""
        into: dict[str, list[Edge]] = defaultdict(list)
        for edge in edges:
            into[edge.target].append(edge)
        found = {}
        for entering in into.values():
            main = [edge.source for edge in entering if edge.kind is EdgeKind.DATA]
            for edge in entering:
                beside = edge.source in self.ends.projections and len(main) == 1
                if beside and self.frames[edge.source] == self.frames[main[0]]:
                    found[edge.source] = main[0]
        return found


def _common(chains: list[tuple[str, ...]]) -> tuple[str, ...]:
    """Return the frames that all chains begin with."""
    length = 0
    while all(len(chain) > length for chain in chains) and len({chain[length] for chain in chains}) == 1:
        length += 1
    return chains[0][:length]


def _framed(members: tuple[Member, ...], frames: tuple[str, ...]) -> Iterator[tuple[Box, tuple[str, ...]]]:
    for member in members:
        if isinstance(member, Box):
            yield member, frames
        else:
            yield from _framed(member.members, (*frames, member.id))


def _ways(wires: list[Wire], known: dict[str, Box], ends: Ends) -> dict[Wire, EdgeKind]:
    """Return what each edge is: a shortcut is one around which another way leads to the same box."""
    before: dict[str, list[str]] = defaultdict(list)
    for wire in wires:
        before[wire.target].append(wire.source)
    places = _places(before, known)
    return {wire: _way(wire, before, places, known, ends) for wire in wires}


def _way(
    wire: Wire, before: dict[str, list[str]], places: dict[str, int], known: dict[str, Box], ends: Ends
) -> EdgeKind:
    devices = {ends.devices.get(box) for box in (wire.source, wire.target)}
    if len(devices) == 2 and None not in devices:
        return EdgeKind.CROSSING
    if {wire.source, wire.target} & ends.projections:
        return EdgeKind.PROJECTION
    source, target = known[wire.source], known[wire.target]
    if target.training and (not source.training or target.form in (Form.TERMINAL, Form.STUB)):
        return EdgeKind.AUXILIARY
    others = [source for source in before[wire.target] if source != wire.source]
    return EdgeKind.SKIP if others and _leads(wire.source, others, before, places) else EdgeKind.DATA


def _leads(source: str, targets: list[str], before: dict[str, list[str]], places: dict[str, int]) -> bool:
    """Whether a box comes before one of others, by any way."""
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


def _places(before: dict[str, list[str]], known: dict[str, Box]) -> dict[str, int]:
    """Return the places of boxes in an order in which each comes after what it reads."""
    places: dict[str, int] = {}
    for box in known:
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


def _ordered(edges: tuple[Edge, ...]) -> set[str]:
    """Return the boxes at which branches part that meet again, in the order of the source."""
    leaving: dict[str, list[Edge]] = defaultdict(list)
    entering: dict[str, int] = defaultdict(int)
    for edge in edges:
        leaving[edge.source].append(edge)
        entering[edge.target] += 1

    def meeting(edge: Edge) -> str:
        box = edge.target
        while entering[box] == 1 and len(leaving[box]) == 1:
            box = leaving[box][0].target
        return box

    parting = [(box, some) for box, some in leaving.items() if len(some) > 1]
    return {box for box, some in parting if len(set(map(meeting, some))) == 1}


def _trunk(edges: list[Edge], places: dict[str, int], projections: set[str], known: dict[str, Box]) -> set[str]:
    """Return the boxes that the whole stream goes through: no edge but a shortcut leads past them."""
    straight = [edge for edge in edges if edge.kind is EdgeKind.DATA]
    on_way = {end for edge in straight for end in (edge.source, edge.target)}
    ordered = sorted(on_way - projections, key=lambda box: (places[box], box in known))
    number = {box: place for place, box in enumerate(ordered)}
    covered = [0] * (len(ordered) + 1)
    for edge in straight:
        if edge.source in number and edge.target in number:
            first, last = sorted((number[edge.source], number[edge.target]))
            covered[first + 1] += 1
            covered[last] -= 1
    found, open_edges = set(), 0
    for place, box in enumerate(ordered):
        open_edges += covered[place]
        if not open_edges and not (box in known and known[box].training):
            found.add(box)
    return found
