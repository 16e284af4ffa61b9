"""The graph of a model: operators and submodules with their shapes, after blocks and loops are expanded.

The path of a node identifies it. The path is also the prefix of its weights in the `state_dict`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple, TypeAlias

from archdsl.base.guards import Guard
from archdsl.base.records import record
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.ir.answers import Answers
from archdsl.ir.assertions import Assertion
from archdsl.ir.origin import Origin
from archdsl.ir.uses import Use
from archdsl.ops.base import Emission, Op

Path: TypeAlias = tuple[str, ...]


def dotted(path: Path) -> str:
    """Return a path as the keys of a `state_dict` spell it."""
    return ".".join(path)


@dataclass(frozen=True, slots=True)
class Input:
    """An input tensor of the model."""

    name: str
    shape: Shape
    span: Span

    @property
    def path(self) -> Path:
        """The path by which steps refer to the input as their source."""
        return ("", self.name)


@record(frozen=True, slots=True)
class Node:
    """One use of an operator. Its shapes are expressed in the parameters of the block around it.

    Attributes:
        sources: The paths of the values that it reads.
        labelled: Whether the author chose its name.
        weights: The path of the step whose weights it shares, None if it has its own.
        optional: Whether it is a shortcut projection that other uses of its block may not need.
        tower: The number of the tower that it belongs to, None outside a group.
        stage: The number of its pipeline stage, None in a graph that is not cut.
        origin: The statement that it comes from; None for steps that a pass inserted.
    """

    path: Path
    op: Op
    sources: tuple[Path, ...]
    inputs: tuple[Shape, ...]
    shape: Shape
    span: Span
    device: str | None = None
    labelled: bool = False
    weights: Path | None = None
    optional: bool = False
    tower: int | None = None
    stage: int | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)
    _answers: Answers | None = field(default=None, repr=False, compare=False)

    @property
    def input(self) -> Shape:
        """Shape of the first input."""
        return self.inputs[0]

    @property
    def answers(self) -> Answers:
        """What its operator answers for its inputs. Equal steps share it."""
        found = self._answers
        if found is None or found.op is not self.op or found.inputs is not self.inputs or found.shape is not self.shape:
            found = Answers(self.op, self.inputs, self.shape)
            object.__setattr__(self, "_answers", found)
        return found

    @property
    def emission(self) -> Emission:
        """The code that computes it."""
        return self.answers.emission

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The conditions on parameters that its code demanded."""
        guards = self.answers.code[1]
        return tuple([guard._replace(span=self.span) for guard in guards]) if guards else guards

    @property
    def params(self) -> int:
        """Number of trainable parameters; 0 if it shares those of another step."""
        return 0 if self.weights else self.answers.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return self.answers.macs


class ChildNaming(Enum):
    """How a container names its children.

    KEYED is for a container that a pipeline cuts: its part in a stage keeps the names of the whole model.
    """

    NAMED = "named"
    NUMBERED = "numbered"
    KEYED = "keyed"


@record(frozen=True, slots=True)
class Container:
    """A submodule, or the model itself, with its children in the order of the source.

    Attributes:
        source: The path of the value that goes in; `input` is its shape in the parameters of the block around.
        output: The path of the value that comes out; `shape` is its shape in the parameters of the block around.
        use: The use of a block that it was made by, None for other submodules.
        weights: The path of the submodule whose weights it shares.
        inline: Whether steps outside read values inside it: towers that exchange streams or run on several devices.
        tower: The number of the tower in its group.
        origin: The statement that it comes from.
    """

    path: Path
    kind: ChildNaming
    children: "tuple[Node | Container, ...]"
    span: Span
    source: Path
    input: Shape
    output: Path
    shape: Shape
    use: Use | None = None
    weights: Path | None = None
    optional: bool = False
    inline: bool = False
    tower: int | None = None
    origin: Origin | None = field(default=None, repr=False, compare=False)

    def nodes(self) -> Iterator[Node]:
        """Yield all operators within, in the order of the source."""
        for child in self.children:
            if isinstance(child, Node):
                yield child
            else:
                yield from child.nodes()

    @property
    def params(self) -> int:
        """Number of trainable parameters within."""
        return sum(node.params for node in self.nodes())

    @property
    def macs(self) -> int:
        """Multiply-accumulates within, for one sample."""
        return sum(node.macs for node in self.nodes())


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the model.

    Attributes:
        name: Its name.
        value: Its value in this graph.
        used: Whether the model reads it.
        span: The place of its definition.
        default: Its value in terms of earlier parameters, for a number that was not set from outside.
        read_at: The place that reads it first, for a value other than a number: the generated class cannot take it.
    """

    name: str
    value: object
    used: bool
    span: Span
    default: int | float | None = None
    read_at: Span | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """An output tensor of the model, and the path of the step that computes it."""

    name: str
    path: Path
    shape: Shape
    when_training: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A model in which every step has its shape. Totals are not computed and assertions not checked yet.

    `roles` has the roles of inputs and results by their paths; what passes insert is plain.
    """

    name: str
    doc: tuple[str, ...]
    source: Source
    span: Span
    parameters: tuple[Parameter, ...]
    inputs: tuple[Input, ...]
    root: Container
    assertions: tuple[Assertion, ...]
    outputs: tuple[Output, ...]
    devices: tuple[str, ...] = ()
    overridden: bool = False
    guards: tuple[Guard, ...] = ()
    roles: Mapping[Path, Role] = field(default_factory=dict)

    def role(self, path: Path) -> Role:
        """Return the role of the axes of an input or a result."""
        return self.roles.get(path, Role.PLAIN)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All operators in the order of the source."""
        return tuple(self.root.nodes())


def only_in_training(graph: Graph) -> frozenset[Path]:
    """Return the paths of the operators that only outputs marked `when training` need.

    A submodule runs as a whole, so its operators are among them only if evaluation needs none of them.
    """
    if not any(output.when_training for output in graph.outputs):
        return frozenset()
    units = {path: unit for unit in _units(graph.root) for path in unit.made}
    always: set[Path] = set()
    waiting = [output.path for output in graph.outputs if not output.when_training]
    while waiting:
        unit = units.get(waiting.pop())
        if unit and not always.issuperset(unit.made):
            always |= unit.made
            waiting += unit.reads
    return frozenset(units.keys() - always)


class _Unit(NamedTuple):
    """An operator, or a submodule with all its operators, which runs as a whole."""

    made: frozenset[Path]
    reads: frozenset[Path]


def _units(container: Container) -> Iterator[_Unit]:
    for child in container.children:
        if isinstance(child, Node):
            yield _Unit(frozenset((child.path,)), frozenset(child.sources))
        elif child.inline:
            yield from _units(child)
        else:
            nodes = list(child.nodes())
            made = frozenset(node.path for node in nodes)
            reads = frozenset(source for node in nodes for source in node.sources)
            yield _Unit(made, (reads | {child.source, child.output}) - made)


@dataclass(frozen=True, slots=True)
class CountedGraph:
    """A graph with its totals, in the source form (CheckedGraph) or in the form of a build (LoweredGraph).

    `macs` are the multiply-accumulates of one sample during evaluation, without steps that only run in training.
    """

    graph: Graph
    params: int
    macs: int

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.graph.name

    @property
    def root(self) -> Container:
        """The model's own container."""
        return self.graph.root

    def role(self, path: Path) -> Role:
        """Return the role of the axes of an input or a result."""
        return self.graph.role(path)

    @property
    def doc(self) -> tuple[str, ...]:
        """Lines of documentation of the model."""
        return self.graph.doc

    @property
    def source(self) -> Source:
        """The file that defines the model."""
        return self.graph.source

    @property
    def span(self) -> Span:
        """Place of the definition in its file."""
        return self.graph.span

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Parameters of the model, in the order of declaration."""
        return self.graph.parameters

    @property
    def devices(self) -> tuple[str, ...]:
        """Names of the devices that the model declares; empty if it runs on one."""
        return self.graph.devices

    @property
    def inputs(self) -> tuple[Input, ...]:
        """Inputs of the model, in the order of declaration."""
        return self.graph.inputs

    @property
    def device_argument(self) -> str:
        """Name of the constructor argument of the generated module that takes the device or devices."""
        return "devices" if self.devices else "device"

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All operators in the order of the source."""
        return self.graph.nodes

    def indices(self, given: Input) -> int | None:
        """Return the number of different indices that an input may hold, None if it holds real numbers."""
        counts = [node.op.indices() for node in self.nodes if given.path in node.sources]
        found = [count for count in counts if count is not None]
        return min(found) if found else None

    @property
    def outputs(self) -> tuple[Output, ...]:
        """Outputs of the model: the main stream first, then the named outputs."""
        return self.graph.outputs

    @property
    def output(self) -> Output:
        """The output of the main stream."""
        return self.graph.outputs[0]


@dataclass(frozen=True, slots=True)
class CheckedGraph(CountedGraph):
    """A model as its source defines it: every shape is known and every assertion holds.

    Only `check` makes one. Passes that only give steps a device return a changed copy.
    """
