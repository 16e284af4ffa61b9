"""The table of a net: what each step and submodule gives, holds, computes, keeps and sees."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.ir.graph import Container, CountedGraph, Node, Path, dotted, only_in_training
from archdsl.passes.lowering import Buildable, lowered
from archdsl.report.memory import Memory, memory
from archdsl.report.receptive_fields import Field, fields
from archdsl.report.types import TYPES


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums over steps: numbers that are trained and that are not, operations and bytes of a batch.

    `activations` are the bytes of what comes out of the steps, `kept` what autograd keeps of them for a training.
    """

    params: int = 0
    fixed: int = 0
    macs: int = 0
    activations: int = 0
    kept: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.params + other.params,
            self.fixed + other.fixed,
            self.macs + other.macs,
            self.activations + other.activations,
            self.kept + other.kept,
        )

    @property
    def flops(self) -> int:
        """Operations of convolutions and matrix products: a multiplication and an addition each."""
        return 2 * self.macs


@dataclass(frozen=True, slots=True)
class Row:
    """One step, or a submodule with the sums of what it holds.

    `field` is what a unit of the result sees of the first input; None where it sees nothing of it.
    """

    path: str
    depth: int
    what: str
    is_container: bool
    input: str
    output: str
    counts: Counts
    field: Field | None
    device: str | None
    line: int

    @property
    def name(self) -> str:
        """The step's own name, without those of its submodules."""
        return self.path.rsplit(".", 1)[-1]

    @property
    def params(self) -> int:
        """Parameters that are trained."""
        return self.counts.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of a batch."""
        return self.counts.macs


@dataclass(frozen=True, slots=True)
class Report:
    """The table of a model and its totals; `macs` and bytes are those of a batch."""

    model: str
    source: str
    inputs: tuple[tuple[str, str], ...]
    batch: int
    dtype: str
    rows: tuple[Row, ...]
    totals: Counts
    memory: Memory
    devices: tuple[tuple[str, Counts], ...]
    stages: tuple[tuple[str, Counts], ...]

    @property
    def params(self) -> int:
        """Parameters that are trained."""
        return self.totals.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of an evaluation of a batch."""
        return self.totals.macs

    @property
    def weight_bytes(self) -> dict[str, int]:
        """Bytes of the trained parameters by the type of their numbers."""
        return {name: width * self.params for name, width in TYPES.items()}

    def to_depth(self, depth: int | None) -> tuple[Row, ...]:
        """Return the rows down to a depth; 1 shows the children of the model."""
        return tuple(row for row in self.rows if depth is None or row.depth < depth)


def report(graph: Buildable, *, batch: int = 1, dtype: str = "float32") -> Report:
    """Return the table of a model for a batch of numbers of one type."""
    counted = lowered(graph).without_moves
    used = memory(counted, batch=batch, width=TYPES[dtype])
    table = _Table(counted, batch, TYPES[dtype], used, fields(counted))
    left_out = only_in_training(counted.graph)
    nodes = counted.nodes
    evaluated = [table.counts(node) for node in nodes if node.path not in left_out]
    everything = sum(map(table.counts, nodes), Counts())
    macs = sum(counts.macs for counts in evaluated)
    return Report(
        model=graph.name,
        source=graph.source.name,
        inputs=tuple((given.name, str(given.shape)) for given in graph.inputs),
        batch=batch,
        dtype=dtype,
        rows=tuple(table.rows(counted.root, 0)),
        totals=Counts(everything.params, everything.fixed, macs, everything.activations, everything.kept),
        memory=used,
        devices=_grouped((node.device, table.counts(node)) for node in nodes if node.device),
        stages=_grouped((_stage(node.shape), table.counts(node)) for node in nodes),
    )


@dataclass(frozen=True, slots=True)
class _Table:
    """Makes the rows of a net."""

    graph: CountedGraph
    batch: int
    width: int
    memory: Memory
    fields: dict[Path, Field]

    def counts(self, node: Node) -> Counts:
        """Return the counts of a step."""
        volume = 0 if node.op.autograd.is_view else node.shape.plain().volume
        return Counts(
            params=node.params,
            fixed=0 if node.weights else int(node.op.fixed(node.input.plain())),
            macs=node.macs * self.batch,
            activations=volume * self.batch * self.width,
            kept=self.memory.kept_by.get(node.path, 0),
        )

    def rows(self, container: Container, depth: int) -> Iterator[Row]:
        """Yield the rows of a submodule's children."""
        for child in container.children:
            yield self._row(child, depth)
            if isinstance(child, Container):
                yield from self.rows(child, depth + 1)

    def _row(self, child: Node | Container, depth: int) -> Row:
        is_container = isinstance(child, Container)
        nodes = list(child.nodes()) if isinstance(child, Container) else [child]
        devices = sorted({node.device for node in nodes if node.device})
        given = child.inputs if isinstance(child, Node) else (child.input,)
        end = child.output if isinstance(child, Container) else child.path
        return Row(
            path=dotted(child.path),
            depth=depth,
            what=_what(child),
            is_container=is_container,
            input=" + ".join(map(str, given)),
            output=str(child.shape),
            counts=sum(map(self.counts, nodes), Counts()),
            field=self.fields.get(end),
            device=", ".join(devices) or None,
            line=child.span.line,
        )


def _what(child: Node | Container) -> str:
    """Return the title of an operator, or the name of a submodule's block; empty if it has no block."""
    if isinstance(child, Node):
        return child.op.drawing(child.input).title
    return child.use.block if child.use else ""


def _grouped(parts: Iterable[tuple[str | None, Counts]]) -> tuple[tuple[str, Counts], ...]:
    found: dict[str, Counts] = {}
    for name, counts in parts:
        assert name
        found[name] = found.get(name, Counts()) + counts
    return tuple(found.items())


def _stage(shape: Shape) -> str:
    """Return the stage that a step belongs to: all that give maps of the same sides, as papers draw their tables."""
    if shape.rank <= 1:
        return "vectors"
    return str(Shape(shape.map).plain()) if shape.rank > 2 else f"{int(shape.dims[0])} steps"
