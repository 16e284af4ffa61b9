"""Resolution stages of a model: consecutive layers with feature maps of the same size, as in tables of papers."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, takewhile

from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.diagram.wording import sizes
from archdsl.ir.graph import CheckedGraph, Container, Node, Path, dotted, only_in_training
from archdsl.ir.order import in_order

_SHOWN = ("convolution", "linear", "pooling")
_HIDDEN = ("normalisation", "activation", "merge")


@dataclass(frozen=True, slots=True)
class Piece:
    """A layer, or the layers of a block, repeated `count` times."""

    lines: tuple[str, ...]
    count: int = 1


@dataclass(frozen=True, slots=True)
class ResolutionStage:
    """Layers with feature maps of one size. `strided` are the blocks whose strides the pieces do not mention."""

    name: str
    size: str
    pieces: tuple[Piece, ...]
    strided: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Unit:
    """An indivisible part of a stage: an operator, or a container whose children have maps of one size."""

    part: Node | Container
    size: str
    pieces: tuple[Piece, ...]
    strided: tuple[str, ...]


def resolution_stages(graph: CheckedGraph) -> tuple[ResolutionStage, ...]:
    """Return the stages of a model in the order of execution, without training-only layers."""
    reader = _reader(graph)
    rows: list[list[_Unit]] = []
    for unit in reader.units(graph.root):
        if rows and _belongs(unit, rows[-1]):
            rows[-1].append(unit)
        else:
            rows.append([unit])
    return tuple(map(_stage, rows))


def block_parts(graph: CheckedGraph) -> Iterator[Node | Container]:
    """Yield the layers of a model in the order of execution; chains of blocks are yielded as containers."""
    reader = _reader(graph)
    for unit in reader.units(graph.root):
        yield from reader.opened(unit.part)


def _reader(graph: CheckedGraph) -> "_Reader":
    return _Reader(graph, _layers_before(graph), _skipped(graph.root) | only_in_training(graph.graph))


def _is_layer(node: Node) -> bool:
    """Return whether a table lists an operator: not normalisations, activations and merges."""
    if node.op.family in _SHOWN:
        return True
    return node.op.family not in _HIDDEN and (node.params > 0 or node.macs > 0)


def _layers_before(graph: CheckedGraph) -> dict[Path, frozenset[Path]]:
    """Return for every operator the layers that it reads, directly or through operators that are not listed."""
    before: dict[Path, frozenset[Path]] = {}
    last: dict[Path, frozenset[Path]] = {}
    for node in in_order(graph.nodes):
        found = frozenset[Path]().union(*(last.get(source, frozenset()) for source in node.sources))
        before[node.path] = found
        last[node.path] = frozenset((node.path,)) if _is_layer(node) else found
    return before


def _skipped(container: Container) -> frozenset[Path]:
    """Return the operators on projection shortcuts."""
    found: set[Path] = set()
    for child in container.children:
        if isinstance(child, Node):
            found |= {child.path} if child.optional else set()
        else:
            found |= {node.path for node in child.nodes()} if child.optional else _skipped(child)
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the containers of a graph; `before` has the layers that each operator reads, `skipped` is not listed."""

    graph: CheckedGraph
    before: dict[Path, frozenset[Path]]
    skipped: frozenset[Path]

    def units(self, container: Container) -> Iterator[_Unit]:
        for child in _without_equal_towers(container.children):
            if not self.layers(child):
                continue
            if isinstance(child, Container) and (child.inline or (_is_chain(child) and self._resizes(child))):
                yield from self.units(child)
                continue
            pieces = tuple(_runs(self.pieces(child)))
            yield _Unit(child, self._size(child), pieces, tuple(self.strided(child)))

    def layers(self, part: Node | Container) -> list[Node]:
        nodes = [part] if isinstance(part, Node) else part.nodes()
        return [node for node in nodes if _is_layer(node) and node.path not in self.skipped]

    def _size(self, part: Node | Container) -> str:
        return _size(self.graph.role(part.path if isinstance(part, Node) else part.output), part.shape)

    def _resizes(self, container: Container) -> bool:
        return len({self._size(child) for child in container.children if self.layers(child)}) > 1

    def pieces(self, part: Node | Container) -> Iterator[Piece]:
        """Yield the layers and blocks of a part; a chain that is not a block is split into its children."""
        layers = self.layers(part)
        if isinstance(part, Container) and len(layers) > 1:
            if _is_chain(part) and (part.use is None or self._has_blocks(part)):
                for child in part.children:
                    yield from self.pieces(child)
            else:
                yield Piece(tuple(self._block(layers, part)))
            return
        for node in layers:
            words = node.answers.drawing
            yield Piece((words.cell + (f", stride {words.stride}" if words.stride else ""),))

    def strided(self, part: Node | Container) -> Iterator[str]:
        """Yield the paths of the blocks whose strides `pieces` omits."""
        if isinstance(part, Node) or len(layers := self.layers(part)) < 2:
            return
        if _is_chain(part) and (part.use is None or self._has_blocks(part)):
            for child in part.children:
                yield from self.strided(child)
        elif any(node.answers.drawing.stride for node in layers):
            yield dotted(part.path)

    def opened(self, part: Node | Container) -> Iterator[Node | Container]:
        """Yield a layer, a block or a chain of blocks as it is, and the children of other containers."""
        if isinstance(part, Node) or part.use or not _is_chain(part) or self._has_blocks(part):
            yield part
            return
        for child in part.children:
            if self.layers(child):
                yield from self.opened(child)

    def _has_blocks(self, container: Container) -> bool:
        children = (child for child in container.children if isinstance(child, Container))
        return any(child.use and len(self.layers(child)) > 1 for child in children)

    def _block(self, layers: list[Node], block: Container) -> Iterator[str]:
        """Yield the lines of a block; a squeeze-and-excitation branch gets a line of its own."""
        gates = [node for node in layers if _reads_pooled_channels(node, block)]
        pooled = {path for node in gates for path in self.before[node.path]} if gates else set()
        main = [node for node in layers if node not in gates and not (node.path in pooled and _is_global(node))]
        if not gates or not main or max(map(int, block.shape.map), default=1) == 1:
            yield from self._lines(layers)
            return
        yield from self._lines(main)
        yield f"SE {int(gates[0].shape.channels)}"

    def _lines(self, layers: list[Node]) -> Iterator[str]:
        """Yield a line for each layer of a block, or for each branch if there are branches.

        A `+` joins layers of one line that read the same layer.
        """
        branches: list[list[list[Node]]] = []
        for node in layers:
            read = self.before[node.path]
            line = branches[-1] if branches else []
            if any(each.path in read for each in (line[-1] if line else [])):
                line.append([node])
            elif line[1:] and any(each.path in read for each in line[-2]):
                line[-1].append(node)
            else:
                branches.append([[node]])
        steps = [[" + ".join(node.answers.drawing.cell for node in step) for step in line] for line in branches]
        yield from steps[0] if len(steps) == 1 else map(" → ".join, steps)


def _reads_pooled_channels(node: Node, container: Container) -> bool:
    """Return whether a layer reads and makes maps of one pixel, inside a submodule that reads larger maps."""
    sides, around = (tuple(map(int, shape.map)) for shape in (node.input, container.input))
    made = max(map(int, node.shape.map), default=0)
    return bool(around) and max(around) > 1 and bool(sides) and max(sides) == 1 == made


def _is_global(node: Node) -> bool:
    return node.op.family == "pooling" and max(map(int, node.shape.map), default=1) == 1


def _without_equal_towers(children: tuple[Node | Container, ...]) -> Iterator[Node | Container]:
    """Yield the children, but only the first of towers with equal operators."""
    first: Container | None = None
    for child in children:
        if isinstance(child, Container) and child.inline:
            if first and _operators(first) == _operators(child):
                continue
            first = child
        else:
            first = None
        yield child


def omitted_towers(container: Container) -> Iterator[tuple[str, str]]:
    """Yield the towers that a table omits, each with the equal one that it shows."""
    shown: Container | None = None
    kept = set(map(id, _without_equal_towers(container.children)))
    for child in container.children:
        if isinstance(child, Node):
            continue
        if id(child) in kept:
            shown = child
            yield from omitted_towers(child)
        elif shown:
            yield dotted(child.path), dotted(shown.path)


def _operators(container: Container) -> list[tuple[str, str, tuple[Shape, ...]]]:
    return [
        (
            node.answers.drawing.cell,
            node.answers.drawing.stride,
            tuple(shape.plain() for shape in node.inputs),
        )
        for node in container.nodes()
    ]


def _is_chain(container: Container) -> bool:
    """Return whether each child reads only the output of the child before it."""
    stream = container.source
    for child in container.children:
        if isinstance(child, Node):
            reads, made = set(child.sources), child.path
        else:
            own = {node.path for node in child.nodes()}
            reads = {source for node in child.nodes() for source in node.sources} - own
            made = child.output
        if reads - {stream}:
            return False
        stream = made
    return True


def _size(role: Role, shape: Shape) -> str:
    """Return the size of a map without its channels, or of a sequence with its features; a vector is one pixel."""
    if shape.rank == 1:
        return "1×1"
    return sizes(Shape(tuple(shape.dims[axis] for axis in role.position_axes(shape.rank))) if role.is_map else shape)


def _belongs(unit: _Unit, row: list[_Unit]) -> bool:
    """Return whether a unit belongs to a stage: maps of the same size, and no container with a name of its own."""
    others = [each.part for each in row if isinstance(each.part, Container)]
    if unit.size != row[-1].size:
        return False
    if isinstance(unit.part, Node) or not others:
        return True
    last = others[-1]
    numbered = last.path[-1].isdigit() and unit.part.path[-1].isdigit()
    return numbered and last.path[:-1] == unit.part.path[:-1] and last.shape == unit.part.shape


def _runs(pieces: Iterator[Piece]) -> Iterator[Piece]:
    for lines, run in groupby(pieces, key=lambda piece: piece.lines):
        yield Piece(lines, sum(piece.count for piece in run))


def _stage(row: list[_Unit]) -> ResolutionStage:
    pieces = tuple(_runs(piece for unit in row for piece in unit.pieces))
    strided = tuple(path for unit in row for path in unit.strided)
    return ResolutionStage(_name([unit.part for unit in row]), row[0].size, pieces, strided)


def _name(parts: list[Node | Container]) -> str:
    """Return the name of a stage: the range of its parts with weights, or of all parts if none has weights."""
    paths = [part.path for part in parts if part.params] or [part.path for part in parts]
    first, last = paths[0], paths[-1]
    if len(paths) == 1:
        return dotted(first)
    shared = [one for one, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first[:-1], last[:-1], strict=False))]
    return dotted(first) + "–" + dotted(last[len(shared) :])
