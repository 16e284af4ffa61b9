"""What goes from one device to another."""

from dataclasses import dataclass
from math import prod

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Path, dotted
from archdsl.ir.order import in_order
from archdsl.passes.pipelines import lowered
from archdsl.passes.transfers import is_move

FLOAT32 = 4
INT64 = 8


@dataclass(frozen=True, slots=True)
class Crossing:
    """A value that is moved: `start` is the device that computes it, None for what comes in.

    `bytes` are those of one sample, in float32, or in int64 where indices come in.
    """

    value: Path
    start: str | None
    end: str
    shape: Shape
    bytes: int

    @property
    def name(self) -> str:
        """The value as its step or its input is called."""
        return dotted(tuple(part for part in self.value if part))


def crossings(graph: CheckedGraph) -> tuple[Crossing, ...]:
    """Return what a model's forward pass moves between its devices, in the order of the steps; what comes in too."""
    low = lowered(graph)
    where = {node.path: node.device for node in low.nodes}
    indices = {given.path for given in graph.inputs if graph.indices(given) is not None}
    found: dict[tuple[Path, str], Crossing] = {}
    for node in filter(is_move, in_order(low.nodes)):
        value, device = node.sources[0], node.device
        assert device
        if where.get(value) != device:
            size = INT64 if value in indices else FLOAT32
            each = Crossing(value, where.get(value), device, node.shape, size * prod(map(int, node.shape.dims)))
            found.setdefault((value, device), each)
    return tuple(found.values())
