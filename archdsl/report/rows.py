"""The records of `archdsl summary`: shapes, counts, memory and receptive field of each step and submodule."""

from collections.abc import Iterable
from dataclasses import field, replace

from archdsl.base.byte_sizes import DTYPE_BYTES
from archdsl.base.records import record
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.ir.graph import Container, CountedGraph, Node, Path, dotted, only_in_training
from archdsl.passes.lowering import Buildable, before_moves
from archdsl.report.memory import Memory, memory
from archdsl.report.receptive_fields import ReceptiveField, receptive_fields


@record(frozen=True, slots=True)
class Counts:
    """Counts of a step, or their sums over several: numbers in the `state_dict`, operations and bytes of one batch.

    `params` are trained, `fixed` are not (running statistics and fixed tables). `activations` are the bytes of the
    results, `saved` those that autograd saves for the backward pass.
    """

    params: int = 0
    fixed: int = 0
    macs: int = 0
    activations: int = 0
    saved: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.params + other.params,
            self.fixed + other.fixed,
            self.macs + other.macs,
            self.activations + other.activations,
            self.saved + other.saved,
        )

    @property
    def flops(self) -> int:
        """Floating-point operations of convolutions and matrix products: two for each multiply-accumulate."""
        return 2 * self.macs


@record(frozen=True, slots=True)
class Row:
    """One step, or a submodule with the sums of its steps.

    `what` is the title of the operator or the name of the block. `field` is the receptive field on the first input, or
    None where the result does not depend on it. `is_leaf` says that the table has no rows for the children.
    """

    path: str
    depth: int
    what: str
    is_container: bool
    is_leaf: bool
    inputs: tuple[Shape, ...]
    output: Shape
    counts: Counts
    field: ReceptiveField | None
    device: str | None
    line: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit(".", 1)[-1]


@record(frozen=True, slots=True)
class Report:
    """The rows of a model and its totals for one batch; a stage consists of all steps whose maps have the same size."""

    model: str
    source: str
    inputs: tuple[tuple[str, Shape], ...]
    batch: int
    dtype: str
    rows: tuple[Row, ...]
    totals: Counts
    memory: Memory
    devices: tuple[tuple[str, Counts], ...]
    stages: tuple[tuple[str, Counts], ...]

    @property
    def params(self) -> int:
        """Number of trained parameters."""
        return self.totals.params

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one batch during inference."""
        return self.totals.macs

    @property
    def weight_bytes(self) -> dict[str, int]:
        """Bytes of the trained parameters for each number type."""
        return {name: width * self.params for name, width in DTYPE_BYTES.items()}

    def to_depth(self, depth: int | None) -> tuple[Row, ...]:
        """Return the rows down to a depth, all without one; a depth of 1 stops at the children of the model."""
        if depth is None:
            return self.rows
        return tuple(
            replace(row, is_leaf=True) if row.depth == depth - 1 else row for row in self.rows if row.depth < depth
        )


def report(graph: Buildable, *, batch: int = 1, dtype: str = "float32") -> Report:
    """Return the rows and totals of a model for a batch of `batch` samples with numbers of type `dtype`."""
    counted = before_moves(graph)
    used = memory(counted, batch=batch, width=DTYPE_BYTES[dtype])
    table = _Table(counted, batch, DTYPE_BYTES[dtype], used, receptive_fields(counted))
    left_out = only_in_training(counted.graph)
    nodes = counted.nodes
    evaluated = [table.counts(node) for node in nodes if node.path not in left_out]
    everything = sum(map(table.counts, nodes), Counts())
    macs = sum(counts.macs for counts in evaluated)
    return Report(
        model=graph.name,
        source=graph.source.name,
        inputs=tuple((given.name, given.shape.plain()) for given in graph.inputs),
        batch=batch,
        dtype=dtype,
        rows=tuple(table.rows()),
        totals=replace(everything, macs=macs),
        memory=used,
        devices=_grouped((node.device, table.counts(node)) for node in nodes if node.device),
        stages=_grouped((_stage(counted.role(node.path), node.shape), table.counts(node)) for node in nodes),
    )


@record(frozen=True, slots=True)
class _Table:
    """Builds the rows of a net."""

    graph: CountedGraph
    batch: int
    width: int
    memory: Memory
    fields: dict[Path, ReceptiveField]
    known: dict[Path, Counts] = field(default_factory=dict)

    def counts(self, node: Node) -> Counts:
        """Return the counts of a step."""
        found = self.known.get(node.path)
        if found is None:
            found = self.known[node.path] = self._counted(node)
        return found

    def _counted(self, node: Node) -> Counts:
        volume = 0 if node.op.autograd.is_view else node.answers.plain_shape.volume
        return Counts(
            params=node.params,
            fixed=0 if node.weights else node.answers.fixed,
            macs=node.macs * self.batch,
            activations=volume * self.batch * self.width,
            saved=self.memory.saved_by.get(node.path, 0),
        )

    def rows(self) -> list[Row]:
        """Return the rows of all steps and submodules, depth first."""
        found: list[Row] = []
        self._enter(self.graph.root, 0, found)
        return found

    def _enter(self, container: Container, depth: int, found: list[Row]) -> tuple[Counts, frozenset[str]]:
        """Append the rows of a submodule's children; return its sums and its devices."""
        counts: list[Counts] = []
        devices: frozenset[str] = frozenset()
        for child in container.children:
            if isinstance(child, Node):
                found.append(self._step(child, depth))
                counts.append(found[-1].counts)
                devices |= {child.device} if child.device else set()
                continue
            # The row of a submodule is above those of its children, whose sums it holds.
            place = len(found)
            found.append(self._submodule(child, depth))
            sums, inner = self._enter(child, depth + 1, found)
            found[place] = replace(found[place], counts=sums, device=", ".join(sorted(inner)) or None)
            counts.append(sums)
            devices |= inner
        return sum(counts, Counts()), devices

    def _step(self, node: Node, depth: int) -> Row:
        return Row(
            path=dotted(node.path),
            depth=depth,
            what=node.answers.drawing.title,
            is_container=False,
            is_leaf=True,
            inputs=node.answers.plain_inputs,
            output=node.answers.plain_shape,
            counts=self.counts(node),
            field=self.fields.get(node.path),
            device=node.device,
            line=node.span.line,
        )

    def _submodule(self, container: Container, depth: int) -> Row:
        return Row(
            path=dotted(container.path),
            depth=depth,
            what=container.use.block if container.use else "",
            is_container=True,
            is_leaf=False,
            inputs=(container.input.plain(),),
            output=container.shape.plain(),
            counts=Counts(),
            field=self.fields.get(container.output),
            device=None,
            line=container.span.line,
        )


def _grouped(parts: Iterable[tuple[str | None, Counts]]) -> tuple[tuple[str, Counts], ...]:
    found: dict[str, Counts] = {}
    for name, counts in parts:
        assert name
        found[name] = found.get(name, Counts()) + counts
    return tuple(found.items())


def _stage(role: Role, shape: Shape) -> str:
    """Return the name of the stage that a step belongs to: the size of its map or sequence."""
    if shape.rank <= 1:
        return "vectors"
    positions = Shape(tuple(shape.dims[axis] for axis in role.position_axes(shape.rank))).plain()
    if role is Role.SEQUENCE:
        return f"{positions} steps"
    if role.is_map:
        return f"length {positions}" if positions.rank == 1 else str(positions)
    return str(shape.plain())
