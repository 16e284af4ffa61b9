"""Fusion of the towers of one group: replaces their steps, and rewires the steps that read their results.

A result of a fused step holds the channels of all towers, tower after tower along the first axis. The class keeps track
of which value, or which share of a value, stands for each value of the original graph.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TypeAlias

from archdsl.base.shape import Shape
from archdsl.ir.graph import ChildNaming, Container, Graph, Node, Output, Path, dotted
from archdsl.ops.base import Op, Submodule
from archdsl.ops.merge import Concat
from archdsl.ops.rearrange import Slice
from archdsl.passes.alike import CannotFuse, require_alike, under
from archdsl.passes.per_tower import PerTower, TowerChannels
from archdsl.target.reserved import free_label


@dataclass(frozen=True, slots=True)
class _Share:
    """The channels of one tower in a value that holds those of all towers."""

    path: Path
    tower: int


# The value of the fused graph that stands for a value of the original graph.
_Found: TypeAlias = Path | _Share


@dataclass(slots=True)
class _Draft:
    """A container under construction.

    Attributes:
        taken: The names of its children.
        known: The values that inserted slices and concatenations compute in it or around it, by what they stand for.
    """

    path: Path
    taken: set[str]
    children: list[Node | Container] = field(default_factory=list)
    known: dict[tuple[_Found, ...], Path] = field(default_factory=dict)

    @staticmethod
    def of(container: Container, path: Path, around: "_Draft | None" = None) -> "_Draft":
        """Return an empty draft for a container; values that are known around it are known in it."""
        return _Draft(
            path, {child.path[-1] for child in container.children}, known=dict(around.known) if around else {}
        )


class Fusion:
    """Makes one submodule, at `path`, of the towers of a group.

    A step in it reads a value that all towers share, or the concatenated streams of all towers. Its result, too, is
    either one value for all towers, or holds a share for each.
    """

    def __init__(self, graph: Graph, towers: tuple[Container, ...]) -> None:
        self._graph = graph
        self._towers = towers
        self._found: dict[Path, _Found] = {}
        self.path = (*towers[0].path[:-1], self._name())

    def graph(self) -> Graph:
        """Return the graph in which the submodule replaces the towers.

        Raises CannotFuse if a step has no fused form, or if the towers differ.
        """
        self._found |= self._cuts()
        one = self._container(self._towers, self.path, None)
        self._found |= dict(self._joins())
        root = self._graph.root
        draft = self._rebuilt(root, one, None)
        outputs = tuple(self._output(each, draft, root) for each in self._graph.outputs)
        output = self._whole(root.output, root.shape, draft, root)
        made = replace(root, children=tuple(draft.children), source=self._entry(root.source, draft), output=output)
        return replace(self._graph, root=made, outputs=outputs)

    def _name(self) -> str:
        """Return the name of the submodule: that of the towers, without their numbers."""
        around = next(each for each in _containers(self._graph.root) if each.path == self._towers[0].path[:-1])
        taken = {child.path[-1] for child in around.children}
        names = [tower.path[-1] for tower in self._towers]
        length = next((n for n, letters in enumerate(zip(*names, strict=False)) if len(set(letters)) > 1), None)
        stem = free_label(names[0][:length].rstrip("0123456789_") or "towers")
        return next(name for number in count() if (name := f"{stem}_{number}" if number else stem) not in taken)

    # values

    def _of(self, path: Path) -> _Found:
        """Return the value or share that stands for a value of the original graph."""
        found = self._found.get(path)
        if found is None and any(under(path, tower) for tower in self._towers):
            words = f"`{dotted(path)}` is computed after the step of another tower that reads it"
            raise CannotFuse(self._towers[0].span, words)
        return path if found is None else found

    def _entry(self, path: Path, draft: _Draft) -> Path:
        """Return the path of the value that enters a container."""
        found = self._of(path)
        return draft.known.get((found,), found.path) if isinstance(found, _Share) else found

    def _held_together(self, paths: Iterable[Path]) -> Path | None:
        """Return the value that is exactly the concatenation of these, one of each tower in order, if there is one."""
        found = [self._of(path) for path in paths]
        first = found[0]
        if not isinstance(first, _Share) or found != [_Share(first.path, tower) for tower in range(len(self._towers))]:
            return None
        return first.path

    def _whole(self, path: Path, shape: Shape, draft: _Draft, reader: Node | Container) -> Path:
        """Return the path of a value. If it is a share of a value, a slice is inserted that computes it."""
        found = self._of(path)
        if not isinstance(found, _Share):
            return found
        size = shape.channels
        op = TowerChannels(start=found.tower * size, stop=(found.tower + 1) * size)
        return self._helper((found,), op, (found.path,), (self._times(shape),), shape, draft, reader)

    def _concatenated(self, paths: tuple[Path, ...], shape: Shape, draft: _Draft, reader: Node | Container) -> Path:
        """Return the concatenation of values, one of each tower. A concat is inserted if no value is that already."""
        whole = self._held_together(paths)
        if whole is not None:
            return whole
        sources = tuple(self._whole(path, shape, draft, reader) for path in paths)
        shapes = (shape,) * len(paths)
        return self._helper(tuple(map(self._of, paths)), Concat(), sources, shapes, self._times(shape), draft, reader)

    def _helper(
        self, key: tuple[_Found, ...], op: Op, sources: tuple[Path, ...], inputs: tuple[Shape, ...], shape: Shape,
        draft: _Draft, reader: Node | Container,
    ) -> Path:  # fmt: skip
        """Return the result of an inserted step. A container gets one such step for each key."""
        if key not in draft.known:
            name = next(name for number in count() if (name := f"{op.name}_{number}") not in draft.taken)
            draft.taken.add(name)
            path = (*draft.path, name)
            draft.children.append(Node(path, op, sources, inputs, shape, reader.span, optional=reader.optional))
            draft.known[key] = path
        return draft.known[key]

    def _times(self, shape: Shape) -> Shape:
        return Shape((len(self._towers) * shape.channels, *shape.map))

    # around the towers

    def _joins(self) -> Iterator[tuple[Path, Path]]:
        """Yield the concats after the towers, with the value that is that concatenation already."""
        for node in self._graph.nodes:
            whole = None if any(under(node.path, tower) for tower in self._towers) else self._joined(node)
            if whole is not None:
                yield node.path, whole

    def _joined(self, node: Node) -> Path | None:
        is_join = isinstance(node.op, Concat) and not node.op.axis
        return self._held_together(node.sources) if is_join else None

    def _rebuilt(self, container: Container, one: Container, around: _Draft | None) -> _Draft:
        """Return a container outside the towers, in which the new submodule `one` replaces them."""
        draft = _Draft.of(container, container.path, around)
        for child in container.children:
            if child.path == self._towers[0].path:
                draft.children.append(one)
            elif isinstance(child, Node) and child.path not in self._found:
                sources = tuple(
                    self._whole(*each, draft, child) for each in zip(child.sources, child.inputs, strict=True)
                )
                draft.children.append(replace(child, sources=sources))
            elif isinstance(child, Container) and all(child.path != tower.path for tower in self._towers):
                # Slices for the inputs of a submodule precede it, because other uses of its block may have no towers.
                for path in (child.source, *(path for _, path in _tensors(child))):
                    self._whole(path, self._shape(path, child.input), draft, child)
                inner = self._rebuilt(child, one, draft)
                output = self._whole(child.output, child.shape, inner, child)
                draft.children.append(self._with_entries(child, inner, output))
        return draft

    def _shape(self, path: Path, otherwise: Shape) -> Shape:
        """Return the shape of the result of a tower, in the parameters of the block around; else `otherwise`."""
        return next((tower.shape for tower in self._towers if tower.output == path), otherwise)

    def _with_entries(self, container: Container, draft: _Draft, output: Path) -> Container:
        use = container.use
        if use:
            tensors = tuple((name, self._entry(path, draft)) for name, path in use.tensors)
            use = replace(use, tensors=tensors)
        source = self._entry(container.source, draft)
        return replace(container, children=tuple(draft.children), source=source, output=output, use=use)

    def _output(self, output: Output, draft: _Draft, root: Container) -> Output:
        return replace(output, path=self._whole(output.path, output.shape, draft, root))

    def _cuts(self) -> dict[Path, _Found]:
        """Return the slices of one value that feed the towers, as its shares, if only the towers read them."""
        nodes = {node.path: node for node in self._graph.nodes}
        cuts = [nodes.get(tower.source) for tower in self._towers]
        found: dict[Path, _Found] = {}
        for number, (tower, cut) in enumerate(zip(self._towers, cuts, strict=True)):
            first = cuts[0]
            if cut is None or first is None or not isinstance(cut.op, Slice) or cut.sources != first.sources:
                return {}
            size = cut.shape.channels
            is_part = not cut.op.axis and cut.op.start == number * size and cut.input.channels == size * len(cuts)
            if not is_part or self._is_read_outside(cut.path, tower):
                return {}
            found[cut.path] = _Share(cut.sources[0], number)
        return found

    def _is_read_outside(self, path: Path, tower: Container) -> bool:
        """Return whether a value is read outside a tower, or its step is a numbered child of a submodule."""
        nodes = [node.path for node in self._graph.nodes if path in node.sources]
        containers = [each for each in _containers(self._graph.root) if path in (each.source, each.output)]
        around = next(each for each in _containers(self._graph.root) if each.path == path[:-1])
        goes_out = any(output.path == path for output in self._graph.outputs)
        readers = [*nodes, *(each.path for each in containers)]
        return goes_out or around.kind is ChildNaming.NUMBERED or not all(under(reader, tower) for reader in readers)

    # the towers

    def _container(self, row: tuple[Container, ...], path: Path, around: _Draft | None) -> Container:
        """Return the submodule that replaces the submodules with one position in all towers."""
        require_alike(row)
        first = row[0]
        draft = _Draft.of(first, path, around)
        for children in zip(*(each.children for each in row), strict=True):
            require_alike(children)
            nodes = tuple(child for child in children if isinstance(child, Node))
            containers = tuple(child for child in children if isinstance(child, Container))
            if nodes:
                self._step(nodes, draft)
            else:
                draft.children.append(self._container(containers, (*path, containers[0].path[-1]), draft))
        outputs = tuple(each.output for each in row)
        if len(set(map(self._of, outputs))) == 1:
            output, shape = self._whole(first.output, first.shape, draft, first), first.shape
        else:
            output, shape = self._concatenated(outputs, first.shape, draft, first), self._times(first.shape)
        self._found |= self._results(row, output)
        given = self._times(first.input) if self._held_together(each.source for each in row) else first.input
        made = replace(first, path=path, input=given, shape=shape, inline=False, tower=None)
        return self._with_entries(made, draft, output)

    def _results(self, row: tuple[Container, ...], output: Path) -> dict[Path, _Found]:
        """Return the values for steps outside a new submodule that stand for the outputs of the old ones.

        Only its own output can be read outside: the value of all towers, or the concatenation of their values.
        """
        found = {each.output: self._of(each.output) for each in row if under(each.output, each)}
        if output in found.values():
            return {}
        return {each.output: _Share(output, tower) for tower, each in enumerate(row) if each.output in found}

    def _step(self, row: tuple[Node, ...], draft: _Draft) -> None:
        """Enter the step that replaces the steps with one position in all towers."""
        first = row[0]
        if all(len(set(map(self._of, paths))) == 1 for paths in zip(*(node.sources for node in row), strict=True)):
            whole = self._joined(first)
            if whole is not None:
                self._found |= {node.path: whole for node in row}
                return
            is_same = not isinstance(first.emission, Submodule) and not first.op.is_random
            op = first.op if is_same else first.op.fusion(len(row), first.inputs).shared_input
            if op is not None:
                pairs = zip(first.sources, first.inputs, strict=True)
                sources = tuple(self._whole(path, shape, draft, first) for path, shape in pairs)
                shape = first.shape if is_same else self._times(first.shape)
                self._enter(row, op, sources, first.inputs, shape, draft, is_same=is_same)
                return
        op = self._for_all(first)
        sources = tuple(
            self._concatenated(tuple(node.sources[number] for node in row), shape, draft, first)
            for number, shape in enumerate(first.inputs)
        )
        inputs = tuple(map(self._times, first.inputs))
        self._enter(row, op, sources, inputs, self._times(first.shape), draft, is_same=False)

    def _enter(
        self, row: tuple[Node, ...], op: Op, sources: tuple[Path, ...], inputs: tuple[Shape, ...], shape: Shape,
        draft: _Draft, *, is_same: bool,
    ) -> None:  # fmt: skip
        path = (*draft.path, row[0].path[-1])
        made = replace(row[0], path=path, op=op, sources=sources, inputs=inputs, shape=shape, tower=None)
        draft.children.append(made)
        for tower, node in enumerate(row):
            self._found[node.path] = path if is_same else _Share(path, tower)

    def _for_all(self, node: Node) -> Op:
        """Return the operator that applies the operator of a step to each tower of a concatenated input."""
        found = node.op.fusion(len(self._towers), node.inputs).parallel
        if found is not None:
            return found
        if not isinstance(node.emission, Submodule):
            return PerTower(node.op, len(self._towers))
        words = f"`{dotted(node.path)}`: {node.op.name} on {node.input} has no fused form for several towers"
        raise CannotFuse(node.span, words)


def _containers(container: Container) -> Iterator[Container]:
    yield container
    for child in container.children:
        if isinstance(child, Container):
            yield from _containers(child)


def _tensors(container: Container) -> tuple[tuple[str, Path], ...]:
    return container.use.tensors if container.use else ()
