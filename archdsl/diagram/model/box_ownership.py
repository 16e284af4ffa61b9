"""Ownership of operators by boxes, and the values that cross from one box to another."""

from collections.abc import Iterator, Mapping

from archdsl.base.records import record
from archdsl.base.shape import Shape
from archdsl.diagram.model.outline import Entry, Item, Outline, box_id, nodes_of
from archdsl.ir.graph import CheckedGraph, Container, Node, Path
from archdsl.ops.base import Merge


@record(frozen=True, slots=True)
class Wire:
    """A value that one box produces and another one reads; `segment` is the input of a bar that it enters."""

    value: Path
    shape: Shape
    source: str
    target: str
    segment: int | None = None


@record(frozen=True, slots=True)
class BoxOwnership:
    """The boxes of a graph's operators.

    Attributes:
        graph: The whole graph.
        root: The drawn part of it.
        owners: The id of the box of each operator.
        passed: The operators without boxes, with the value that each passes on.
        repeated: The operators of folded copies. Their inputs are not drawn.
        projections: The boxes on projection shortcuts.
        bars: The boxes that merge along an axis.
        changed: The operators whose output shape differs from an input shape of their box.
        devices: The device of each box, if all its operators have the same one.
    """

    graph: CheckedGraph
    root: Container
    owners: Mapping[Path, str]
    passed: Mapping[Path, Path]
    repeated: frozenset[Path]
    projections: frozenset[str]
    bars: frozenset[str]
    changed: frozenset[Path]
    devices: Mapping[str, str]

    def origin(self, value: Path) -> Path:
        """Return the value that reaches its reader through operators without boxes."""
        while value not in self.owners and value in self.passed:
            value = self.passed[value]
        return value

    def wires(self) -> list[Wire]:
        """Return the values that boxes of the drawn part read from other boxes, without duplicates, in order."""
        return list(dict.fromkeys(wire for node in self.root.nodes() for wire in self._read_by(node)))

    def _read_by(self, node: Node) -> Iterator[Wire]:
        if node.path in self.repeated or node.path not in self.owners:
            return
        target = self.owners[node.path]
        for number, (value, shape) in enumerate(zip(node.sources, node.inputs, strict=True)):
            source = self.owners[origin := self.origin(value)]
            if source != target:
                yield Wire(origin, shape, source, target, number if target in self.bars else None)


def own_boxes(graph: CheckedGraph, outline: Outline) -> BoxOwnership:
    """Assign the operators of an outline to its boxes; inputs, outputs and the surroundings have none yet."""
    leaves = [item for entry in outline.entries for item in _leaves(entry)]
    owners = {node.path: box_id(item) for item in leaves for node in nodes_of(item)}
    optional = frozenset(_optional(graph.root))
    changed = {path for item in leaves for path in _changed(item)}
    repeated: set[Path] = set()
    for item, copy in (pair for entry in outline.entries for pair in _copies(entry)):
        for node, other in zip(nodes_of(item), nodes_of(copy), strict=True):
            repeated.add(other.path)
            if node.path not in owners:
                continue
            owners[other.path] = owners[node.path]
            if node.path in changed:
                changed.add(other.path)
    return BoxOwnership(
        graph,
        outline.root,
        owners,
        outline.passed,
        frozenset(repeated),
        projections=frozenset(box_id(item) for item in leaves if _projects(item, optional)),
        bars=frozenset(box_id(item) for item in leaves if _is_bar(item)),
        changed=frozenset(changed),
        devices={box_id(item): device for item in leaves if (device := _device(item))},
    )


def _leaves(entry: Entry) -> Iterator[Item]:
    """Yield the items that have a box of their own."""
    if entry.children is None:
        yield entry.item
    for child in entry.children or ():
        yield from _leaves(child)


def _copies(entry: Entry) -> Iterator[tuple[Item, Item]]:
    """Yield each item with copies and one of these; inner items first, as outer copies repeat them."""
    for child in entry.children or ():
        yield from _copies(child)
    yield from ((entry.item, copy) for copy in entry.copies)


def _device(item: Item) -> str | None:
    devices = {node.device for node in nodes_of(item)}
    return devices.pop() if len(devices) == 1 else None


def _changed(item: Item) -> Iterator[Path]:
    incoming = (item.input,) if isinstance(item, Container) else item.node.inputs
    yield from (node.path for node in nodes_of(item) if any(shape != node.shape for shape in incoming))


def _is_bar(item: Item) -> bool:
    return not isinstance(item, Container) and isinstance(item.node.op, Merge) and item.node.op.free_axis is not None


def _projects(item: Item, containers: frozenset[Path]) -> bool:
    """Return whether an item, or a submodule around it, which is one of `containers`, projects a shortcut."""
    nodes = nodes_of(item)
    if isinstance(item, Container):
        optional = item.optional or all(node.optional for node in nodes)
    else:
        optional = item.node.optional
    path = nodes[0].path
    return optional or any(path[:length] in containers for length in range(1, len(path)))


def _optional(container: Container) -> Iterator[Path]:
    """Yield the paths of the submodules that are shortcut projections."""
    for child in container.children:
        if isinstance(child, Container):
            if child.optional:
                yield child.path
            yield from _optional(child)
