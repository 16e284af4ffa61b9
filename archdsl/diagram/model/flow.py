"""Edges of a drawing: their kinds, forks where a value enters a cluster for several readers, and aligned boxes."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Literal

from archdsl.base.records import record
from archdsl.diagram import wording
from archdsl.diagram.model.box_ownership import BoxOwnership, Wire
from archdsl.diagram.model.edge_kinds import edge_kinds
from archdsl.diagram.model.terminals import Terminals
from archdsl.diagram.spec import Box, Cluster, Edge, EdgeKind, Form, Member, Style, framed_boxes
from archdsl.ir.graph import Path
from archdsl.passes.crossings import transfer_bytes

_TRUNK = "main"
_Frames = tuple[str, ...]


@record(frozen=True, slots=True)
class _Fork:
    """A dot at which a value enters a cluster for several readers; `place` is its position among the boxes."""

    box: Box
    frames: _Frames
    place: int


@record(frozen=True, slots=True)
class _Link:
    """An edge; `transfer` is the size of the tensor that it moves into a bar on another device."""

    edge: Edge
    transfer: str = ""


def flow(
    members: tuple[Member, ...], terminals: Terminals, *, shapes: wording.Shapes = "change"
) -> tuple[tuple[Member, ...], tuple[Edge, ...]]:
    """Connect boxes.

    Args:
        members: All boxes and clusters of the drawing.
        terminals: The ends of the drawing with the ownership of its boxes.
        shapes: The edges that are labelled with the shape of their tensor.

    Returns:
        The members with forks and aligned boxes, and the edges in drawing order.
    """
    wires = [*terminals.ownership.wires(), *terminals.leaving]
    router = _router(members, terminals.ownership, wires, shapes)
    routed = list(router.routes(wires))
    forks = [each for each in routed if isinstance(each, _Fork)]
    links = [each for each in routed if isinstance(each, _Link)]
    places = {**router.places, **{fork.box.id: fork.place for fork in forks}}
    frames = {**router.frames, **{fork.box.id: fork.frames for fork in forks}}
    edges = _in_order([link.edge for link in links], places, router.boxes)
    aligner = _Aligner(
        trunk=_trunks(edges, places, _lanes(members, frames), terminals.ownership.projections, router.boxes),
        ranks=_ranks(edges, frames, terminals.ownership.projections),
        orderings=_orderings(edges),
        forks=forks,
        transfers={(link.edge.target, link.edge.segment): link.transfer for link in links if link.transfer},
    )
    return tuple(map(aligner.aligned, members)), edges


def leads_left(edges: tuple[Edge, ...], outside: Collection[str] = ()) -> bool:
    """Return whether most side inputs of bars (shortcuts and edges from `outside`) arrive left of the main stream."""
    into = [edge for edge in edges if edge.segment is not None]
    beside = {edge.id for edge in into if edge.kind is EdgeKind.SKIP or edge.source in outside}
    stream = {edge.target: edge.segment for edge in into if edge.kind is EdgeKind.DATA and edge.id not in beside}
    sides = [
        (edge.segment or 0) < (stream[edge.target] or 0)
        for edge in into
        if edge.id in beside and edge.target in stream
    ]  # fmt: skip
    return 2 * sum(sides) > len(sides)


def _router(
    members: tuple[Member, ...], ownership: BoxOwnership, wires: list[Wire], shapes: wording.Shapes
) -> "_Router":
    framed = list(framed_boxes(members))
    boxes = {box.id: box for box, _ in framed}
    return _Router(
        ownership=ownership,
        shapes=shapes,
        boxes=boxes,
        places={box.id: place for place, (box, _) in enumerate(framed)},
        frames={box.id: frames for box, frames in framed},
        kinds=edge_kinds(wires, boxes, ownership),
    )


@record(frozen=True, slots=True)
class _Router:
    """Routes values from their producers to their readers.

    `places` are positions in the order of execution, `frames` the clusters around each box from the outside in.
    """

    ownership: BoxOwnership
    shapes: wording.Shapes
    boxes: Mapping[str, Box]
    places: Mapping[str, int]
    frames: Mapping[str, _Frames]
    kinds: Mapping[Wire, EdgeKind]

    def routes(self, wires: list[Wire]) -> Iterator[_Fork | _Link]:
        """Yield the forks and edges of all values, each fork before the edges that leave it."""
        by_value: dict[tuple[str, Path], list[Wire]] = defaultdict(list)
        for wire in wires:
            by_value[wire.source, wire.value].append(wire)
        numbers: Counter[str] = Counter()
        for (source, _), some in by_value.items():
            yield from self._distribute(source, self.frames[source], some, numbers)

    def _distribute(
        self, start: str, frames: _Frames, wires: list[Wire], numbers: Counter[str]
    ) -> Iterator[_Fork | _Link]:
        """Route one value: into each cluster once, to a fork if several boxes inside read it.

        `numbers` counts the forks of each cluster.
        """
        inside: dict[str, list[Wire]] = defaultdict(list)
        for wire in wires:
            target = self.frames[wire.target]
            common = len(_common([frames, target]))
            if len(target) > common:
                inside[target[common]].append(wire)
            else:
                yield self._link(start, wire)
        for entering in inside.values():
            first = entering[0]
            if len(entering) == 1:
                yield self._link(start, first)
                continue
            around = _common([self.frames[wire.target] for wire in entering])
            id = f"{around[-1]}--fork{numbers[around[-1]] or ''}"
            numbers[around[-1]] += 1
            # The place between the producer and the first reader.
            yield _Fork(Box(id, Form.FORK, "io", "", (), wording.sizes(first.shape)), around, self.places[first.target])
            yield self._link(start, first, fork=id)
            yield from self._distribute(id, around, entering, numbers)

    def _link(self, start: str, wire: Wire, fork: str | None = None) -> _Link:
        """Return the edge of a wire from its source or a fork, to its target or another fork."""
        shape, target = wording.sizes(wire.shape), fork or wire.target
        kind = self.kinds[wire] if self.kinds[wire] is EdgeKind.CROSSING or not fork else EdgeKind.DATA
        segment = None if fork else wire.segment
        tooltip = f"{shape} from {start} to {target}"
        if start != wire.source:
            kind = EdgeKind.DATA if kind is EdgeKind.CROSSING else kind
            return _Link(Edge(start, target, "", tooltip, kind, segment))
        if kind is EdgeKind.CROSSING:
            devices = self.ownership.devices
            bytes = transfer_bytes(self.ownership.graph, wire.value, wire.shape)
            size = wording.byte_size(bytes)
            tooltip += f" | {devices[wire.source]} → {devices[wire.target]}: {bytes:,} bytes"
            if segment is not None:
                return _Link(Edge(start, target, "", tooltip, kind, segment), size)
            return _Link(Edge(start, target, size, tooltip, kind))
        is_plain = (kind is EdgeKind.DATA or fork is not None) and segment is None
        label = shape if is_plain and self._is_labelled(wire, None if fork else self.boxes[target]) else ""
        return _Link(Edge(start, target, label, tooltip, kind, segment))

    def _is_labelled(self, wire: Wire, target: Box | None) -> bool:
        """Return whether an edge to a box, or to a fork if None, is labelled with its shape."""
        if self.shapes != "change":
            return self.shapes == "all"
        source, shape = self.boxes[wire.source], wording.sizes(wire.shape)
        if source.form is Form.STUB:
            return len(source.lines) > 1
        if source.form in (Form.TERMINAL, Form.BAR):
            return False
        if target and target.form is Form.STUB:
            return len(target.lines) > 1
        if target and target.form is Form.TERMINAL and shape in target.lines:
            return False
        return wire.value in self.ownership.changed


def _common(chains: list[_Frames]) -> _Frames:
    """Return the frames that all chains begin with."""
    length = 0
    while all(len(chain) > length for chain in chains) and len({chain[length] for chain in chains}) == 1:
        length += 1
    return chains[0][:length]


def _in_order(edges: list[Edge], places: Mapping[str, int], boxes: Collection[str]) -> tuple[Edge, ...]:
    """Sort edges by their source, then from left to right, with shortcuts on their side of the stream."""
    into: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        into[edge.target].append(edge)

    def order(edge: Edge) -> tuple[int, bool, int, int, int]:
        side = 0 if edge.kind is EdgeKind.DATA else -1 if _enters_left(edge, into[edge.target]) else 1
        return (places[edge.source], edge.source not in boxes, side, places[edge.target], edge.segment or 0)

    return tuple(sorted(edges, key=order))


def _enters_left(edge: Edge, into: Iterable[Edge]) -> bool:
    """Return whether a shortcut enters a bar to the left of the stream."""
    if edge.segment is None:
        return False
    return any(other.kind is EdgeKind.DATA and (other.segment or 0) > edge.segment for other in into)


def _ranks(edges: tuple[Edge, ...], frames: Mapping[str, _Frames], projections: Collection[str]) -> dict[str, str]:
    """Return, for each box at the end of a projection shortcut, the last box of the main path beside it."""
    into: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        into[edge.target].append(edge)
    found = {}
    for entering in into.values():
        main = [edge.source for edge in entering if edge.kind is EdgeKind.DATA]
        for edge in entering:
            beside = edge.source in projections and len(main) == 1
            if beside and frames[edge.source] == frames[main[0]]:
                found[edge.source] = main[0]
    return found


def _orderings(edges: tuple[Edge, ...]) -> dict[str, Literal["in", "out"]]:
    """Return the boxes whose branches keep the order of the source.

    The outgoing branches of a box keep it if they all meet again, and the incoming branches of a box if they all come
    from one box whose outgoing branches do not keep it.
    """
    leaving: dict[str, list[Edge]] = defaultdict(list)
    entering: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        leaving[edge.source].append(edge)
        entering[edge.target].append(edge)

    def passes(box: str) -> bool:
        return len(entering[box]) == len(leaving[box]) == 1

    def meeting(edge: Edge) -> str:
        box = edge.target
        while passes(box):
            box = leaving[box][0].target
        return box

    def parting(edge: Edge) -> str:
        box = edge.source
        while passes(box):
            box = entering[box][0].source
        return box

    found: dict[str, Literal["in", "out"]] = {}
    for box, some in list(leaving.items()):
        if len(some) > 1 and len(set(map(meeting, some))) == 1:
            found[box] = "out"
    for box, some in list(entering.items()):
        if len(some) > 1 and all(edge.kind is EdgeKind.DATA for edge in some):
            starts = set(map(parting, some))
            if len(starts) == 1 and not starts & found.keys():
                found[box] = "in"
    return found


def _lanes(members: tuple[Member, ...], frames: Mapping[str, _Frames]) -> dict[str, str]:
    """Return the id of the device lane of each box; empty for boxes outside all lanes."""
    lanes = {member.id for member in members if isinstance(member, Cluster) and member.style is Style.DEVICE}
    return {box: around[0] if around and around[0] in lanes else "" for box, around in frames.items()}


def _trunks(
    edges: tuple[Edge, ...],
    places: Mapping[str, int],
    lanes: Mapping[str, str],
    projections: frozenset[str],
    boxes: Mapping[str, Box],
) -> dict[str, str]:
    """Return the group of each box on a trunk: one group for each device lane, and one for the rest."""
    found: dict[str, str] = {}
    for lane in sorted(set(lanes.values())):
        inside = [edge for edge in edges if lanes[edge.source] == lanes[edge.target] == lane]
        found |= dict.fromkeys(_trunk(inside, places, projections, boxes), lane or _TRUNK)
    return found


def _trunk(
    edges: list[Edge], places: Mapping[str, int], projections: frozenset[str], boxes: Mapping[str, Box]
) -> set[str]:
    """Return the boxes that no edge passes by, except shortcuts."""
    straight = [edge for edge in edges if edge.kind is EdgeKind.DATA]
    on_way = {end for edge in straight for end in (edge.source, edge.target)}
    ordered = sorted(on_way - projections, key=lambda box: (places[box], box in boxes))
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
        if not open_edges and not (box in boxes and boxes[box].training):
            found.add(box)
    return found


@record(frozen=True, slots=True)
class _Aligner:
    """Enters forks, groups, ranks, the order of edges and the sizes of transfers into members."""

    trunk: Mapping[str, str]
    ranks: Mapping[str, str]
    orderings: Mapping[str, Literal["in", "out"]]
    forks: list[_Fork]
    transfers: Mapping[tuple[str, int | None], str]

    def aligned(self, member: Member) -> Member:
        if isinstance(member, Box):
            sizes = (self.transfers.get((member.id, number)) for number in range(len(member.segments)))
            segments = tuple("\n".join(filter(None, pair)) for pair in zip(member.segments, sizes, strict=True))
            return replace(
                member,
                segments=segments,
                group=self.trunk.get(member.id, ""),
                rank=self.ranks.get(member.id),
                ordering=self.orderings.get(member.id, ""),
            )
        forks = tuple(self.aligned(fork.box) for fork in self.forks if fork.frames[-1] == member.id)
        return replace(member, members=(*forks, *map(self.aligned, member.members)))
