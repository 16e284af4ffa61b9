"""For which sizes of the input a net is valid, and which of them it reads whole."""

from collections.abc import Callable
from dataclasses import dataclass

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Input, Node, dotted
from archdsl.ops.reasons import PixelsUnread


@dataclass(frozen=True, slots=True)
class Size:
    """What becomes of a net with an input of other sides.

    `failure` says why there is none, as the first step says it that does not take it. `unread` are the steps that leave
    pixels out, and how many rows or columns; the rest is None or empty where there is no net.
    """

    shape: Shape
    failure: str | None = None
    unread: tuple[tuple[str, int], ...] = ()
    last_map: Shape | None = None
    params: int | None = None
    macs: int | None = None

    @property
    def is_valid(self) -> bool:
        """Whether there is a net of this size."""
        return self.failure is None

    @property
    def is_whole(self) -> bool:
        """Whether every pixel of every map is read."""
        return self.is_valid and not self.unread

    def as_data(self) -> dict[str, object]:
        """Return it as plain data."""
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
    """Return a shape whose map has this side along every axis."""
    return Shape((int(shape.channels), *(side for _ in shape.map)))


def judged(graph: CheckedGraph) -> Size:
    """Return what a net makes of the input that it has."""
    unread = tuple((dotted(node.path), lost) for node in graph.nodes if (lost := _unread(node)))
    maps = [
        node.shape
        for node in graph.nodes
        if node.shape.rank == graph.inputs[0].shape.rank > 1 and max(node.shape.map) > 1
    ]
    last = maps[-1] if maps else None
    return Size(graph.inputs[0].shape.plain(), None, unread, last, graph.params, graph.macs)


def _unread(node: Node) -> int:
    return sum(reason.unread for reason in node.op.advice(node.input) if isinstance(reason, PixelsUnread))


def fitting(given: Input, judge: Callable[[Shape], Size], *, around: int) -> tuple[Size, ...]:
    """Return what becomes of each size from `around` pixels below that of an input to as many above it."""
    side = int(max(given.shape.map))
    return tuple(judge(with_side(given.shape, each)) for each in range(max(1, side - around), side + around + 1))
