"""The fusion of one group: what becomes of the steps of its towers, and what others read in their place."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, ChildNaming, Container, Node, Output, Path, dotted
from archdsl.ops.base import Op, Stateless
from archdsl.ops.merge import Concat
from archdsl.ops.rearrange import Slice
from archdsl.passes.alike import CannotFuse, require_alike, under
from archdsl.passes.lanewise import Lanewise, Part
from archdsl.target.reserved import free_label


@dataclass(frozen=True, slots=True)
class _Share:
    """The channels of one lane in a value that holds those of all lanes."""

    path: Path
    lane: int


# What a value of the graph with towers is in the fused one.
_Found: TypeAlias = Path | _Share


@dataclass(slots=True)
class _Place:
    """A container in the making, with what has been cut out and put together for the steps in it."""

    path: Path
    taken: set[str]
    children: list[Node | Container] = field(default_factory=list)
    known: dict[tuple[_Found, ...], Path] = field(default_factory=dict)

    @staticmethod
    def of(container: Container, path: Path, around: "_Place | None" = None) -> "_Place":
        """Return the place of what comes of a container; it sees what has been made around it."""
        return _Place(
            path, {child.path[-1] for child in container.children}, known=dict(around.known) if around else {}
        )


class Fusion:
    """Makes one submodule, at `path`, of the lanes of a group.

    A step in it reads what all lanes read alike, or the streams of all lanes, which lie behind each other along the
    first axis; its result is likewise one value for all lanes, or holds a share of each.
    """

    def __init__(self, graph: CheckedGraph, lanes: tuple[Container, ...]) -> None:
        self._graph = graph
        self._lanes = lanes
        self._found: dict[Path, _Found] = {}
        self.path = (*lanes[0].path[:-1], self._name())

    def graph(self) -> CheckedGraph:
        """Return the graph with the submodule in place of the lanes."""
        self._found |= self._cuts()
        one = self._container(self._lanes, self.path, None)
        self._found |= dict(self._joins())
        root = self._graph.root
        place = self._rebuilt(root, one, None)
        outputs = tuple(self._output(each, place, root) for each in self._graph.outputs)
        output = self._whole(root.output, root.shape, place, root)
        made = replace(root, children=tuple(place.children), source=self._entry(root.source, place), output=output)
        return replace(self._graph, graph=replace(self._graph.graph, root=made, outputs=outputs))

    def _name(self) -> str:
        """Return what the submodule is called: like the towers, without their numbers."""
        around = next(each for each in _containers(self._graph.root) if each.path == self._lanes[0].path[:-1])
        taken = {child.path[-1] for child in around.children}
        names = [lane.path[-1] for lane in self._lanes]
        length = next((n for n, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), None)
        stem = free_label(names[0][:length].rstrip("0123456789_") or "towers")
        return next(name for number in count() if (name := f"{stem}_{number}" if number else stem) not in taken)

    # values

    def _of(self, path: Path) -> _Found:
        found = self._found.get(path)
        if found is None and any(under(path, lane) for lane in self._lanes):
            raise CannotFuse(f"`{dotted(path)}` is read by a step of another tower that stands before it")
        return path if found is None else found

    def _entry(self, path: Path, place: _Place) -> Path:
        """Return the value that goes into a container."""
        found = self._of(path)
        return place.known.get((found,), found.path) if isinstance(found, _Share) else found

    def _side_by_side(self, paths: Iterable[Path]) -> Path | None:
        """Return the value that holds these, one of each lane in the order of lanes, and nothing else."""
        found = [self._of(path) for path in paths]
        first = found[0]
        if not isinstance(first, _Share) or found != [_Share(first.path, lane) for lane in range(len(self._lanes))]:
            return None
        return first.path

    def _whole(self, path: Path, shape: Shape, place: _Place, reader: Node | Container) -> Path:
        """Return a value of its own for what may be the share of a lane."""
        found = self._of(path)
        if not isinstance(found, _Share):
            return found
        size = shape.channels
        op = Part(start=found.lane * size, stop=(found.lane + 1) * size)
        return self._helper((found,), op, (found.path,), (self._times(shape),), shape, place, reader)

    def _abreast(self, paths: tuple[Path, ...], shape: Shape, place: _Place, reader: Node | Container) -> Path:
        """Return the value that holds one of each lane, behind each other."""
        whole = self._side_by_side(paths)
        if whole is not None:
            return whole
        sources = tuple(self._whole(path, shape, place, reader) for path in paths)
        shapes = (shape,) * len(paths)
        return self._helper(tuple(map(self._of, paths)), Concat(), sources, shapes, self._times(shape), place, reader)

    def _helper(
        self, key: tuple[_Found, ...], op: Op, sources: tuple[Path, ...], inputs: tuple[Shape, ...], shape: Shape,
        place: _Place, reader: Node | Container,
    ) -> Path:  # fmt: skip
        """Return the result of a step that nobody wrote, which is taken once in a container."""
        if key not in place.known:
            name = next(name for number in count() if (name := f"{op.name}_{number}") not in place.taken)
            place.taken.add(name)
            path = (*place.path, name)
            place.children.append(Node(path, op, sources, inputs, shape, reader.span, optional=reader.optional))
            place.known[key] = path
        return place.known[key]

    def _times(self, shape: Shape) -> Shape:
        return Shape((len(self._lanes) * shape.channels, *shape.map))

    # around the lanes

    def _joins(self) -> Iterator[tuple[Path, Path]]:
        """Yield the steps around the lanes that put all of them together, as they are already."""
        for node in self._graph.nodes:
            whole = None if any(under(node.path, lane) for lane in self._lanes) else self._joined(node)
            if whole is not None:
                yield node.path, whole

    def _joined(self, node: Node) -> Path | None:
        is_join = isinstance(node.op, Concat) and not node.op.axis
        return self._side_by_side(node.sources) if is_join else None

    def _rebuilt(self, container: Container, one: Container, around: _Place | None) -> _Place:
        """Return the children of a container around the lanes or beside them, with one submodule in their place."""
        place = _Place.of(container, container.path, around)
        for child in container.children:
            if child.path == self._lanes[0].path:
                place.children.append(one)
            elif isinstance(child, Node) and child.path not in self._found:
                sources = tuple(
                    self._whole(*each, place, child) for each in zip(child.sources, child.inputs, strict=True)
                )
                place.children.append(replace(child, sources=sources))
            elif isinstance(child, Container) and all(child.path != lane.path for lane in self._lanes):
                # What goes into a submodule is cut out before it, as other uses of its block know nothing of lanes.
                for path in (child.source, *(path for _, path in _tensors(child))):
                    self._whole(path, self._shape(path, child.input), place, child)
                inner = self._rebuilt(child, one, place)
                output = self._whole(child.output, child.shape, inner, child)
                place.children.append(self._with_entries(child, inner, output))
        return place

    def _shape(self, path: Path, otherwise: Shape) -> Shape:
        """Return the shape of what a lane gives, as its surroundings see it."""
        return next((lane.shape for lane in self._lanes if lane.output == path), otherwise)

    def _with_entries(self, container: Container, place: _Place, output: Path) -> Container:
        use = container.use
        if use:
            tensors = tuple((name, self._entry(path, place)) for name, path in use.tensors)
            use = replace(use, tensors=tensors)
        source = self._entry(container.source, place)
        return replace(container, children=tuple(place.children), source=source, output=output, use=use)

    def _output(self, output: Output, place: _Place, root: Container) -> Output:
        return replace(output, path=self._whole(output.path, output.shape, place, root))

    def _cuts(self) -> dict[Path, _Found]:
        """Return the parts that one value is cut into for the lanes, if nobody else reads them."""
        nodes = {node.path: node for node in self._graph.nodes}
        cuts = [nodes.get(lane.source) for lane in self._lanes]
        found: dict[Path, _Found] = {}
        for number, (lane, cut) in enumerate(zip(self._lanes, cuts, strict=True)):
            first = cuts[0]
            if cut is None or first is None or not isinstance(cut.op, Slice) or cut.sources != first.sources:
                return {}
            size = cut.shape.channels
            is_part = not cut.op.axis and cut.op.start == number * size and cut.input.channels == size * len(cuts)
            if not is_part or self._is_read_beside(cut.path, lane):
                return {}
            found[cut.path] = _Share(cut.sources[0], number)
        return found

    def _is_read_beside(self, path: Path, lane: Container) -> bool:
        """Whether a value is read elsewhere than in a lane, or is one of the numbered children of a submodule."""
        nodes = [node.path for node in self._graph.nodes if path in node.sources]
        containers = [each for each in _containers(self._graph.root) if path in (each.source, each.output)]
        around = next(each for each in _containers(self._graph.root) if each.path == path[:-1])
        goes_out = any(output.path == path for output in self._graph.outputs)
        readers = [*nodes, *(each.path for each in containers)]
        return goes_out or around.kind is ChildNaming.NUMBERED or not all(under(reader, lane) for reader in readers)

    # the lanes

    def _container(self, row: tuple[Container, ...], path: Path, around: _Place | None) -> Container:
        """Return what becomes of the submodules in one place of all lanes."""
        require_alike(row)
        first = row[0]
        place = _Place.of(first, path, around)
        for children in zip(*(each.children for each in row), strict=True):
            require_alike(children)
            nodes = tuple(child for child in children if isinstance(child, Node))
            containers = tuple(child for child in children if isinstance(child, Container))
            if nodes:
                self._step(nodes, place)
            else:
                place.children.append(self._container(containers, (*path, containers[0].path[-1]), place))
        outputs = tuple(each.output for each in row)
        if len(set(map(self._of, outputs))) == 1:
            output, shape = self._whole(first.output, first.shape, place, first), first.shape
        else:
            output, shape = self._abreast(outputs, first.shape, place, first), self._times(first.shape)
        given = self._times(first.input) if self._side_by_side(each.source for each in row) else first.input
        made = replace(first, path=path, input=given, shape=shape, inline=False, tower=None)
        return self._with_entries(made, place, output)

    def _step(self, row: tuple[Node, ...], place: _Place) -> None:
        """Enter what becomes of the steps in one place of all lanes."""
        first = row[0]
        if all(len(set(map(self._of, paths))) == 1 for paths in zip(*(node.sources for node in row), strict=True)):
            whole = self._joined(first)
            if whole is not None:
                self._found |= {node.path: whole for node in row}
                return
            is_same = isinstance(first.emission, Stateless) and not first.op.is_random
            op = first.op if is_same else first.op.fuse_shared_input(len(row), first.inputs)
            if op is not None:
                pairs = zip(first.sources, first.inputs, strict=True)
                sources = tuple(self._whole(path, shape, place, first) for path, shape in pairs)
                shape = first.shape if is_same else self._times(first.shape)
                self._enter(row, op, sources, first.inputs, shape, place, is_same=is_same)
                return
        op = self._apart(first)
        sources = tuple(
            self._abreast(tuple(node.sources[number] for node in row), shape, place, first)
            for number, shape in enumerate(first.inputs)
        )
        inputs = tuple(map(self._times, first.inputs))
        self._enter(row, op, sources, inputs, self._times(first.shape), place, is_same=False)

    def _enter(
        self, row: tuple[Node, ...], op: Op, sources: tuple[Path, ...], inputs: tuple[Shape, ...], shape: Shape,
        place: _Place, *, is_same: bool,
    ) -> None:  # fmt: skip
        path = (*place.path, row[0].path[-1])
        made = replace(row[0], path=path, op=op, sources=sources, inputs=inputs, shape=shape, tower=None)
        place.children.append(made)
        for lane, node in enumerate(row):
            self._found[node.path] = path if is_same else _Share(path, lane)

    def _apart(self, node: Node) -> Op:
        """Return the operator that does for all lanes what that of a step does for one."""
        found = node.op.fuse_parallel(len(self._lanes), node.inputs)
        if found is not None:
            return found
        if isinstance(node.emission, Stateless):
            return Lanewise(node.op, len(self._lanes))
        where = f"`{dotted(node.path)}` (line {node.span.line})"
        raise CannotFuse(f"{where}: {node.op.name} on {node.input} has no form for several towers at once")


def _containers(container: Container) -> Iterator[Container]:
    yield container
    for child in container.children:
        if isinstance(child, Container):
            yield from _containers(child)


def _tensors(container: Container) -> tuple[tuple[str, Path], ...]:
    return container.use.tensors if container.use else ()
