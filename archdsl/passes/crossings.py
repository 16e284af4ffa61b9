"""The values that a model moves from one device to another."""

from collections.abc import Iterator
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.ir.graph import CountedGraph, Path, dotted
from archdsl.passes.lowering import Buildable, lowered
from archdsl.passes.transfers import is_move

FLOAT32 = 4
INT64 = 8


@dataclass(frozen=True, slots=True)
class Crossing:
    """A value that is moved from one device to another.

    Attributes:
        start: The device that computes the value, None for an input of the model.
        bytes: The size for one sample, as float32, or as int64 for an input of indices.
    """

    value: Path
    start: str | None
    end: str
    shape: Shape
    bytes: int

    @property
    def name(self) -> str:
        """Name of the step or input that gives the value."""
        return dotted(tuple(part for part in self.value if part))


def crossings(graph: Buildable) -> tuple[Crossing, ...]:
    """Return the values that the forward pass moves between devices, in the order of execution.

    Inputs that are moved to a device are included.
    """
    low = lowered(graph)
    where = {node.path: node.device for node in low.nodes}
    indices = frozenset(_indices(low))
    found: dict[tuple[Path, str], Crossing] = {}
    for node in filter(is_move, low.order):
        value, device = node.sources[0], node.device
        assert device
        if where.get(value) != device:
            each = Crossing(value, where.get(value), device, node.shape, _bytes(node.shape, indices=value in indices))
            found.setdefault((value, device), each)
    return tuple(found.values())


def transfer_bytes(graph: CountedGraph, value: Path, shape: Shape) -> int:
    """Return the size of a value for one sample, as float32, or as int64 for an input of indices."""
    return _bytes(shape, indices=value in _indices(graph))


def _indices(graph: CountedGraph) -> Iterator[Path]:
    """Yield the inputs that hold indices."""
    return (given.path for given in graph.inputs if graph.indices(given) is not None)


def _bytes(shape: Shape, *, indices: bool) -> int:
    return (INT64 if indices else FLOAT32) * shape.plain().volume
