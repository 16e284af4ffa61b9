"""The input positions that an operator names, held against the support of gradients for all examples."""

from collections.abc import Iterator
from itertools import product
from typing import TypeAlias

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from operator_code import EXAMPLES, module_of, node_of, samples_of
from test_fields import averaging, positive  # noqa: F401
from torch import Tensor, nn

from archdsl.base.shape import Shape
from archdsl.ir.graph import Node
from archdsl.ops.base import Example, Op
from archdsl.ops.dependence import Interval, Positions, Reading, contains, joined, regrouped

Position: TypeAlias = tuple[int, ...]


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

    def _computed(self, inputs: list[Tensor]) -> Tensor:
        for x in inputs:
            x.requires_grad_(x.is_floating_point())
        result: Tensor = self.module(*inputs)
        return result

    def of(self, unit: Position, number: int) -> list[Position]:
        """Return the positions of an input on which an element of the result depends."""
        x = self.inputs[number]
        if x.is_floating_point():
            (gradient,) = torch.autograd.grad(self.result[(0, *unit)], [x], retain_graph=True)
            changes = gradient[0] != 0
        else:
            changes = self._changed(x, unit)
        return [tuple(map(int, place)) for place in changes.nonzero()]

    def _changed(self, x: Tensor, unit: Position) -> Tensor:
        changes = torch.zeros_like(x[0], dtype=torch.bool)
        for place in product(*map(range, x.shape[1:])):
            other = x.clone()
            other[(0, *place)] = (other[(0, *place)] + 1) % self.node.op.indices()  # type: ignore[operator]
            changes[place] = not torch.equal(self.module(other)[(0, *unit)], self.result[(0, *unit)])
        return changes


def units(sizes: Position) -> list[Position]:
    """Return some units: along the diagonal the first, the last and some around the middle, and two corners."""
    places = zip(
        *([0, *(min(max(size // 2 + n, 0), size - 1) for n in range(-2, 6)), size - 1] for size in sizes), strict=True
    )
    corners = [tuple(0 if axis % 2 == odd else size - 1 for axis, size in enumerate(sizes)) for odd in (0, 1)]
    return list(dict.fromkeys([*places, *corners]))


# Calls with other numbers than those of the examples.
MORE = [
    Example(call, Shape((2, 5, 6)), Shape(sizes))
    for call, sizes in (
        ("upsample(3, mode = bilinear)", (2, 15, 18)),
        ("upsample(3x4, mode = bicubic)", (2, 15, 24)),
        ("upsample(3, mode = bilinear, align_corners = true)", (2, 15, 18)),
    )
]


@pytest.mark.usefixtures("averaging")
@pytest.mark.parametrize(("op", "example"), [*EXAMPLES, *((None, each) for each in MORE)])
def test_units_depend_on_the_positions_that_the_operator_names(op: type[Op] | None, example: Example) -> None:
    node = node_of(example)
    support = Support(node)
    dependence = node.op.input_dependence(node.inputs, node.shape)
    assert len(dependence) == len(node.inputs)
    for number, reading in enumerate(dependence):
        compare(support, reading, number)


def compare(support: Support, reading: Reading, number: int) -> None:
    """Hold the dependence on one input against gradients, along each axis."""
    x, y = (shape.plain() for shape in (support.node.inputs[number], support.node.shape))
    assert len(reading) == x.rank
    slack, is_own = [], True
    for unit in units(y.dims):
        found = support.of(unit, number)
        is_own = is_own and found == [unit]
        said = named(reading, unit, x)
        if said is None:
            assert not found, unit
            continue
        assert all(inside(place, said) for place in found), (unit, said, found)
        if found:
            ends = [(min(axis), max(axis)) for axis in zip(*found, strict=True)]
            slack.append([each for three in zip(ends, said, x.dims, strict=True) for each in distances(*three)])
    # Windows with gaps reach their ends for some units only. All positions are the safe default.
    columns = [[each for each in column if each is not None] for column in zip(*slack, strict=True)]
    is_tight = not any(min(column) for column in columns if column)
    assert slack and (is_tight or not any(read.axes for read in reading)), slack
    # An operator whose units depend on their own positions only has to say so, for the maps behind it.
    assert not is_own or all(read.is_itself for read in reading)
    for read, size in zip(reading, x.dims, strict=True):
        if read.is_itself:
            places = range(min(size, y.dims[read.axes[0]]))
            assert all(list(read.read([range(place, place + 1)] * y.rank, size)) == [place] for place in places)


def named(reading: Reading, unit: Position, x: Shape) -> list[Interval] | None:
    """Return the positions along each axis that the operator names for a unit; None if it reads only padding."""
    whole = [range(place, place + 1) for place in unit]
    found = [read.read(whole, size) for read, size in zip(reading, x.dims, strict=True)]
    return [(min(each), max(each)) for each in found] if all(map(len, found)) else None


def distances(found: Interval, interval: Interval, size: int) -> tuple[int | None, int | None]:
    """Return how far both ends of a support lie within the interval that the operator names.

    None stands for an end of the axis, where the interval may have been cut off.
    """
    first, last = interval
    return found[0] - first if first > 0 else None, last - found[1] if last < size - 1 else None


def inside(place: Position, intervals: list[Interval]) -> bool:
    return all(first <= each <= last for each, (first, last) in zip(place, intervals, strict=True))


@given(st.lists(st.integers(0, 6), max_size=7), st.lists(st.integers(0, 6), max_size=7))
def test_sets_of_positions_are_joined_and_contained(one: list[int], other: list[int]) -> None:
    for first, second in product(sets(one), sets(other)):
        assert set(joined(first, second)) == {*first, *second}
        assert contains(first, second) == ({*first} >= {*second})


def sets(places: list[int]) -> list[Positions]:
    """Return positions as a set, and the range around them."""
    return [frozenset(places), range(min(places, default=0), max(places, default=-1) + 1)]


REGROUPED = [
    ((6, 4, 5), (6, 20)), ((6, 20), (6, 4, 5)), ((24,), (2, 3, 4)), ((2, 3, 4), (24,)), ((4, 6), (6, 4)),
    ((4, 1, 5), (4, 5)), ((4, 5), (1, 4, 5)), ((2, 3, 4, 5), (6, 20)), ((4, 6, 5), (8, 3, 5)), ((1, 1), (1,)),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after"), REGROUPED, ids=str)
def test_a_reshape_follows_the_axes_that_it_keeps_joins_or_takes_apart(before: Position, after: Position) -> None:
    x, y = Shape(before), Shape(after)
    (reading,) = regrouped(x, y)
    places = torch.arange(x.volume).reshape(after)
    for unit in product(*map(range, after)):
        place = tuple(map(int, torch.unravel_index(places[unit], before)))
        said = named(reading, unit, x)
        assert said is not None
        assert inside(place, said)
    is_exact = [tuple(sorted(each)) for each in (before, after)] != [(4, 6), (4, 6)] and before != (4, 6, 5)
    if is_exact:
        assert all(first == last for first, last in boxes(reading, x, y))


def boxes(reading: Reading, x: Shape, y: Shape) -> Iterator[Interval]:
    for unit in product(*map(range, y.dims)):
        yield from named(reading, unit, x) or ()
