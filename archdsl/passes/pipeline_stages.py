"""Pipeline stages: cuts a graph into consecutive graphs, each of which takes the outputs of the one before."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from archdsl.base.guards import Guard
from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.base.symbolic import is_traced
from archdsl.elaborate.values import untraced
from archdsl.ir.graph import (
    CheckedGraph,
    ChildNaming,
    Container,
    CountedGraph,
    Graph,
    Input,
    Node,
    Output,
    Parameter,
    Path,
    dotted,
)
from archdsl.ir.order import in_order
from archdsl.ir.tree import with_nodes
from archdsl.ir.uses import Argument
from archdsl.ops.pooling import Subsample
from archdsl.passes.lowering import LoweredGraph, lowered_part
from archdsl.passes.transfers import Relay
from archdsl.target.reserved import why_no_parameter

# Methods of `nn.ModuleDict`, which holds the parts of a submodule: a child with one of these names would hide it.
_METHODS = frozenset({"clear", "items", "keys", "pop", "update", "values"})


@dataclass(frozen=True, slots=True)
class Unit:
    """A part that a pipeline never cuts: a step, one use of a block, or the towers of a group.

    `path` is that of its first step or submodule, `nodes` are the paths of its steps.
    """

    path: Path
    nodes: tuple[Path, ...]


def units(graph: CountedGraph, opened: Collection[Path] = ()) -> tuple[Unit, ...]:
    """Return the units that can be assigned to stages, in the order of execution.

    The blocks in `opened` are divided into units of their own. Steps that share weights are in one unit, with all steps
    between them.
    """
    found = list(_units(graph.root, frozenset(opened)))
    order = {node.path: number for number, node in enumerate(in_order(graph.nodes))}
    found.sort(key=lambda unit: min(order[path] for path in unit.nodes))
    owner = {path: number for number, unit in enumerate(found) for path in unit.nodes}
    shares = [sorted((owner[node.weights], owner[node.path])) for node in graph.nodes if node.weights]
    merged: list[list[Unit]] = []
    reach = -1
    for number, unit in enumerate(found):
        if number > reach:
            merged.append([])
        merged[-1].append(unit)
        reach = max([reach, number, *(last for first, last in shares if first == number)])
    return tuple(Unit(some[0].path, tuple(path for unit in some for path in unit.nodes)) for some in merged)


def _units(container: Container, opened: frozenset[Path]) -> Iterator[Unit]:
    towers: list[Container] = []
    for child in container.children:
        if isinstance(child, Container) and child.inline:
            towers.append(child)
            continue
        yield from _joined(towers)
        towers = []
        if isinstance(child, Node):
            yield Unit(child.path, (child.path,))
        elif child.weights or (child.use and child.path not in opened) or _is_tight(child):
            yield from _joined([child])
        else:
            yield from _units(child, opened)
    yield from _joined(towers)


def _joined(containers: list[Container]) -> Iterator[Unit]:
    paths = tuple(node.path for container in containers for node in container.nodes())
    if paths:
        yield Unit(containers[0].path, paths)


def _is_tight(container: Container) -> bool:
    return not _METHODS.isdisjoint(child.path[-1] for child in container.children)


@dataclass(frozen=True, slots=True)
class PipelineStage:
    """A stage of a pipeline: its graph, and the paths in the whole model of the values that are its inputs."""

    graph: LoweredGraph
    values: tuple[Path, ...]


def staged(graph: CheckedGraph, chosen: Sequence[Sequence[Unit]]) -> tuple[PipelineStage, ...]:
    """Return the stages of a pipeline. Weights keep the names of the whole model, parameters become numbers.

    Args:
        graph: The model in its source form.
        chosen: The units of each stage, in the order of execution.

    A stage also passes on values that only later stages need. It sends a copy of a value that it reads itself or that
    may be a view: schedules with split backward passes (zero bubble; Qi et al. 2024) free the tensors that they sent.
    """
    stage_of = {path: number for number, some in enumerate(chosen) for unit in some for path in unit.nodes}
    root = with_nodes(_plain(graph.root, stage_of), lambda node: replace(node, stage=stage_of[node.path], device=None))
    cut = _Cut(graph, root, stage_of, len(chosen))
    return tuple(cut.stage(number) for number in range(len(chosen)))


def _plain(container: Container, stage_of: Mapping[Path, int]) -> Container:
    """Return a container in which numbers are plain, not expressions in the parameters of the model.

    Blocks within one stage keep their own parameters. Blocks that are cut are merged into the container around them.
    """
    children: list[Node | Container] = []
    for child in container.children:
        if isinstance(child, Node):
            op = type(child.op)(**{name: untraced(value) for name, value in child.op.values.items()})
            inputs = tuple(shape.plain() for shape in child.inputs)
            children.append(replace(child, op=op, inputs=inputs, shape=child.shape.plain()))
        elif child.use and _stages(child, stage_of) <= 1:
            use = replace(child.use, arguments=tuple(map(_plain_argument, child.use.arguments)))
            children.append(replace(child, input=child.input.plain(), shape=child.shape.plain(), use=use))
        else:
            children.append(_plain(child, stage_of))
    given, made = container.input.plain(), container.shape.plain()
    return replace(container, children=tuple(children), input=given, shape=made, use=None)


def _plain_argument(argument: Argument) -> Argument:
    value = untraced(argument.value)
    assert isinstance(value, int | float)
    return replace(argument, value=value)


def _stages(container: Container, stage_of: Mapping[Path, int]) -> int:
    return len({stage_of[node.path] for node in container.nodes()})


def _may_be_a_view(node: Node) -> bool:
    """Return whether the operator's output may share memory with its input."""
    return node.op.family == "other" or isinstance(node.op, Subsample)


@dataclass(slots=True)
class _Cut:
    """A graph whose steps all have a stage.

    `last` is the last stage that needs a value, `count` for outputs; `views` are the values that may be views.
    """

    graph: CheckedGraph
    root: Container
    stage_of: Mapping[Path, int]
    count: int
    shapes: dict[Path, Shape] = field(default_factory=dict)
    last: dict[Path, int] = field(default_factory=dict)
    views: frozenset[Path] = frozenset()

    def __post_init__(self) -> None:
        nodes = in_order(self.root.nodes())
        self.views = frozenset(node.path for node in nodes if _may_be_a_view(node))
        self.shapes = {given.path: given.shape.plain() for given in self.graph.inputs}
        self.shapes |= {node.path: node.shape.plain() for node in nodes}
        for node in nodes:
            for source in node.sources:
                self.last[source] = max(self.last.get(source, 0), self.stage_of[node.path])
        for output in self.graph.outputs:
            # The last stage returns all outputs, so they are passed on to it, as if a further stage read them.
            self.last[output.path] = self.count

    def _given(self, number: int) -> tuple[Path, ...]:
        """Return the tensors that enter a stage: produced by an earlier stage and used by this or a later one."""
        if number == 0:
            return tuple(given.path for given in self.graph.inputs)
        return tuple(
            path
            for path in self.shapes
            if self.stage_of.get(path, -1) < number and self.last.get(path, -1) >= min(number, self.count)
        )

    def _names(self, number: int) -> dict[Path, str]:
        """Return the parameters of the `forward` of a stage, by the value that each holds."""
        given = self._given(number)
        if number == 0:
            return {path: path[1] for path in given}
        if len(given) == 1:
            return {given[0]: "x"}
        names: dict[Path, str] = {}
        for path in given:
            name = "_".join(part for part in path if part).replace("@", "_")
            while why_no_parameter(name) or name in names.values():
                name += "_"
            names[path] = name
        return names

    def stage(self, number: int) -> PipelineStage:
        """Return the stage with a number, from 0."""
        names = self._names(number)
        known = {path: ("", name) for path, name in names.items()}
        root = self._part(self.root, number, known)
        assert root is not None
        inputs = tuple(Input(name, self.shapes[path], self.graph.span) for path, name in names.items())
        reads = {source for node in root.nodes() for source in node.sources}
        outputs: list[Output] = []
        relays: list[Node] = []
        for path, name, span in self._results(number):
            source = known.get(path, path)
            if source[0] == "" or (number + 1 < self.count and (source in reads or source in self.views)):
                relay = (f"{name}-relay",)
                shape = self.shapes[path]
                relays.append(Node(relay, Relay(), (source,), (shape,), shape, self.graph.span, stage=number))
                source = relay
            outputs.append(Output(name, source, self.shapes[path], span=span))
        end = outputs[0]
        root = replace(root, children=(*root.children, *relays), output=end.path, shape=end.shape)
        return PipelineStage(self._graph(number, inputs, root, tuple(outputs)), tuple(names))

    def _results(self, number: int) -> list[tuple[Path, str, Span | None]]:
        """Return the outputs of a stage: the inputs of the next one, or those of the model."""
        if number + 1 < self.count:
            return [(path, name, None) for path, name in self._names(number + 1).items()]
        return [(output.path, output.name, output.span) for output in self.graph.outputs]

    def _graph(
        self, number: int, inputs: tuple[Input, ...], root: Container, outputs: tuple[Output, ...]
    ) -> LoweredGraph:
        whole = self.graph.graph
        steps = [dotted(node.path) for node in root.nodes() if not isinstance(node.op, Relay)]
        doc = (f"Stage {number + 1} of {self.count} of {whole.name}: {steps[0]} to {steps[-1]}.",)
        graph = Graph(
            name=f"Stage{number}",
            doc=doc,
            source=whole.source,
            span=whole.span,
            parameters=whole.parameters,
            inputs=inputs,
            root=root,
            assertions=(),
            outputs=outputs,
            guards=tuple(_fixing(whole.parameters)),
        )
        return lowered_part(graph)

    def _part(self, container: Container, number: int, known: Mapping[Path, Path]) -> Container | None:
        """Return the part of a container that is in a stage, None if there is none. Its children keep their names."""
        children: list[Node | Container] = []
        for child in container.children:
            if isinstance(child, Container):
                part = self._part(child, number, known)
                children += [part] if part else []
            elif self.stage_of[child.path] == number:
                sources = tuple(known.get(source, source) for source in child.sources)
                children.append(replace(child, sources=sources))
        if not children and container.path:
            return None
        use = container.use
        if use:
            tensors = tuple((name, known.get(path, path)) for name, path in use.tensors)
            use = replace(use, tensors=tensors)
        made = replace(container, children=tuple(children), use=use)
        if not container.path:
            return replace(made, source=known.get(container.source, container.source))
        first, last = children[0], children[-1]
        start = first.sources[0] if isinstance(first, Node) else first.source
        end = last.path if isinstance(last, Node) else last.output
        if _stages(container, self.stage_of) > 1:
            made = replace(made, kind=ChildNaming.KEYED, input=first.input, shape=last.shape)
            return replace(made, source=start, output=end)
        # A submodule may ignore its stream or return another one, which need not exist in this stage.
        source = self._in_stage(container.source, number, known) or start
        return replace(made, source=source, output=self._in_stage(container.output, number, known) or end)

    def _in_stage(self, value: Path, number: int, known: Mapping[Path, Path]) -> Path | None:
        """Return the path of a value in a stage, None if the stage neither receives nor computes it."""
        return known.get(value, value if self.stage_of.get(value) == number else None)


def _fixing(parameters: Iterable[Parameter]) -> Iterator[Guard]:
    """Yield the guards that fix all parameters."""
    for each in parameters:
        if is_traced(each.value):
            yield Guard("==", ((each.value, each.value.real),), None)
