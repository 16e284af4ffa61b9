"""The graph of a model: what the steps of its source unfolded to.

Nodes are identified by their path, which is also the name of their weights in the `state_dict`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeAlias

from archdsl.base.shape import Shape
from archdsl.base.source import Source, Span
from archdsl.diag.model import Problems
from archdsl.ops.base import Emission, Op

Path: TypeAlias = tuple[str, ...]


def dotted(path: Path) -> str:
    """Return a path as the keys of a `state_dict` spell it."""
    return ".".join(path)


@dataclass(frozen=True, slots=True)
class Input:
    """A tensor that comes in."""

    name: str
    shape: Shape
    span: Span

    @property
    def path(self) -> Path:
        """What steps that read the input name as their source."""
        return ("", self.name)


@dataclass(frozen=True, slots=True)
class Node:
    """One use of an operator, with the shapes that it meets, as the block that it stands in sees them.

    `labelled` says that its name is the author's, `weights` is the path of the step whose weights it shares, `optional`
    says that it projects a shortcut, which other uses of its block may not need. `tower` is the number of its tower
    in a group, `stage` that of its stage in a pipeline.
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

    @property
    def input(self) -> Shape:
        """Shape of the first input."""
        return self.inputs[0]

    @property
    def emission(self) -> Emission:
        """The code that computes it."""
        return self.op.emission(self.inputs)

    @property
    def params(self) -> int:
        """Number of trainable parameters that it has for itself."""
        return 0 if self.weights else int(self.op.params(self.input.plain()))

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return int(self.op.macs(self.input.plain(), self.shape.plain()))


class ChildNaming(Enum):
    """How a container calls its children; those of a part of one, as a pipeline cuts it, have the keys of the whole."""

    NAMED = "named"
    NUMBERED = "numbered"
    KEYED = "keyed"


@dataclass(frozen=True, slots=True)
class Argument:
    """A parameter of a block in one use of it: its value as the caller computes it, and the default if it has one.

    A default may be computed from the other parameters, by their names in the block.
    """

    name: str
    value: int | float
    default: int | float | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """The use of a block that a container is; `tensors` are the streams that it is given beside the first."""

    block: str
    doc: tuple[str, ...]
    span: Span
    arguments: tuple[Argument, ...]
    tensors: tuple[tuple[str, Path], ...] = ()


@dataclass(frozen=True, slots=True)
class Container:
    """A submodule, or the model itself, with its children in the order of execution.

    `source` and `output` are the steps whose results go in and come out, with their shapes as the surroundings see
    them. `inline` says that others look inside: the towers of a group that exchange their streams or run on several
    devices. `tower` is the number of a tower in its group.
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

    def nodes(self) -> Iterator[Node]:
        """Yield all operators within, in the order of execution."""
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
    """A parameter of the model. A pinned one has shaped the structure, so the generated module cannot vary it."""

    name: str
    value: object
    pinned: bool
    used: bool
    span: Span


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of a part of a test, and its text for a message. `holds` is None if its value is no truth value."""

    span: Span
    holds: bool | None
    text: str


class Test(Protocol):
    """The test of an assertion, which can be evaluated when the totals of its scope are known."""

    def outcomes(self, totals: Mapping[str, int], problems: Problems) -> Iterator[Outcome]:
        """Yield the outcomes of the parts of the test. A part that cannot be computed is reported and left out."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """An `assert` in the body of `scope`. Messages about it carry `notes`."""

    test: Test
    scope: Path = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Output:
    """A tensor that goes out, and the step that computes it."""

    name: str
    path: Path
    shape: Shape
    when_training: bool = False
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A model whose steps all have their shapes. `check` computes its totals and evaluates its assertions."""

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


def only_in_training(graph: Graph) -> frozenset[Path]:
    """Return the paths of the operators that no output of an evaluation needs; none if there are no others.

    A submodule runs as a whole, so its operators are among them only if none is needed.
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


@dataclass(frozen=True, slots=True)
class _Unit:
    """What runs as a whole: an operator, or a submodule with all its operators."""

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
class CheckedGraph:
    """A whole model: every shape is known and every assertion holds. Only `check` makes one.

    `macs` are the multiply-accumulates of an evaluation for one sample: what only the training computes is left out.
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
        """What the constructor of the generated module calls where it is to be built."""
        return "devices" if self.devices else "device"

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All operators in the order of execution."""
        return tuple(self.graph.root.nodes())

    def indices(self, given: Input) -> int | None:
        """Return how many different indices an input may hold; None where it is real numbers."""
        counts = [node.op.indices() for node in self.nodes if given.path in node.sources]
        found = [count for count in counts if count is not None]
        return min(found) if found else None

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What goes out: the stream first, then what is named."""
        return self.graph.outputs

    @property
    def output(self) -> Output:
        """The stream at its end."""
        return self.graph.outputs[0]
