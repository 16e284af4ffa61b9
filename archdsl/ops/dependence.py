"""The input positions that a unit of a result depends on, axis by axis."""

from math import prod
from typing import NamedTuple, TypeAlias

from archdsl.base.shape import Shape

# The first and the last position along an axis; if the first is greater than the last, there is no position.
Interval: TypeAlias = tuple[int, int]


class AxisWindow(NamedTuple):
    """The input positions that a unit reads along one axis.

    Unit o reads the integer positions between (step*o + first)/per and (step*o + last)/per, both inclusive.
    """

    step: int
    first: int
    last: int
    per: int = 1

    def interval(self, start: int, end: int) -> Interval:
        """Return the first and the last position that the units from `start` to `end` read."""
        return -((-self.step * start - self.first) // self.per), (self.step * end + self.last) // self.per

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

    def read(self, unit: tuple[Interval, ...], size: int) -> Interval | None:
        """Return the positions that units within `unit` read on an axis of `size`, or None if they read only padding.

        `unit` has an interval for each axis of the result.
        """
        if not self.axes:
            return (0, size - 1)
        low, high = self.window.interval(*self._position([unit[axis] for axis in self.axes]))
        if self.border == "circular":
            return (low, high) if low >= 0 and high < size else _wrapped(low, high, size)
        if self.border == "reflect":
            low, high = min(low, 2 * (size - 1) - high), max(high, -low)
        elif self.border == "replicate":
            low, high = min(low, size - 1), max(high, 0)
        low, high = max(low, 0), min(high, size - 1)
        return (low, high) if low <= high else None

    def _position(self, unit: list[Interval]) -> Interval:
        if not self.sizes:
            return unit[0]
        if self.coordinate is None:
            low = high = 0
            for size, (start, end) in zip(self.sizes, unit, strict=True):
                low, high = low * size + start, high * size + end
            return low, high
        size, block = self.sizes[self.coordinate], prod(self.sizes[self.coordinate + 1 :])
        start, end = (place // block for place in unit[0])
        return (start % size, end % size) if start // size == end // size else (0, size - 1)


def _wrapped(low: int, high: int, size: int) -> Interval:
    """Return the smallest interval that contains positions of which some are beyond the ends and wrap around."""
    if low // size == high // size:
        return low % size, high % size
    return (0, size - 1)


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
