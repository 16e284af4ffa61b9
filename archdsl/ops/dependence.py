"""The input positions that a unit of a result depends on, axis by axis."""

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import NamedTuple, TypeAlias

from archdsl.base.shape import Shape

# The first and the last position along an axis; if the first is greater than the last, there is no position.
Interval: TypeAlias = tuple[int, int]
# Positions along an axis: a range with a step of 1 where there are no gaps.
Positions: TypeAlias = range | frozenset[int]


def joined(one: Positions, other: Positions) -> Positions:
    """Return the positions that are in one of two sets."""
    if isinstance(one, range) and isinstance(other, range) and max(one.start, other.start) <= min(one.stop, other.stop):
        return range(min(one.start, other.start), max(one.stop, other.stop))
    return frozenset(one) | frozenset(other)


def contains(outer: Positions, inner: Positions) -> bool:
    """Return whether one set of positions contains another."""
    if isinstance(outer, range):
        return not inner or (outer.start <= min(inner) and max(inner) < outer.stop)
    return outer.issuperset(inner)


class AxisWindow(NamedTuple):
    """The input positions that a unit reads along one axis.

    Unit o reads the integers among (step*o + first)/per, (step*o + first + gap)/per and so on, up to
    (step*o + last)/per.
    """

    step: int
    first: int
    last: int
    per: int = 1
    gap: int = 1

    def interval(self, start: int, end: int) -> Interval:
        """Return the first and the last position that the units from `start` to `end` read, if there are no gaps."""
        return -((-self.step * start - self.first) // self.per), (self.step * end + self.last) // self.per

    def positions(self, units: Positions) -> Positions:
        """Return the positions that some units read."""
        # Without gaps, the positions of neighbouring units touch.
        if isinstance(units, range) and self.gap == 1 and self.step <= self.last - self.first + 1 and len(units):
            low, high = self.interval(units[0], units[-1])
            return range(low, high + 1)
        return frozenset(
            number // self.per
            for unit in units
            for number in range(self.step * unit + self.first, self.step * unit + self.last + 1, self.gap)
            if number % self.per == 0
        )

    @property
    def is_shift(self) -> bool:
        """Whether each unit reads one position, at a fixed distance from its own."""
        return self.step == self.per == 1 and self.first == self.last


POINTWISE = AxisWindow(1, 0, 0)


class AxisRead(NamedTuple):
    """The positions along one axis of an input that a unit of the result reads.

    Attributes:
        axes: The axes of the result whose positions decide; empty if the unit reads all positions.
        window: The positions that it reads, around the position that `axes` give.
        sizes: Sizes of a grid whose positions are counted row by row. With several `axes`, the position is the number
            of the cell at their positions. With one of the axes, it is the coordinate `coordinate` of the cell with
            that number.
        coordinate: The axis of the grid, for one axis of the result that counts the cells of a grid.
        border: The source of the positions outside of the input: "zeros", "reflect", "replicate" or "circular".
    """

    axes: tuple[int, ...] = ()
    window: AxisWindow = POINTWISE
    sizes: tuple[int, ...] = ()
    coordinate: int | None = None
    border: str = "zeros"

    @property
    def is_itself(self) -> bool:
        """Whether a unit reads the position that is its own along one axis of the result."""
        return len(self.axes) == 1 and not self.sizes and self.window == POINTWISE

    def read(self, units: Sequence[Positions], size: int) -> Positions:
        """Return the positions that units read on an axis of `size`; there are none if they read only padding.

        `units` has the positions of the units along each axis of the result.
        """
        if not self.axes:
            return range(size)
        found = self.window.positions(self._own([units[axis] for axis in self.axes]))
        if self.border != "zeros":
            beyond = _BEYOND[self.border]
            return frozenset(place if 0 <= place < size else beyond(place, size) for place in found)
        if isinstance(found, range):
            return range(max(found.start, 0), min(found.stop, size))
        return frozenset(place for place in found if 0 <= place < size)

    def _own(self, units: list[Positions]) -> Positions:
        """Return the positions of units along the axis of the input."""
        if not self.sizes:
            return units[0]
        if self.coordinate is None:
            found: Positions = units[0]
            for size, places in zip(self.sizes[1:], units[1:], strict=True):
                found = frozenset(before * size + place for before in found for place in places)
            return found
        size, block = self.sizes[self.coordinate], prod(self.sizes[self.coordinate + 1 :])
        return frozenset(place // block % size for place in units[0])


_BEYOND: Mapping[str, Callable[[int, int], int]] = {
    "circular": lambda place, size: place % size,
    "reflect": lambda place, size: -place if place < 0 else 2 * (size - 1) - place,
    "replicate": lambda place, size: min(max(place, 0), size - 1),
}
ALL = AxisRead()

# How a unit reads one input: an `AxisRead` for each axis of the input.
Reading: TypeAlias = tuple[AxisRead, ...]
# How a unit reads each input.
InputDependence: TypeAlias = tuple[Reading, ...]


def own(axis: int, window: AxisWindow = POINTWISE) -> AxisRead:
    """Return the reading of a window around the position along one axis of the result."""
    return AxisRead((axis,), window)


def everything(inputs: tuple[Shape, ...]) -> InputDependence:
    """Return the dependence on all positions of all inputs."""
    return tuple((ALL,) * x.rank for x in inputs)


def itself(inputs: tuple[Shape, ...], y: Shape, *, mixed: tuple[int, ...] = ()) -> InputDependence:
    """Return the dependence on the unit's own position.

    Along the axes `mixed` it depends on all positions. Sizes of 1 broadcast.
    """
    return tuple(
        tuple(
            ALL if axis in mixed or (size == 1 and y.dims[axis] != 1) else own(axis) for axis, size in enumerate(x.dims)
        )
        for x in inputs
    )


def windows(*axes: AxisWindow, channels: AxisRead = ALL, border: str = "zeros") -> InputDependence:
    """Return the dependence on a map through a window for each of its axes."""
    pixels = tuple(AxisRead((axis,), window, border=border) for axis, window in enumerate(axes, 1))
    return ((channels, *pixels),)


def groups_of_channels(into: int, out: int, groups: int) -> AxisRead:
    """Return how an output channel reads input channels, in groups of `into / groups` and `out / groups` channels."""
    given, made = into // groups, out // groups
    if groups == 1 or (given > 1 and made > 1):
        return ALL
    if made == 1:
        return own(0, AxisWindow(given, 0, given - 1))
    return own(0, AxisWindow(1, 1 - made, 0, per=made))


def up_to_itself(size: int, axis: int = 0) -> AxisRead:
    """Return the reading of all positions up to the unit's own, on an axis of `size`."""
    return own(axis, AxisWindow(1, 1 - size, 0))


def regrouped(x: Shape, y: Shape) -> InputDependence:
    """Return the dependence of a result with the same elements in the same order, in other sizes.

    Axes are followed where they are kept, joined or taken apart; other sizes depend on all positions of their axes.
    """
    found: list[AxisRead] = []
    into, out = [int(size) for size in x.dims], [int(size) for size in y.dims]
    start = 0
    while len(found) < len(into):
        first, end, given, made = len(found), start, into[len(found)], 1
        last = first + 1
        while given != made or end == start:
            if made < given or end == start:
                if end == len(out):
                    break
                made, end = made * out[end], end + 1
            else:
                given, last = given * into[last], last + 1
        found += _group(tuple(into[first:last]), tuple(range(start, end)), tuple(out[start:end]))
        start = end
    return (tuple(found),)


def _group(into: tuple[int, ...], axes: tuple[int, ...], out: tuple[int, ...]) -> Reading:
    """Return how axes of the sizes `into` read the `axes` of the result, which hold the same elements."""
    if len(into) == len(axes) == 1:
        return (own(axes[0]),)
    if len(into) == 1:
        return (AxisRead(axes, sizes=out),) if axes else (ALL,)
    if len(axes) == 1:
        return tuple(AxisRead(axes, sizes=into, coordinate=axis) for axis in range(len(into)))
    return (ALL,) * len(into)
