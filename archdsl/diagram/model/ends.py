"""Which box each operator of a graph is in, and what is read from one box by another."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from archdsl.base.shape import Shape
from archdsl.diagram.model.parts import Item, nodes_of
from archdsl.ir.graph import CheckedGraph, Container, Node, Path
from archdsl.ops.base import Merge


@dataclass(frozen=True, slots=True)
class Wire:
    """A value on its way from the box that makes it to a box that reads it."""

    value: Path
    shape: Shape
    source: str
    target: str
    segment: int | None = None


@dataclass(slots=True)
class Ends:
    """The boxes of operators, `root` being the part that is drawn.

    `repeated` are the operators that others stand for: they read nothing. `projections` are the boxes of shortcuts,
    `passed` the operators without a box that only pass on what they read.
    """

    graph: CheckedGraph
    root: Container
    owners: dict[Path, str] = field(default_factory=dict)
    passed: Mapping[Path, Path] = field(default_factory=dict)
    repeated: set[Path] = field(default_factory=set)
    projections: set[str] = field(default_factory=set)
    bars: set[str] = field(default_factory=set)
    changed: set[Path] = field(default_factory=set)
    devices: dict[str, str] = field(default_factory=dict)
    leaving: list[Wire] = field(default_factory=list)

    def enter(self, item: Item, box: str) -> None:
        """Put the operators of an item into a box."""
        nodes = nodes_of(item)
        self.owners |= {node.path: box for node in nodes}
        devices = {node.device for node in nodes}
        if len(devices) == 1 and (device := devices.pop()):
            self.devices[box] = device
        if isinstance(item, Container):
            optional = item.optional or all(node.optional for node in nodes)
            incoming: tuple[Shape, ...] = (item.input,)
        else:
            optional = item.node.optional
            incoming = item.node.inputs
            if isinstance(item.node.op, Merge) and item.node.op.free_axis is not None:
                self.bars.add(box)
        if optional or self._in_projection(nodes[0].path):
            self.projections.add(box)
        self.changed |= {node.path for node in nodes if any(shape != node.shape for shape in incoming)}

    def _in_projection(self, path: Path) -> bool:
        container: Container = self.graph.root
        for length in range(1, len(path)):
            container = next(
                child for child in container.children if isinstance(child, Container) and child.path == path[:length]
            )
            if container.optional:
                return True
        return False

    def repeat(self, item: Item, copy: Item) -> None:
        """Let the operators of an item stand for those of a copy of it."""
        for node, other in zip(nodes_of(item), nodes_of(copy), strict=True):
            self.repeated.add(other.path)
            if node.path not in self.owners:
                continue
            self.owners[other.path] = self.owners[node.path]
            if node.path in self.changed:
                self.changed.add(other.path)

    def origin(self, value: Path) -> Path:
        """Return where a value comes from that reaches its reader past others."""
        while value not in self.owners and value in self.passed:
            value = self.passed[value]
        return value

    def wires(self) -> list[Wire]:
        """Return what boxes read from each other, each once, in the order of execution."""
        found = dict.fromkeys(wire for node in self.root.nodes() for wire in self._read_by(node))
        return [*found, *self.leaving]

    def _read_by(self, node: Node) -> Iterator[Wire]:
        if node.path in self.repeated or node.path not in self.owners:
            return
        target = self.owners[node.path]
        for number, (value, shape) in enumerate(zip(node.sources, node.inputs, strict=True)):
            source = self.owners[origin := self.origin(value)]
            if source != target:
                yield Wire(origin, shape, source, target, number if target in self.bars else None)
