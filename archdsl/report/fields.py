"""Receptive fields: which part of an input a unit of a step can see.

`fields` goes forward and gives size and stride for all steps as if the map had no border; `seen` goes back from one
unit and is exact, borders and all.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from typing import TypeAlias

from archdsl.ir import CheckedGraph, Input, Node, Path
from archdsl.ops.views import Reach, Sight
from archdsl.passes.order import in_order
from archdsl.shape import Shape

# The first and the last position along an axis.
Span = tuple[int, int]
Number: TypeAlias = int | Fraction


@dataclass(frozen=True, slots=True)
class Field:
    """What unit o of a step sees along each axis of an input's map: from step*o + first to step*o + last.

    With `everything` it sees the whole input. `is_sequence` says that units are steps of a sequence; it is None as long
    as nothing tells.
    """

    axes: tuple[Reach, ...]
    everything: bool = False
    is_sequence: bool | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels that a unit sees along each axis, if no border is near."""
        return tuple(floor(axis.last - axis.first) + 1 for axis in self.axes)

    @property
    def stride(self) -> tuple[Fraction, ...]:
        """Pixels between what neighbouring units see."""
        return tuple(axis.step for axis in self.axes)

    @property
    def centre(self) -> tuple[Fraction, ...]:
        """Middle of what the first unit sees; below 0 it lies in the padding."""
        return tuple((axis.first + axis.last) / 2 for axis in self.axes)


def positions(shape: Shape) -> tuple[int, ...]:
    """Return the sizes of the axes along which units have positions: those of a map, none for a vector."""
    return tuple(map(int, shape.map))


def fields(graph: CheckedGraph, given: Input | None = None) -> dict[Path, Field]:
    """Return what the steps see of an input, the first one if none is given; steps that see nothing are left out."""
    given = given or graph.inputs[0]
    sizes = positions(given.shape)
    start = Field(tuple(Reach.of(1, 0, 0) for _ in sizes), is_sequence=True if not sizes else None)
    found = {given.path: start if len(sizes) != 0 else replace(start, everything=True)}
    for node in in_order(graph.nodes):
        sight = node.op.sight(node.inputs, node.shape)
        parts = [
            _composed(found[source], sight, shape, node.shape, sizes)
            for source, shape in zip(node.sources, node.inputs, strict=True)
            if source in found
        ]
        if parts:
            found[node.path] = _united(parts, sizes)
    return found


def _composed(field: Field, sight: Sight, x: Shape, y: Shape, sizes: tuple[int, ...]) -> Field:
    kind = field.is_sequence if sight.is_sequence is None else sight.is_sequence
    mixed = sight.is_sequence is True and field.is_sequence is False and x.rank == 2 == y.rank and len(sizes) == 1
    # Where positions have become more or fewer axes than the input has, which is which is not followed.
    lost = bool(sight.axes) and len(sight.axes) != len(field.axes)
    if field.everything or sight.everything or mixed or lost:
        return Field(field.axes, everything=True, is_sequence=kind)
    axes = field.axes
    if sight.axes:
        axes = tuple(_along(axis, reach) for axis, reach in zip(field.axes, sight.axes, strict=True))
    elif len(x.map) == len(axes) == len(y.map):
        # A side of 1 is stretched: all units see what the only one saw.
        stretched = (a == 1 and b > 1 for a, b in zip(x.map, y.map, strict=True))
        axes = tuple(replace(axis, step=Fraction(0)) if s else axis for axis, s in zip(axes, stretched, strict=True))
    return _whole(Field(axes, is_sequence=kind), y, sizes)


def _whole(field: Field, shape: Shape, sizes: tuple[int, ...]) -> Field:
    """Return a field that says so where its only unit sees the whole input."""
    covers = (axis.first <= 0 and axis.last >= size - 1 for axis, size in zip(field.axes, sizes, strict=True))
    alone = shape.rank == len(sizes) + 1 and all(side == 1 for side in shape.map)
    return replace(field, everything=alone and all(covers))


def _along(field: Reach, reach: Reach) -> Reach:
    """Return what a unit sees through another one."""
    return Reach(field.step * reach.step, field.step * reach.first + field.first, field.step * reach.last + field.last)


def _united(parts: list[Field], sizes: tuple[int, ...]) -> Field:
    if any(part.everything for part in parts):
        return replace(parts[0], everything=True)
    axes = []
    for number in range(len(sizes)):
        along = [part.axes[number] for part in parts]
        first, last = min(axis.first for axis in along), max(axis.last for axis in along)
        axes.append(Reach(max(axis.step for axis in along), first, last))
    return replace(parts[0], axes=tuple(axes))


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a step reads a value: `axes` are step, first and last along each axis of `sizes`, none for all positions."""

    source: Path
    sizes: tuple[int, ...]
    axes: tuple[tuple[Number, Number, Number], ...] | None

    def read(self, spans: tuple[Span, ...]) -> tuple[Span, ...] | None:
        """Return the positions that units within these spans read; None where they read only padding."""
        if self.axes is None or len(self.sizes) != len(spans):
            return tuple((0, size - 1) for size in self.sizes)
        found = []
        for size, (step, first, last), (start, end) in zip(self.sizes, self.axes, spans, strict=True):
            low, high = max(ceil(step * start + first), 0), min(floor(step * end + last), size - 1)
            if low > high:
                return None
            found.append((low, high))
        return tuple(found)


class Sights:
    """What the steps of a net see of its inputs, unit by unit."""

    def __init__(self, graph: CheckedGraph) -> None:
        self._inputs = graph.inputs
        order = tuple(reversed(in_order(graph.nodes)))
        self._place = {node.path: place for place, node in enumerate(order)}
        self._sizes = [positions(node.shape) for node in order]
        self._steps = [(node.path, _readings(node)) for node in order]

    def seen(self, path: Path, unit: tuple[int, ...] | None = None) -> dict[str, tuple[Span, ...]]:
        """Return for every input what a unit of a step sees of it along each axis, that in the middle if none is given.

        A unit is given by its position on the map. Steps of a sequence, whose positions lie on a map in rows, see what
        `fields` says. Inputs that it does not see at all are left out.
        """
        start = self._place[path]
        middle = unit or tuple(size // 2 for size in self._sizes[start])
        spans: dict[Path, tuple[Span, ...]] = {path: tuple((place, place) for place in middle)}
        for step, readings in self._steps[start:]:
            known = spans.get(step)
            if known is None:
                continue
            for reading in readings:
                found = reading.read(known)
                if found is not None:
                    before = spans.get(reading.source)
                    spans[reading.source] = found if before is None else _joined(before, found)
        return {given.name: spans[given.path] for given in self._inputs if given.path in spans}


def _readings(node: Node) -> tuple[_Reading, ...]:
    sight = node.op.sight(node.inputs, node.shape)
    found = []
    for source, shape in zip(node.sources, node.inputs, strict=True):
        sizes, sides = positions(shape), positions(node.shape)
        axes: tuple[tuple[Number, Number, Number], ...] | None = None
        if not sight.everything and not (sight.is_sequence and sizes) and len(sizes) == len(sides):
            if sight.axes:
                axes = tuple((_whole_number(r.step), _whole_number(r.first), _whole_number(r.last)) for r in sight.axes)
            else:
                # A side of 1 is stretched: all units read the only one.
                axes = tuple((int(not (size == 1 < side)), 0, 0) for size, side in zip(sizes, sides, strict=True))
        found.append(_Reading(source, sizes, axes))
    return tuple(found)


def _whole_number(value: Fraction) -> Number:
    """Return an integer as such, which is faster to count with."""
    return value.numerator if value.denominator == 1 else value


def _joined(one: tuple[Span, ...], other: tuple[Span, ...]) -> tuple[Span, ...]:
    return tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True))
