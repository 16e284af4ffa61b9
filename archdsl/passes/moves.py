"""Puts a Move wherever a step reads what lies on another device: one for each value and device."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from archdsl.ir.graph import CheckedGraph, Container, Node, Path
from archdsl.ir.tree import with_root
from archdsl.passes.transfers import Move


def with_moves(graph: CheckedGraph) -> CheckedGraph:
    """Return a graph in which each step finds what it reads on its own device; all steps have one already.

    What comes in is moved to each device that reads it, wherever it may lie. A Move stands in the innermost submodule
    that spans several devices and holds all steps that need it, so submodules on one device stay as they are.
    """
    if not graph.devices:
        return graph
    moves = _Moves(graph)
    return with_root(graph, moves.rebuilt(graph.root))


def devices_of(container: Container) -> frozenset[str]:
    """Return the devices of the steps of a submodule."""
    return frozenset(node.device for node in container.nodes() if node.device)


@dataclass(slots=True)
class _Moves:
    """The moves of a graph, by the submodule that they stand in and the child that they stand before."""

    graph: CheckedGraph
    spanning: set[Path] = field(default_factory=set)
    shared: set[Path] = field(default_factory=set)
    before: dict[Path, list[tuple[Path, Node]]] = field(default_factory=dict)
    replaced: dict[tuple[Path, Path], Path] = field(default_factory=dict)
    moved: dict[Path, set[Path]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._enter(self.graph.root)
        nodes = {node.path: node for node in self.graph.nodes}
        needs: dict[tuple[Path, str, Path], list[Node]] = {}
        for node in nodes.values():
            for source in dict.fromkeys(node.sources):
                assert node.device
                boundary = self._boundary(node.path, source)
                maker = nodes.get(source)
                if boundary or maker is None or maker.device != node.device:
                    needs.setdefault((source, node.device, boundary), []).append(node)
        for (source, device, boundary), readers in needs.items():
            self._move(source, device, boundary, readers)

    def _enter(self, container: Container) -> None:
        if not container.path or len(devices_of(container)) > 1:
            self.spanning.add(container.path)
        if container.weights:
            self.shared |= {container.path, container.weights}
        for child in container.children:
            if isinstance(child, Container):
                self._enter(child)

    def _boundary(self, reader: Path, source: Path) -> Path:
        """Return the outermost submodule around a reader that is applied more than once and takes a value from outside.

        All its uses run the same code, so what comes in is moved within it, wherever it lies in one use or another.
        """
        for length in range(1, len(reader)):
            path = reader[:length]
            if path in self.shared and path in self.spanning and source[:length] != path:
                return path
        return ()

    def _move(self, source: Path, device: str, boundary: Path, readers: list[Node]) -> None:
        place = _common([reader.path[:-1] for reader in readers])
        while place not in self.spanning and place != boundary:
            place = place[:-1]
        path = (*place, f"{'-'.join(part for part in source if part)}>{device}")
        first = readers[0]
        shape = first.inputs[first.sources.index(source)]
        node = Node(path, Move(), (source,), (shape,), shape, first.span, device)
        self.before.setdefault(place, []).append((first.path, node))
        self.replaced |= {(reader.path, source): path for reader in readers}
        self.moved.setdefault(source, set()).add(path)

    def rebuilt(self, container: Container) -> Container:
        """Return a submodule with the moves that stand in it, and with steps that read what was moved."""
        children: list[Node | Container] = []
        waiting = self.before.get(container.path, [])
        for child in container.children:
            children += [move for reader, move in waiting if reader[: len(child.path)] == child.path]
            children.append(self._reading(child) if isinstance(child, Node) else self.rebuilt(child))
        made = replace(container, children=tuple(children))
        return self._entered(made) if container.path else made

    def _reading(self, node: Node) -> Node:
        sources = tuple(self.replaced.get((node.path, source), source) for source in node.sources)
        return replace(node, sources=sources)

    def _entered(self, container: Container) -> Container:
        """Return a submodule that takes what was moved for it, where nothing in it reads the value itself."""
        reads = frozenset(_read(container))
        use = container.use
        if use:
            use = replace(use, tensors=tuple((name, self._taken(path, reads)) for name, path in use.tensors))
        return replace(container, source=self._taken(container.source, reads), use=use)

    def _taken(self, value: Path, reads: frozenset[Path]) -> Path:
        moved = self.moved.get(value, set()) & reads
        return next(iter(moved)) if len(moved) == 1 and value not in reads else value


def _read(container: Container) -> Iterator[Path]:
    for node in container.nodes():
        yield from node.sources


def _common(paths: list[Path]) -> Path:
    """Return what all paths begin with."""
    length = 0
    while all(len(path) > length for path in paths) and len({path[length] for path in paths}) == 1:
        length += 1
    return paths[0][:length]
