"""Receptive fields: which part of an input a unit of a step can see.

`fields` goes forward and gives size and stride for all steps as if the map had no border; `seen` goes back from one
unit and is exact, borders and all.
"""

from dataclasses import dataclass, replace
from math import gcd, lcm
from typing import TYPE_CHECKING

from archdsl.base.shape import Shape
from archdsl.ir.graph import CountedGraph, Input, Node, Path
from archdsl.ir.order import in_order
from archdsl.ops.analysis import AxisWindow, InputDependence, Span

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class AxisField:
    """What units see along an axis of an input's map, if no border is near.

    `spans` are those of the first units; after a `period` of units all repeats, `shift` pixels further. The period is 1
    unless a map was enlarged: then units differ in which of the smaller map's pixels they lie on.
    """

    spans: tuple[Span, ...]
    shift: int
    period: int = 1

    def at(self, unit: int) -> Span:
        """Return the first and the last pixel that a unit sees."""
        turns, phase = divmod(unit, len(self.spans))
        first, last = self.spans[phase]
        return first + turns * self.shift, last + turns * self.shift

    @property
    def size(self) -> int:
        """Pixels that a unit sees, the most where units differ."""
        return max(last - first + 1 for first, last in self.spans)


_START = AxisField(((0, 0),), 1)
_OWN, _ONLY = AxisWindow(1, 0, 0), AxisWindow(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Field:
    """What units of a step see along each axis of an input's map.

    With `everything` it sees the whole input. `is_sequence` says that units are steps of a sequence; it is None as long
    as nothing tells.
    """

    axes: tuple[AxisField, ...]
    everything: bool = False
    is_sequence: bool | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """Pixels that a unit sees along each axis, if no border is near."""
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> "tuple[Fraction, ...]":
        """Pixels between what neighbouring units see."""
        # It takes as long to import as half of our own code, and a check has no use for it.
        from fractions import Fraction

        return tuple(Fraction(axis.shift, axis.period) for axis in self.axes)

    @property
    def centre(self) -> tuple[float, ...]:
        """Middle of what the first unit sees; below 0 it lies in the padding."""
        return tuple(sum(axis.spans[0]) / 2 for axis in self.axes)


def positions(shape: Shape) -> tuple[int, ...]:
    """Return the sizes of the axes along which units have positions: those of a map, none for a vector."""
    return tuple(map(int, shape.map))


def fields(graph: CountedGraph, given: Input | None = None) -> dict[Path, Field]:
    """Return what the steps see of an input, the first one if none is given; steps that see nothing are left out."""
    given = given or graph.inputs[0]
    sizes = positions(given.shape)
    start = Field(tuple(_START for _ in sizes), is_sequence=True if not sizes else None)
    found = {given.path: start if len(sizes) != 0 else replace(start, everything=True)}
    for node in in_order(graph.nodes):
        dependence = node.op.input_dependence(node.inputs, node.shape)
        parts = [
            _composed(found[source], dependence, shape, node.shape, sizes)
            for source, shape in zip(node.sources, node.inputs, strict=True)
            if source in found
        ]
        if parts:
            found[node.path] = _united(parts, sizes)
    return found


def _composed(field: Field, dependence: InputDependence, x: Shape, y: Shape, sizes: tuple[int, ...]) -> Field:
    kind = field.is_sequence if dependence.is_sequence is None else dependence.is_sequence
    mixed = dependence.is_sequence is True and field.is_sequence is False and x.rank == 2 == y.rank and len(sizes) == 1
    # Where positions have become more or fewer axes than the input has, which is which is not followed.
    lost = bool(dependence.axes) and len(dependence.axes) != len(field.axes)
    if field.everything or dependence.everything or mixed or lost:
        return Field(field.axes, everything=True, is_sequence=kind)
    axes = field.axes
    if dependence.axes:
        sides = y.map if len(y.map) == len(axes) else sizes
        axes = tuple(
            _through(axis, reach, side) for axis, reach, side in zip(field.axes, dependence.axes, sides, strict=True)
        )
    elif len(x.map) == len(axes) == len(y.map):
        # A side of 1 is stretched: all units see what the only one saw.
        stretched = (a == 1 and b > 1 for a, b in zip(x.map, y.map, strict=True))
        axes = tuple(AxisField(axis.spans[:1], 0) if s else axis for axis, s in zip(axes, stretched, strict=True))
    return _whole(Field(axes, is_sequence=kind), y, sizes)


def _whole(field: Field, shape: Shape, sizes: tuple[int, ...]) -> Field:
    """Return a field that says so where its only unit sees the whole input."""
    if shape.rank != len(sizes) + 1 or any(side != 1 for side in shape.map):
        return field
    seen = (axis.at(0) for axis in field.axes)
    covers = all(first <= 0 and last >= size - 1 for (first, last), size in zip(seen, sizes, strict=True))
    return replace(field, everything=covers)


def _through(axis: AxisField, reach: AxisWindow, size: int) -> AxisField:
    """Return what `size` units see through those that they read."""
    if reach == _OWN:
        return axis
    if reach.per == 1 == axis.period:
        first, last = axis.spans[0]
        return AxisField(((first + axis.shift * reach.first, last + axis.shift * reach.last),), axis.shift * reach.step)
    # After a period, units read the same places of the period before them.
    whole = reach.per * axis.period
    turns = gcd(reach.step, whole)
    period = whole // turns if reach.step else 1
    read = (reach.span(unit, unit) for unit in range(min(period, int(size))))
    spans = tuple((axis.at(first)[0], axis.at(last)[1]) for first, last in read)
    return AxisField(spans, axis.shift * reach.step // turns if reach.step else 0, period)


def _united(parts: list[Field], sizes: tuple[int, ...]) -> Field:
    if len(parts) == 1:
        return parts[0]
    if any(part.everything for part in parts):
        return replace(parts[0], everything=True)
    return replace(parts[0], axes=tuple(_joint([part.axes[axis] for part in parts]) for axis in range(len(sizes))))


def _joint(axes: list[AxisField]) -> AxisField:
    """Return what units see that see all of these."""
    first, *others = axes
    if all(axis == first for axis in others):
        return first
    period = lcm(*(axis.period for axis in axes))
    count = min(period, max(len(axis.spans) for axis in axes)) if period > 1 else 1
    seen = [[axis.at(unit) for axis in axes] for unit in range(count)]
    spans = tuple((min(first for first, _ in each), max(last for _, last in each)) for each in seen)
    return AxisField(spans, max(axis.shift * (period // axis.period) for axis in axes), period)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How a step reads a value: `axes` say it for each axis of `sizes`; None stands for all positions."""

    source: Path
    sizes: tuple[int, ...]
    axes: tuple[AxisWindow, ...] | None

    def read(self, spans: tuple[Span, ...]) -> tuple[Span, ...] | None:
        """Return the positions that units within these spans read; None where they read only padding."""
        if self.axes is None:
            return tuple((0, size - 1) for size in self.sizes)
        # Where maps are stacked, or means taken of several, the last axes are those of each.
        more = len(self.axes) - len(spans)
        spans = ((0, 0),) * more + spans if more > 0 else spans[-more:]
        found = []
        for size, reach, (start, end) in zip(self.sizes, self.axes, spans, strict=True):
            low, high = reach.span(start, end)
            low, high = max(low, 0), min(high, size - 1)
            if low > high:
                return None
            found.append((low, high))
        return tuple(found)


class Sights:
    """What the steps of a net see of its inputs, unit by unit."""

    def __init__(self, graph: CountedGraph) -> None:
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
    dependence = node.op.input_dependence(node.inputs, node.shape)
    found = []
    for source, shape in zip(node.sources, node.inputs, strict=True):
        sizes, sides = positions(shape), positions(node.shape)
        axes: tuple[AxisWindow, ...] | None = None
        if not dependence.everything and not (dependence.is_sequence and sizes):
            if len(sizes) != len(sides):
                kept = sizes[-len(sides) :]
                whole = tuple(AxisWindow(0, 0, size - 1) for size in sizes[: -len(sides)])
                axes = (*whole, *(_OWN for _ in kept)) if min(node.shape.rank, shape.rank) > 2 else None
            elif dependence.axes:
                axes = dependence.axes
            else:
                # A side of 1 is stretched: all units read the only one.
                axes = tuple(_ONLY if size == 1 < side else _OWN for size, side in zip(sizes, sides, strict=True))
        found.append(_Reading(source, sizes, axes))
    return tuple(found)


def _joined(one: tuple[Span, ...], other: tuple[Span, ...]) -> tuple[Span, ...]:
    return tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True))
