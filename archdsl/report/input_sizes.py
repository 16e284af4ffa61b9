"""The input sizes for which a net is valid, and those for which its windows cover every pixel."""

from collections.abc import Callable
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Input, Node, dotted
from archdsl.ops.reasons import PixelsUnread


@dataclass(frozen=True, slots=True)
class SizeResult:
    """The result of compiling a net for one input shape.

    `failure` is the first error, None if the net is valid. `unread` holds the steps whose windows leave pixels at the
    border unread, with the number of rows or columns. The other fields are None if the net is not valid.
    """

    shape: Shape
    failure: str | None = None
    unread: tuple[tuple[str, int], ...] = ()
    last_map: Shape | None = None
    params: int | None = None
    macs: int | None = None

    @property
    def is_valid(self) -> bool:
        """Whether the net is valid for this input."""
        return self.failure is None

    @property
    def is_whole(self) -> bool:
        """Whether the net is valid and its windows cover every pixel of every map."""
        return self.is_valid and not self.unread

    def as_data(self) -> dict[str, object]:
        """Return the result as plain data for JSON."""
        return {
            "input": list(self.shape.dims),
            "valid": self.is_valid,
            "failure": self.failure,
            "unread": dict(self.unread),
            "last_map": list(map(int, self.last_map.dims)) if self.last_map else None,
            "parameters": self.params,
            "macs": self.macs,
        }


def with_side(shape: Shape, side: int) -> Shape:
    """Return a shape with the same channels and a map of `side` pixels along every axis."""
    return Shape((int(shape.channels), *(side for _ in shape.map)))


def result_of(graph: CheckedGraph) -> SizeResult:
    """Return the result for a valid net and the input that it was compiled for."""
    unread = tuple((dotted(node.path), lost) for node in graph.nodes if (lost := _unread(node)))
    maps = [
        node.shape
        for node in graph.nodes
        if node.shape.rank == graph.inputs[0].shape.rank > 1 and max(node.shape.map) > 1
    ]
    last = maps[-1] if maps else None
    return SizeResult(graph.inputs[0].shape.plain(), None, unread, last, graph.params, graph.macs)


def _unread(node: Node) -> int:
    return sum(reason.unread for reason in node.op.advice(node.input) if isinstance(reason, PixelsUnread))


def results_around(given: Input, compiled: Callable[[Shape], SizeResult], *, around: int) -> tuple[SizeResult, ...]:
    """Return the results for all square maps from `around` pixels below the size of an input to `around` above it.

    `compiled` compiles the net for one shape of the input.
    """
    side = int(max(given.shape.map))
    return tuple(compiled(with_side(given.shape, each)) for each in range(max(1, side - around), side + around + 1))
