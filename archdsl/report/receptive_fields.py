"""Receptive fields: the region of an input that a unit of a step depends on.

`receptive_fields` composes windows from the input on and gives size, stride and centre for all steps, as if maps had no
borders. `UnitFields` follows windows back from one unit and is exact, including borders.

Sizes and strides are those of Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, 2019.
"""

from dataclasses import dataclass, replace
from math import gcd, lcm
from typing import TYPE_CHECKING

from archdsl.base.shape import Shape
from archdsl.ir.graph import CountedGraph, Input, Node, Path
from archdsl.ir.order import in_order
from archdsl.ops.analysis import AxisWindow, InputDependence, Interval

if TYPE_CHECKING:
    from fractions import Fraction


@dataclass(frozen=True, slots=True)
class AxisField:
    """The receptive fields of units along one axis of an input's map, away from borders.

    `intervals` are those of the first units. They repeat after a `period` of units, `shift` pixels further. The period
    is 1 unless a map was upsampled: then a unit's field depends on its position between the pixels of the smaller map.
    """

    intervals: tuple[Interval, ...]
    shift: int
    period: int = 1

    def at(self, unit: int) -> Interval:
        """Return the first and the last pixel in the field of a unit."""
        turns, phase = divmod(unit, len(self.intervals))
        first, last = self.intervals[phase]
        return first + turns * self.shift, last + turns * self.shift

    @property
    def size(self) -> int:
        """Size in pixels of the largest field of a unit."""
        return max(last - first + 1 for first, last in self.intervals)


_PIXEL = AxisField(((0, 0),), 1)
# Each unit reads its own position; all units read the only position of an axis of size 1, which broadcasts.
_POINTWISE, _BROADCAST = AxisWindow(1, 0, 0), AxisWindow(0, 0, 0)


@dataclass(frozen=True, slots=True)
class ReceptiveField:
    """The receptive field of the units of a step, along each axis of an input's map.

    With `everything` it is the whole input. `is_sequence` says that units are positions of a sequence; it is None as
    long as the operators before the step accept both maps and sequences.
    """

    axes: tuple[AxisField, ...]
    everything: bool = False
    is_sequence: bool | None = None

    @property
    def size(self) -> tuple[int, ...]:
        """Size in pixels along each axis, away from borders."""
        return tuple(axis.size for axis in self.axes)

    @property
    def stride(self) -> "tuple[Fraction, ...]":
        """Distance in pixels between the fields of neighbouring units, along each axis."""
        # Importing fractions takes half as long as all of archdsl, and `check` does not need it.
        from fractions import Fraction

        return tuple(Fraction(axis.shift, axis.period) for axis in self.axes)

    @property
    def centre(self) -> tuple[float, ...]:
        """Centre of the first unit's field, in pixels; negative positions are padding."""
        return tuple(sum(axis.intervals[0]) / 2 for axis in self.axes)

    @property
    def size_text(self) -> str:
        """The size as text: `11x11`, `all`, or empty where the input has no map."""
        return "all" if self.everything else "x".join(map(str, self.size))

    @property
    def stride_text(self) -> str:
        """The stride as text: `4x4`, or empty where every unit sees the whole input."""
        return "" if self.everything else "x".join(map(str, self.stride))

    def as_data(self) -> dict[str, object]:
        """Return the field as plain data for JSON."""
        if self.everything:
            return {"everything": True}
        sizes = {"size": list(self.size), "stride": list(map(float, self.stride)), "centre": list(self.centre)}
        return {"everything": False, **sizes}


def _map_sizes(shape: Shape) -> tuple[int, ...]:
    """Return the sizes of a map as plain integers; a vector has none."""
    return tuple(map(int, shape.map))


def receptive_fields(graph: CountedGraph, given: Input | None = None) -> dict[Path, ReceptiveField]:
    """Return the receptive fields of all steps that depend on an input, by default the first one, by their paths."""
    given = given or graph.inputs[0]
    sizes = _map_sizes(given.shape)
    start = ReceptiveField(tuple(_PIXEL for _ in sizes), is_sequence=True if not sizes else None)
    found = {given.path: start if len(sizes) != 0 else replace(start, everything=True)}
    for node in in_order(graph.nodes):
        dependence = node.op.input_dependence(node.inputs, node.shape)
        parts = [
            _compose(found[source], dependence, shape, node.shape, sizes)
            for source, shape in zip(node.sources, node.inputs, strict=True)
            if source in found
        ]
        if parts:
            found[node.path] = _union(parts, sizes)
    return found


def _compose(
    field: ReceptiveField, dependence: InputDependence, x: Shape, y: Shape, sizes: tuple[int, ...]
) -> ReceptiveField:
    """Return the field of a step's units, from the field of the units that it reads."""
    kind = field.is_sequence if dependence.is_sequence is None else dependence.is_sequence
    mixed = dependence.is_sequence is True and field.is_sequence is False and x.rank == 2 == y.rank and len(sizes) == 1
    # The correspondence of axes is unknown once the number of axes differs from that of the input.
    lost = bool(dependence.axes) and len(dependence.axes) != len(field.axes)
    if field.everything or dependence.everything or mixed or lost:
        return ReceptiveField(field.axes, everything=True, is_sequence=kind)
    axes = field.axes
    if dependence.axes:
        sides = y.map if len(y.map) == len(axes) else sizes
        axes = tuple(
            _compose_axis(axis, window, side)
            for axis, window, side in zip(field.axes, dependence.axes, sides, strict=True)
        )
    elif len(x.map) == len(axes) == len(y.map):
        # An axis of size 1 broadcasts: all units have the field of the only one.
        broadcasts = (a == 1 and b > 1 for a, b in zip(x.map, y.map, strict=True))
        axes = tuple(AxisField(axis.intervals[:1], 0) if b else axis for axis, b in zip(axes, broadcasts, strict=True))
    return _covering(ReceptiveField(axes, is_sequence=kind), y, sizes)


def _covering(field: ReceptiveField, shape: Shape, sizes: tuple[int, ...]) -> ReceptiveField:
    """Return the field, marked `everything` if the step has a single unit whose field covers the whole input."""
    if shape.rank != len(sizes) + 1 or any(side != 1 for side in shape.map):
        return field
    seen = (axis.at(0) for axis in field.axes)
    covers = all(first <= 0 and last >= size - 1 for (first, last), size in zip(seen, sizes, strict=True))
    return replace(field, everything=covers)


def _compose_axis(axis: AxisField, window: AxisWindow, size: int) -> AxisField:
    """Return the fields of `size` units that read a window of units with the fields `axis`."""
    if window == _POINTWISE:
        return axis
    if window.per == 1 == axis.period:
        first, last = axis.intervals[0]
        interval = (first + axis.shift * window.first, last + axis.shift * window.last)
        return AxisField((interval,), axis.shift * window.step)
    # Units that are a period apart read the same phases of the period of `axis`.
    whole = window.per * axis.period
    turns = gcd(window.step, whole)
    period = whole // turns if window.step else 1
    read = (window.interval(unit, unit) for unit in range(min(period, int(size))))
    intervals = tuple((axis.at(first)[0], axis.at(last)[1]) for first, last in read)
    return AxisField(intervals, axis.shift * window.step // turns if window.step else 0, period)


def _union(parts: list[ReceptiveField], sizes: tuple[int, ...]) -> ReceptiveField:
    """Return the smallest field that contains all parts."""
    if len(parts) == 1:
        return parts[0]
    if any(part.everything for part in parts):
        return replace(parts[0], everything=True)
    return replace(parts[0], axes=tuple(_union_axis([part.axes[axis] for part in parts]) for axis in range(len(sizes))))


def _union_axis(axes: list[AxisField]) -> AxisField:
    """Return the smallest fields along one axis that contain those of all `axes`."""
    first, *others = axes
    if all(axis == first for axis in others):
        return first
    period = lcm(*(axis.period for axis in axes))
    count = min(period, max(len(axis.intervals) for axis in axes)) if period > 1 else 1
    seen = [[axis.at(unit) for axis in axes] for unit in range(count)]
    intervals = tuple((min(first for first, _ in each), max(last for _, last in each)) for each in seen)
    return AxisField(intervals, max(axis.shift * (period // axis.period) for axis in axes), period)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The windows through which a step reads one of its inputs, an axis each of `sizes`; None means all positions."""

    source: Path
    sizes: tuple[int, ...]
    axes: tuple[AxisWindow, ...] | None

    def read(self, intervals: tuple[Interval, ...]) -> tuple[Interval, ...] | None:
        """Return the positions that units within `intervals` read, or None if they read only padding."""
        if self.axes is None:
            return tuple((0, size - 1) for size in self.sizes)
        # Operators that stack maps or average over several add axes in front of those of a map.
        more = len(self.axes) - len(intervals)
        intervals = ((0, 0),) * more + intervals if more > 0 else intervals[-more:]
        found = []
        for size, window, (start, end) in zip(self.sizes, self.axes, intervals, strict=True):
            low, high = window.interval(start, end)
            low, high = max(low, 0), min(high, size - 1)
            if low > high:
                return None
            found.append((low, high))
        return tuple(found)


class UnitFields:
    """The exact receptive fields of single units, including borders, on all inputs of a net."""

    def __init__(self, graph: CountedGraph) -> None:
        self._inputs = graph.inputs
        order = tuple(reversed(in_order(graph.nodes)))
        self._place = {node.path: place for place, node in enumerate(order)}
        self._sizes = [_map_sizes(node.shape) for node in order]
        self._steps = [(node.path, _readings(node)) for node in order]

    def at(self, path: Path, unit: tuple[int, ...] | None = None) -> dict[str, tuple[Interval, ...]]:
        """Return the receptive field of one unit of a step on each input, as an interval for each axis.

        Inputs that the unit does not depend on are left out. For a sequence whose positions lie on a map in rows, the
        field is that of `receptive_fields`.

        Args:
            path: The path of the step.
            unit: The position of the unit on the step's map, by default the middle one.
        """
        start = self._place[path]
        middle = unit or tuple(size // 2 for size in self._sizes[start])
        intervals: dict[Path, tuple[Interval, ...]] = {path: tuple((place, place) for place in middle)}
        for step, readings in self._steps[start:]:
            known = intervals.get(step)
            if known is None:
                continue
            for reading in readings:
                found = reading.read(known)
                if found is not None:
                    before = intervals.get(reading.source)
                    intervals[reading.source] = found if before is None else _hull(before, found)
        return {given.name: intervals[given.path] for given in self._inputs if given.path in intervals}


def _readings(node: Node) -> tuple[_Reading, ...]:
    """Return how a step reads each of its inputs."""
    dependence = node.op.input_dependence(node.inputs, node.shape)
    found = []
    for source, shape in zip(node.sources, node.inputs, strict=True):
        sizes, sides = _map_sizes(shape), _map_sizes(node.shape)
        axes: tuple[AxisWindow, ...] | None = None
        if not dependence.everything and not (dependence.is_sequence and sizes):
            if len(sizes) != len(sides):
                kept = sizes[-len(sides) :]
                whole = tuple(AxisWindow(0, 0, size - 1) for size in sizes[: -len(sides)])
                axes = (*whole, *(_POINTWISE for _ in kept)) if min(node.shape.rank, shape.rank) > 2 else None
            elif dependence.axes:
                axes = dependence.axes
            else:
                axes = tuple(
                    _BROADCAST if size == 1 < side else _POINTWISE for size, side in zip(sizes, sides, strict=True)
                )
        found.append(_Reading(source, sizes, axes))
    return tuple(found)


def _hull(one: tuple[Interval, ...], other: tuple[Interval, ...]) -> tuple[Interval, ...]:
    """Return the smallest intervals that contain both."""
    return tuple((min(a[0], b[0]), max(a[1], b[1])) for a, b in zip(one, other, strict=True))
