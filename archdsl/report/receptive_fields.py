"""Receptive fields: the region of an input that a unit of a step depends on.

`receptive_fields` composes windows from the input on and gives size, stride and centre for all steps, as if maps had no
borders. `UnitFields` follows windows back from one unit and is exact, including borders.

Sizes and strides are those of Araujo, Norris, Sim: Computing receptive fields of convolutional neural networks, 2019.
"""

from dataclasses import field, replace
from math import gcd, lcm
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from archdsl.base.records import record
from archdsl.base.shape import Shape
from archdsl.ir.graph import CountedGraph, Input, Node, Path
from archdsl.ir.order import in_order
from archdsl.ir.positions import position_axes
from archdsl.ops.dependence import POINTWISE, AxisRead, AxisWindow, Interval, Positions, Reading, contains, joined

if TYPE_CHECKING:
    from fractions import Fraction


@record(frozen=True, slots=True)
class AxisField:
    """The receptive fields of units along one axis of an input, away from borders.

    `intervals` are those of the first units. They repeat after a `period` of units, `shift` pixels further. The period
    is 1 unless a map was upsampled: then a unit's field depends on its position between the pixels of the smaller map.
    With a `shift` of 0, all units have the same field.
    """

    intervals: tuple[Interval, ...]
    shift: int
    period: int = 1

    def at(self, unit: int) -> Interval:
        """Return the first and the last pixel in the field of a unit."""
        if len(self.intervals) < self.period:
            # The map has no more units than these.
            return self.intervals[min(max(unit, 0), len(self.intervals) - 1)]
        turns, phase = divmod(unit, len(self.intervals))
        first, last = self.intervals[phase]
        return first + turns * self.shift, last + turns * self.shift

    @property
    def size(self) -> int:
        """Size in pixels of the largest field of a unit."""
        return max(last - first + 1 for first, last in self.intervals)

    def hull(self, count: int, size: int) -> "AxisField":
        """Return the field of a unit that reads `count` units with these fields, within an axis of `size` pixels."""
        phases = min(count, len(self.intervals))
        first = min(self.at(unit)[0] for unit in range(phases))
        last = max(self.at(unit)[1] for unit in range(count - phases, count))
        return AxisField(((min(max(first, 0), size - 1), max(min(last, size - 1), 0)),), 0)


_PIXEL = AxisField(((0, 0),), 1)
# The positions along each axis of a tensor.
Region: TypeAlias = tuple[Positions, ...]
# The largest number of regions of a tensor that are followed one by one.
_REGIONS = 8


class _Carrier(NamedTuple):
    """The axis of a result along which units move over an axis of the input.

    With `sizes`, the axis counts the cells of a grid of these sizes, and units move along its axis `coordinate`. The
    first cell is number `offset` on the axis.
    """

    axis: int
    sizes: tuple[int, ...] = ()
    coordinate: int = 0
    offset: int = 0

    def count(self, shape: Shape) -> int:
        """Return the number of units along the axis of the input."""
        return self.sizes[self.coordinate] if self.sizes else int(shape.dims[self.axis])


@record(frozen=True, slots=True)
class ReceptiveField:
    """The receptive field of the units of a step, along each axis of pixels or steps of an input.

    With `everything` it is the whole input. `carriers` says for each axis of the input along which axis of the result
    units move over it; None where all units have the same field.
    """

    axes: tuple[AxisField, ...]
    everything: bool = False
    carriers: tuple[_Carrier | None, ...] = field(default=(), compare=False)

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
        """The size as text: `11x11`, `all`, or empty where the input has no positions."""
        return "all" if self.everything else "x".join(map(str, self.size))

    @property
    def stride_text(self) -> str:
        """The stride as text: `4x4`, or empty where all units see the same."""
        return "" if self.everything or not any(axis.shift for axis in self.axes) else "x".join(map(str, self.stride))

    def as_data(self) -> dict[str, object]:
        """Return the field as plain data for JSON."""
        if self.everything:
            return {"everything": True}
        sizes = {"size": list(self.size), "stride": list(map(float, self.stride)), "centre": list(self.centre)}
        return {"everything": False, **sizes}


def receptive_fields(graph: CountedGraph, given: Input | None = None) -> dict[Path, ReceptiveField]:
    """Return the receptive fields of all steps that depend on an input, by default the first one, by their paths."""
    given = given or graph.inputs[0]
    positions = position_axes(graph, given)
    sizes = tuple(int(given.shape.dims[axis]) for axis in positions)
    start = ReceptiveField((_PIXEL,) * len(sizes), not sizes, tuple(map(_Carrier, positions)))
    found = {given.path: start}
    # Equal steps that read equal fields have one field. The fields are kept, so that their identities stay theirs.
    known: dict[tuple[object, ...], ReceptiveField] = {}
    alike: dict[tuple[object, ...], ReceptiveField] = {}
    for node in in_order(graph.nodes):
        before = [found.get(source) for source in node.sources]
        if not any(before):
            continue
        key = node.answers, *map(id, before)
        if key not in known:
            made = _of_step(node, before, sizes)
            known[key] = alike.setdefault((made, made.carriers), made)
        found[node.path] = known[key]
    return found


def _of_step(node: Node, before: list[ReceptiveField | None], sizes: tuple[int, ...]) -> ReceptiveField:
    """Return the field of a step, from those of its inputs, None for inputs that do not depend on the given one."""
    is_merge, dependence = len(node.inputs) > 1, node.answers.dependence
    parts = [
        _compose(field, reading, x, node.shape, sizes, is_merge=is_merge)
        for field, reading, x in zip(before, dependence, node.inputs, strict=True)
        if field is not None
    ]
    return _covering(_union(parts, node.shape, sizes), node.shape, sizes)


def _compose(
    before: ReceptiveField, reading: Reading, x: Shape, y: Shape, sizes: tuple[int, ...], *, is_merge: bool
) -> ReceptiveField:
    """Return the field of a step's units, from the field of the units that it reads."""
    if before.everything:
        return before
    axes: list[AxisField] = []
    carriers: list[_Carrier | None] = []
    for axis, carrier, size in zip(before.axes, before.carriers, sizes, strict=True):
        if carrier is not None and carrier.sizes:
            axis, carrier = _on_grid(axis, carrier, reading[carrier.axis], size)
        elif carrier is not None:
            axis, carrier = _on_axis(axis, carrier, reading[carrier.axis], x, y, size, is_merge=is_merge)
        axes.append(axis)
        carriers.append(carrier)
    return ReceptiveField(tuple(axes), carriers=tuple(carriers))


def _on_axis(
    axis: AxisField, carrier: _Carrier, read: AxisRead, x: Shape, y: Shape, size: int, *, is_merge: bool
) -> tuple[AxisField, _Carrier | None]:
    """Return the field and the carrier of units that read units along an axis of their own."""
    count = int(x.dims[carrier.axis])
    # A causal step counts like one that reads all positions: some units do.
    is_causal = read.window == AxisWindow(1, 1 - count, 0) != POINTWISE
    # Behind a concatenation along this axis, units of several inputs are next to one another.
    is_part = is_merge and bool(read.axes) and y.dims[read.axes[0]] != count
    if len(read.axes) != 1 or is_causal or is_part:
        return axis.hull(count, size), None
    if read.coordinate is not None:
        made = _Carrier(read.axes[0], read.sizes, read.coordinate)
        return _compose_axis(axis, read.window, made.count(y)), made
    return _compose_axis(axis, read.window, int(y.dims[read.axes[0]])), _Carrier(read.axes[0])


def _on_grid(axis: AxisField, carrier: _Carrier, read: AxisRead, size: int) -> tuple[AxisField, _Carrier | None]:
    """Return the field and the carrier of units that read the cells of a grid by their numbers."""
    if len(read.axes) == 1 and not read.sizes and read.window.is_shift:
        return axis, carrier._replace(axis=read.axes[0], offset=carrier.offset - read.window.first)
    if len(read.axes) > 1 and read.sizes == carrier.sizes and not carrier.offset:
        return axis, _Carrier(read.axes[carrier.coordinate])
    return axis.hull(carrier.sizes[carrier.coordinate], size), None


def _covering(found: ReceptiveField, shape: Shape, sizes: tuple[int, ...]) -> ReceptiveField:
    """Return the field, marked `everything` if each unit sees the whole input."""
    if found.everything:
        return found
    for axis, carrier, size in zip(found.axes, found.carriers, sizes, strict=True):
        first, last = axis.at(0)
        if first > 0 or last < size - 1 or (carrier is not None and carrier.count(shape) > 1):
            return found
    return replace(found, everything=True)


def _compose_axis(axis: AxisField, window: AxisWindow, size: int) -> AxisField:
    """Return the fields of `size` units that read a window of units with the fields `axis`."""
    if window == POINTWISE:
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


def _union(parts: list[ReceptiveField], y: Shape, sizes: tuple[int, ...]) -> ReceptiveField:
    """Return the smallest field that contains all parts, which are fields of units of a result of shape `y`."""
    if len(parts) == 1:
        return parts[0]
    for part in parts:
        if part.everything:
            return part
    axes: list[AxisField] = []
    carriers: list[_Carrier | None] = []
    for number, size in enumerate(sizes):
        found = [part.axes[number] for part in parts]
        carrier = parts[0].carriers[number]
        if any(part.carriers[number] != carrier for part in parts):
            found = [
                axis if (own := part.carriers[number]) is None else axis.hull(own.count(y), size)
                for axis, part in zip(found, parts, strict=True)
            ]
            carrier = None
        axes.append(_union_axis(found))
        carriers.append(carrier)
    return ReceptiveField(tuple(axes), carriers=tuple(carriers))


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


class UnitFields:
    """The exact receptive fields of single units, including borders, on all inputs of a net."""

    def __init__(self, graph: CountedGraph) -> None:
        self._positions = {given: position_axes(graph, given) for given in graph.inputs}
        order = tuple(reversed(in_order(graph.nodes)))
        self._place = {node.path: place for place, node in enumerate(order)}
        self._nodes = order
        self._axes = [graph.role(node.path).position_axes(node.shape.rank) for node in order]

    def axes(self, path: Path) -> tuple[int, ...]:
        """Return the axes of a step's result that number its units: pixels or steps."""
        return self._axes[self._place[path]]

    def at(self, path: Path, unit: tuple[int, ...] | None = None) -> dict[str, tuple[Interval, ...]]:
        """Return the receptive field of one unit of a step on each input, as an interval for each axis.

        Inputs that the unit does not depend on are left out.

        Args:
            path: The path of the step.
            unit: The position of the unit on the step's map or sequence, by default the middle one.
        """
        start = self._place[path]
        shape, axes = self._nodes[start].shape, self._axes[start]
        middle = unit or tuple(int(shape.dims[axis]) // 2 for axis in axes)
        whole = [range(int(size)) for size in shape.dims]
        for axis, place in zip(axes, middle, strict=True):
            whole[axis] = range(place, place + 1)
        read: dict[Path, list[Region]] = {path: [tuple(whole)]}
        for node in self._nodes[start:]:
            known = read.get(node.path)
            if known is None:
                continue
            dependence = node.answers.dependence
            for source, reading, x in zip(node.sources, dependence, node.inputs, strict=True):
                for region in known:
                    found = tuple(each.read(region, int(size)) for each, size in zip(reading, x.dims, strict=True))
                    if all(map(len, found)):
                        _add(read.setdefault(source, []), found)
        return {
            given.name: tuple(_hull([region[axis] for region in read[given.path]]) for axis in axes)
            for given, axes in self._positions.items()
            if given.path in read
        }


def _add(regions: list[Region], found: Region) -> None:
    """Add a region to some others, of which none contains another. Many are joined to one, which may be too large."""
    if any(_contains(region, found) for region in regions):
        return
    regions[:] = [*(region for region in regions if not _contains(found, region)), found]
    if len(regions) > _REGIONS:
        first, *others = regions
        for other in others:
            first = tuple(joined(one, two) for one, two in zip(first, other, strict=True))
        regions[:] = [first]


def _contains(outer: Region, inner: Region) -> bool:
    return all(contains(one, other) for one, other in zip(outer, inner, strict=True))


def _hull(sets: list[Positions]) -> Interval:
    """Return the smallest interval that contains all sets of positions."""
    return min(map(min, sets)), max(map(max, sets))
