"""Inserts a Move wherever a step reads a value from another device: one for each value and device."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from archdsl.ir.graph import Container, Graph, Node, Path
from archdsl.ir.tree import outside, uses_of
from archdsl.ir.uses import Use
from archdsl.passes.transfers import Move


def with_moves(graph: Graph) -> Graph:
    """Return a graph in which each step reads only values on its own device.

    Every step of the given graph has a device, unless the graph declares none. An input of the model is moved to each
    device that reads it, since callers may pass it on any device. A Move belongs to the innermost submodule that spans
    several devices and contains all steps that need it, so submodules on one device do not change.
    """
    if not graph.devices:
        return graph
    moves = _Moves(graph)
    return replace(graph, root=moves.rebuilt(graph.root))


def devices_of(container: Container) -> frozenset[str]:
    """Return the devices of the steps of a submodule."""
    return frozenset(node.device for node in container.nodes() if node.device)


@dataclass(slots=True)
class _Moves:
    """The moves of a graph.

    Attributes:
        spanning: Submodules whose steps are on several devices, and the model itself.
        shared: Submodules that are applied more than once, with all their uses.
        inline: Submodules whose steps the class around them runs.
        uses: The uses of blocks, by path.
        before: For each submodule, its moves, each with the path of the first step that reads it.
        replaced: The path of the move that a reader (first) reads in place of a value (second).
        moved: The paths of all moves of a value.
    """

    graph: Graph
    spanning: set[Path] = field(default_factory=set)
    shared: set[Path] = field(default_factory=set)
    inline: set[Path] = field(default_factory=set)
    uses: dict[Path, Use] = field(default_factory=dict)
    before: dict[Path, list[tuple[Path, Node]]] = field(default_factory=dict)
    replaced: dict[tuple[Path, Path], Path] = field(default_factory=dict)
    moved: dict[Path, set[Path]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._enter(self.graph.root)
        self.uses = uses_of(self.graph.root)
        nodes = {node.path: node for node in self.graph.nodes}
        needs: dict[tuple[Path, str, Path, Path], list[Node]] = {}
        for node in nodes.values():
            for source in dict.fromkeys(node.sources):
                assert node.device
                boundary = self._boundary(node.path, source)
                maker = nodes.get(source)
                if boundary or maker is None or maker.device != node.device:
                    home = self._home(node.path, source)
                    needs.setdefault((source, node.device, boundary, home), []).append(node)
        for (source, device, boundary, _), readers in needs.items():
            self._move(source, device, boundary, readers)

    def _enter(self, container: Container) -> None:
        if not container.path or len(devices_of(container)) > 1:
            self.spanning.add(container.path)
        if container.inline:
            self.inline.add(container.path)
        if container.weights:
            self.shared |= {container.path, container.weights}
        for child in container.children:
            if isinstance(child, Container):
                self._enter(child)

    def _boundary(self, reader: Path, source: Path) -> Path:
        """Return the outermost submodule around a reader that is applied more than once and reads a value from outside.

        All its uses run the same code, so the value is moved inside it, even where one use has it on the right device.
        """
        for length in range(1, len(reader)):
            path = reader[:length]
            if path in self.shared and path in self.spanning and source[:length] != path:
                return path
        return ()

    def _home(self, reader: Path, source: Path) -> Path:
        """Return the innermost submodule with a `forward` that contains both a reader and the step that it reads.

        Readers in it and readers outside need a move each: the value leaves the submodule unmoved, as its output.
        """
        common = _common([reader[:-1], source[:-1]])
        while common in self.inline:
            common = common[:-1]
        return common

    def _move(self, source: Path, device: str, boundary: Path, readers: list[Node]) -> None:
        place = _common([reader.path[:-1] for reader in readers])
        while place not in self.spanning and place != boundary:
            place = place[:-1]
        name = "-".join(part for part in source if part)
        # An input and a step may have one name.
        while (path := (*place, f"{name}>{device}")) in {move.path for _, move in self.before.get(place, ())}:
            name += "_"
        first = readers[0]
        shape = outside(self.uses, first.path, place, first.inputs[first.sources.index(source)])
        node = Node(path, Move(), (source,), (shape,), shape, first.span, device)
        self.before.setdefault(place, []).append((first.path, node))
        self.replaced |= {(reader.path, source): path for reader in readers}
        self.moved.setdefault(source, set()).add(path)

    def rebuilt(self, container: Container) -> Container:
        """Return a submodule with its moves, in which the steps read the moved values."""
        children: list[Node | Container] = []
        lengths = {len(child.path) for child in container.children}
        waiting: dict[Path, list[Node]] = {}
        for reader, move in self.before.get(container.path, []):
            for length in lengths:
                if len(reader) >= length:
                    waiting.setdefault(reader[:length], []).append(move)
        for child in container.children:
            children += waiting.get(child.path, [])
            children.append(self._reading(child) if isinstance(child, Node) else self.rebuilt(child))
        made = replace(container, children=tuple(children))
        return self._entered(made) if container.path else made

    def _reading(self, node: Node) -> Node:
        sources = tuple(self.replaced.get((node.path, source), source) for source in node.sources)
        return replace(node, sources=sources)

    def _entered(self, container: Container) -> Container:
        """Return a submodule that takes a moved value as its input, unless steps in it read the original."""
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
    """Return the longest common prefix of paths."""
    length = 0
    while all(len(path) > length for path in paths) and len({path[length] for path in paths}) == 1:
        length += 1
    return paths[0][:length]
