"""The input positions that an operator names, held against the support of gradients for all examples."""

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

import pytest
import torch
from operator_code import EXAMPLES, module_of, node_of, samples_of
from test_fields import averaging, positive  # noqa: F401
from torch import Tensor, nn

from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops.analysis import AxisWindow, InputDependence, Interval
from archdsl.ops.base import Example, Op

Position: TypeAlias = tuple[int, ...]


def views(dependence: InputDependence, x: Shape, y: Shape) -> Iterator[tuple[int, int]]:
    """Yield the numbers of axes before the positions, of an input and of the result, where both have positions."""
    if dependence.is_sequence is not True and x.rank == y.rank > 1:
        yield 1, 1
    if dependence.is_sequence is not False and y.rank == 2:
        # The positions of a sequence are its first axis; a map becomes a sequence with a step for each pixel.
        is_map = x.rank > 2 or (x.rank == 2 and x.dims[0] != y.dims[0] == x.dims[1])
        yield int(is_map), 0


def positions(shape: Shape, first: int, *, is_sequence: bool) -> Position:
    """Return the sizes of the axes that hold positions."""
    dims = shape.plain().dims
    return dims[:1] if is_sequence and first == 0 else dims[first:]


def allowed(dependence: InputDependence, unit: Position, sizes: Position) -> list[Interval]:
    """Return the first and the last position along each axis that a unit may read."""
    if dependence.everything:
        return [(0, size - 1) for size in sizes]
    axes = dependence.axes or tuple(AxisWindow(1, 0, 0) for _ in sizes)
    intervals = (axis.interval(place, place) for axis, place in zip(axes, unit, strict=True))
    return [(max(first, 0), min(last, size - 1)) for (first, last), size in zip(intervals, sizes, strict=True)]


def grid(dependence: InputDependence, x: Position, y: Position) -> Position:
    """Return the numbers of units along each axis of the input."""
    if len(x) == len(y) or dependence.everything:
        return y
    axes = dependence.axes or tuple(AxisWindow(1, 0, 0) for _ in x)
    return tuple((size - 1 - axis.last) * axis.per // axis.step + 1 for size, axis in zip(x, axes, strict=True))


class Support:
    """The positions of the inputs that the units of a result depend on, found by gradients or by changed indices."""

    def __init__(self, node: Node) -> None:
        torch.manual_seed(0)
        self.node = node
        self.module: nn.Module = positive(module_of(node))
        # Between 0.6 and 0.95 no activation of the table is constant.
        self.inputs = [
            (0.6 + 0.35 * torch.rand_like(x)).double() if x.is_floating_point() else x for x in samples_of(node)
        ]
        self.result = self._computed(self.inputs)
        self.weights = torch.rand_like(self.result)

    def _computed(self, inputs: list[Tensor]) -> Tensor:
        for x in inputs:
            x.requires_grad_(x.is_floating_point())
        result: Tensor = self.module(*inputs)
        return result

    def of(self, unit: tuple[int | slice, ...], number: int, before: int, axes: int) -> set[Position]:
        """Return the positions of an input on which a part of the result depends; `before` axes are no positions."""
        x = self.inputs[number]
        if x.is_floating_point():
            part = (self.result * self.weights)[(0, *unit)].sum()
            (gradient,) = torch.autograd.grad(part, [x], retain_graph=True)
            changes = gradient[0] != 0
        else:
            changes = self._changed(x, unit)
        others = [*range(before), *range(before + axes, changes.dim())]
        found = changes.any(dim=tuple(others)) if others else changes  # type: ignore[call-overload]
        return {tuple(map(int, place)) for place in found.nonzero()}

    def _changed(self, x: Tensor, unit: tuple[int | slice, ...]) -> Tensor:
        changes = torch.zeros_like(x[0], dtype=torch.bool)
        for place in product(*map(range, x.shape[1:])):
            other = x.clone()
            other[(0, *place)] = (other[(0, *place)] + 1) % self.node.op.indices()  # type: ignore[operator]
            changes[place] = not torch.equal(self.module(other)[(0, *unit)], self.result[(0, *unit)])
        return changes


def units(sizes: Position) -> list[Position]:
    """Return some units along the diagonal: the first, the last and some around the middle."""
    places = zip(*([0, *(min(size // 2 + n, size - 1) for n in range(6)), size - 1] for size in sizes), strict=True)
    return list(dict.fromkeys(places))


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize(("op", "example"), EXAMPLES)
def test_units_depend_on_the_positions_that_the_operator_names(op: type[Op], example: Example) -> None:
    node = node_of(example)
    support = Support(node)
    for number, shape in enumerate(node.inputs):
        dependence = node.op.input_dependence(node.inputs, node.shape)
        for before, first in views(dependence, shape, node.shape):
            compare(support, dependence, number, before, first)


def compare(support: Support, dependence: InputDependence, number: int, before: int, first: int) -> None:
    """Hold the dependence on one input against gradients; `before` and `first` are the axes before the positions."""
    node = support.node
    sizes = positions(node.inputs[number], before, is_sequence=first == 0)
    sides = positions(node.shape, first, is_sequence=first == 0)
    places = grid(dependence, sizes, sides)
    is_own = not dependence.axes and not dependence.everything
    moves, slack = False, []
    for unit in units(places):
        index = unit if len(places) == len(sides) else tuple(flat_index(unit, places))
        found = support.of((*[slice(None)] * first, *index), number, before, len(sizes))
        moves = moves or found != {unit}
        if is_own and sizes != places:
            # Sizes of 1 are stretched, and steps may be put before a sequence.
            assert len(found) <= 1
        elif not is_copied_border(node, unit, places):
            intervals = allowed(dependence, unit, sizes)
            assert all(inside(place, intervals) for place in found), (unit, intervals, found)
            ends = [(min(axis), max(axis)) for axis in zip(*found, strict=True)]
            slack.append([each for pair in zip(ends, intervals, strict=False) for each in distances(*pair)])
    # Windows with gaps reach their ends for some units only.
    too_wide = any(min(column) for column in zip(*filter(None, slack), strict=True))
    assert dependence.everything or not too_wide, slack
    # An operator whose units depend on their own positions only has to say so, for the maps behind it.
    assert moves or not dependence.everything or len(sizes) < 2 or sizes != sides


def distances(found: Interval, interval: Interval) -> Interval:
    """Return how far both ends of a support lie within the interval that the operator names."""
    return found[0] - interval[0], interval[1] - found[1]


def inside(place: Position, intervals: list[Interval]) -> bool:
    return all(first <= each <= last for each, (first, last) in zip(place, intervals, strict=True))


def flat_index(unit: Position, sizes: Position) -> Iterator[int]:
    """Yield the number of a unit, counted row by row."""
    number = 0
    for place, size in zip(unit, sizes, strict=True):
        number = number * size + place
    yield number


def is_copied_border(node: Node, unit: Position, sizes: Position) -> bool:
    """Whether a unit at the border is a copy of a pixel within, which receptive fields do not follow."""
    at_border = any(place in (0, size - 1) for place, size in zip(unit, sizes, strict=True))
    return at_border and node.op.values.get("mode") in ("reflect", "replicate")
