"""The input sizes for which a net is valid, and those for which its windows cover every pixel."""

from collections.abc import Callable
from dataclasses import dataclass
from math import lcm

from archdsl.base.shape import Shape
from archdsl.ir.graph import CheckedGraph, Input, Node, Path, dotted
from archdsl.ir.order import in_order
from archdsl.ops.adaptive import Adaptive
from archdsl.ops.reasons import PixelsUnread
from archdsl.ops.reduction import Reduction
from archdsl.report.receptive_fields import receptive_fields


@dataclass(frozen=True, slots=True)
class SizeResult:
    """The result of compiling a net for one input shape.

    Attributes:
        failure: The first error, None if the net is valid.
        unread: The steps whose windows leave pixels at the border unread, with the number of rows or columns.
        excess: The number of pixels of the input by which a smaller one is read whole up to the first of these steps.
        period: The number of pixels of the input after which the positions of all windows repeat.
        last_map: The result of the last step with a map, before pools of the whole map; None if there is no map.
        params, macs: The counts, None if the net is not valid.
    """

    shape: Shape
    failure: str | None = None
    unread: tuple[tuple[str, int], ...] = ()
    last_map: Shape | None = None
    params: int | None = None
    macs: int | None = None
    excess: int | None = None
    period: int | None = None

    @property
    def side(self) -> int:
        """The larger side of the input."""
        return int(max(self.shape.map))

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
    last = _last_map(graph)
    shape = graph.inputs[0].shape.plain()
    excess, period = _steps(graph) if unread else (None, None)
    return SizeResult(shape, None, unread, last, graph.params, graph.macs, excess, period)


def _last_map(graph: CheckedGraph) -> Shape | None:
    """Return the last map that is not computed only from pools of whole maps: those have one pixel for every input."""
    rank = graph.inputs[0].shape.rank
    pooled: set[Path] = set()
    last = None
    for node in in_order(graph.nodes):
        is_map = node.shape.rank == rank > 1
        pools = is_map and isinstance(node.op, Adaptive | Reduction)
        if (not is_map or max(node.shape.map) == 1) and (pools or pooled.issuperset(node.sources)):
            pooled.add(node.path)
        elif is_map:
            last = node.shape
    return last


def _reasons(node: Node) -> list[PixelsUnread]:
    return [reason for reason in node.op.advice(node.input) if isinstance(reason, PixelsUnread)]


def _unread(node: Node) -> int:
    return sum(reason.unread for reason in _reasons(node))


def _steps(graph: CheckedGraph) -> tuple[int | None, int | None]:
    """Return the excess and the period of a net that leaves pixels unread; None where the strides are not whole."""
    fields = receptive_fields(graph)
    strides = {path: max(field.stride) for path, field in fields.items() if field.axes and not field.everything}
    first = next(node for node in in_order(graph.nodes) if _reasons(node))
    stride = strides.get(first.sources[0])
    if stride is None or not all(each.denominator == 1 for each in strides.values()):
        return None, None
    over = max(reason.stride - (reason.fitting - reason.size) for reason in _reasons(first))
    return over * int(stride), lcm(*(int(each) for each in strides.values() if each))


def results_around(given: Input, compiled: Callable[[Shape], SizeResult], *, around: int) -> tuple[SizeResult, ...]:
    """Return the results for all square maps from `around` pixels below the size of an input to `around` above it.

    `compiled` compiles the net for one shape of the input.
    """
    side = int(max(given.shape.map))
    return tuple(compiled(with_side(given.shape, each)) for each in range(max(1, side - around), side + around + 1))


def nearest_whole(start: SizeResult, compiled: Callable[[Shape], SizeResult]) -> tuple[SizeResult, ...]:
    """Return the nearest smaller and larger sizes at which every pixel is read, as far as they are found.

    A map is made smaller by what its first window leaves unread, until no window leaves anything. Larger sizes are
    sought one period above.

    Args:
        start: A valid result.
        compiled: Compiles the net for one shape of the input.
    """
    found = [_descended(start, compiled)]
    if start.period is not None:
        above = None
        side = start.side + start.period
        while (next_one := _descended(compiled(with_side(start.shape, side)), compiled)) and next_one.side > start.side:
            above, side = next_one, next_one.side - 1
        found.append(above)
    return tuple(each for each in found if each is not None)


def _descended(result: SizeResult, compiled: Callable[[Shape], SizeResult]) -> SizeResult | None:
    """Return the result for the largest size, at most that of `result`, at which every pixel is read."""
    while result.is_valid and not result.is_whole:
        if result.excess is None or result.excess >= result.side:
            return None
        result = compiled(with_side(result.shape, result.side - result.excess))
    return result if result.is_whole else None
