"""The sliding window of convolutions and pools: sizes for each axis, padding, unread pixels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

from archdsl.base.shape import Shape
from archdsl.base.symbolic import polynomial
from archdsl.ops.argument_types import Axes, Padding
from archdsl.ops.dependence import AxisRead, AxisWindow, InputDependence, windows
from archdsl.ops.reasons import (
    HalfNeedsOdd,
    PaddedTooLarge,
    PaddingTooLarge,
    PixelsSkipped,
    PixelsUnread,
    Reason,
    ShapeError,
    WindowDoesNotFit,
    WrongAxes,
    WrongRank,
    ZeroWindows,
    sliding,
)


def per_axis(name: str, value: Axes, axes: int) -> tuple[int, ...]:
    """Return the value of an argument as one number for each axis of the map.

    Raises:
        ShapeError: The value has another number of axes.
    """
    if not isinstance(value, tuple):
        return (value,) * axes
    if len(value) != axes:
        raise ShapeError(WrongAxes(name, len(value), axes))
    return value


TF_SAME = "tf_same"
# PyTorch counts bytes in 64 bits, and an element of a batch of two has eight of them.
_MOST_ELEMENTS = 2**59


def compact(values: Sequence[int]) -> Axes:
    """Return one number if it is the same for all axes, else a tuple, as an argument of PyTorch."""
    # Equal numbers that are computed from different parameters may differ for other values.
    return values[0] if len({polynomial(value) for value in values}) == 1 else tuple(values)


def crossed(numbers: Iterable[int]) -> str:
    """Return sizes as text for drawings and tables: `3×3`."""
    return "×".join(str(int(number)) for number in numbers)


def require_map(x: Shape) -> int:
    """Return the number of axes of the map, from one to three.

    Raises:
        ShapeError: The input is a vector or has more axes than PyTorch supports.
    """
    if not 2 <= x.rank <= 4:
        advice = "move it before `flatten`: a window needs a map" if x.rank == 1 else None
        raise ShapeError(WrongRank("channels and one to three axes, such as 3x32x32", str(x), advice))
    return x.rank - 1


@dataclass(frozen=True)
class Window:
    """A window on a map, with sizes for each axis.

    With `is_padded_to_fit`, the padding is TensorFlow's: the result has ceil(size / stride) pixels.
    """

    map: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool = False
    is_padded_to_fit: bool = False

    @staticmethod
    def of(
        x: Shape, kernel: Axes, stride: Axes | None, padding: Padding, dilation: Axes, *, ceil_mode: bool = False
    ) -> "Window":
        """Return the window of an operator's arguments; raise `ShapeError` where they do not belong to the map."""
        axes = require_map(x)
        sides = per_axis("kernel", kernel, axes)
        steps = sides if stride is None else per_axis("stride", stride, axes)
        spread = per_axis("dilation", dilation, axes)
        before, after = _padding(padding, x.map, sides, steps, spread)
        return Window(x.map, sides, steps, before, after, spread, ceil_mode, padding == TF_SAME)

    @property
    def steps_by_sides(self) -> bool:
        """Whether the stride is the size of the window for all values of the parameters."""
        return all(polynomial(step) == polynomial(side) for step, side in zip(self.stride, self.kernel, strict=True))

    @property
    def steps(self) -> str:
        """The stride as text, one number if all axes agree; empty if it is 1."""
        return crossed(dict.fromkeys(self.stride)) if max(self.stride) > 1 else ""

    def extent(self, axis: int) -> int:
        """Return the number of pixels that the dilated window spans along an axis."""
        return self.dilation[axis] * (self.kernel[axis] - 1) + 1

    def output(self) -> tuple[int, ...]:
        """Return the sizes of the resulting map.

        Raises:
            ShapeError: The window is larger than the padded map.
        """
        sizes = tuple(self._positions(axis) for axis in range(len(self.map)))
        if min(Shape(sizes).plain().dims) < 1:
            window = (self.map, self.kernel, self.stride, self.before, self.after, self.dilation)
            raise ShapeError(WindowDoesNotFit(*(tuple(map(int, part)) for part in window)))
        return sizes

    def _positions(self, axis: int) -> int:
        if self.is_padded_to_fit:
            # The padding depends on the size of the window, but their sum does not.
            return (self.map[axis] + self.stride[axis] - 1) // self.stride[axis]
        free = self.map[axis] + self.before[axis] + self.after[axis] - self.extent(axis)
        step = self.stride[axis]
        if not self.ceil_mode:
            return free // step + 1
        # PyTorch drops a last window that would start after the map and the padding before it. So there is no formula
        # for all sizes; as plain numbers, they are fixed in the generated module.
        free, step, end = int(free), int(step), int(self.map[axis] + self.before[axis])
        count = (free + step - 1) // step + 1
        return count - 1 if (count - 1) * step >= end else count

    def input_dependence(self, channels: AxisRead) -> InputDependence:
        """Return the pixels that a window reads, and the channels as given."""
        axes = zip(self.stride, self.before, map(self.extent, range(len(self.map))), self.dilation, strict=True)
        pixels = (
            AxisWindow(int(step), -int(pad), int(span - 1 - pad), gap=int(gap) if span > 1 else 1)
            for step, pad, span, gap in axes
        )
        return windows(*pixels, channels=channels)

    def sums(self) -> tuple[str, ...]:
        """Return the formulas of the sizes of the result, without repetitions."""
        return tuple(dict.fromkeys(self._sum(axis) for axis in range(len(self.map))))

    def _sum(self, axis: int) -> str:
        size, step, span = int(self.map[axis]), int(self.stride[axis]), int(self.extent(axis))
        before, after = int(self.before[axis]), int(self.after[axis])
        positions = int(self._positions(axis))
        terms = sliding(size, span, step, before, after)
        exact = (size + before + after - span) / step + 1
        dilated = f" (a window of {int(self.kernel[axis])} spans {span})" if self.dilation[axis] > 1 else ""
        if exact == positions:
            return f"{terms} = {positions}{dilated}"
        return f"{terms} = {exact:g}, rounded {'up' if positions > exact else 'down'} to {positions}{dilated}"

    def why(self) -> str:
        """Return a sentence that explains the sizes of the result."""
        sides, steps = ("x".join(map(str, map(int, each))) for each in (self.kernel, self.stride))
        alone = len(self.kernel) == 1
        window = f"a window of {sides}"
        if max(self.stride) == 1 and all(a == b for a, b in zip(self.output(), self.map, strict=True)):
            return f"{window} in single steps, padded so that the map keeps its {'length' if alone else 'sides'}"
        padded = "padded " if any(self.before) or any(self.after) else ""
        how = f"in steps of {steps}" if max(self.stride) > 1 else "in single steps"
        return f"{window} moves {how} over the {padded}map, one pixel of the result for each position"

    def require_half_padding(self) -> None:
        """Raise `ShapeError` if the padding is more than half of the window, which PyTorch's pools refuse."""
        for padding, kernel in zip(self.before, self.kernel, strict=True):
            if 2 * padding.real > kernel.real:
                raise ShapeError(PaddingTooLarge(int(padding), int(kernel)))

    def require_countable(self, channels: int) -> None:
        """Raise `ShapeError` if the padded map has more elements than PyTorch can count."""
        sides = zip(self.map, self.before, self.after, strict=True)
        padded = (channels, *(size.real + before.real + after.real for size, before, after in sides))
        if prod(padded) >= _MOST_ELEMENTS:
            raise ShapeError(PaddedTooLarge(padded))

    def advice(self, channels: int = 0) -> tuple[Reason, ...]:
        """Return warnings about pixels that no window reads, and about windows that read only padding.

        `channels` are those of the input and the output of a convolution that mixes them, if they are equal.
        """
        for axis, step in enumerate(self.stride):
            if 1 < self.extent(axis) < step:
                return (PixelsSkipped(int(self.extent(axis)), int(step)),)
            if max(self.before[axis], self.after[axis]) >= self.extent(axis) and not self.is_padded_to_fit:
                return (ZeroWindows(self.extent(axis).real, max(self.before[axis], self.after[axis]).real, channels),)
        return self._unread()

    def _unread(self) -> tuple[Reason, ...]:
        """Return a warning for each number of pixels at the end of an axis that no window reads."""
        if self.ceil_mode:
            return ()
        found: dict[tuple[int, int, int, int, int, int, int], list[str]] = {}
        names = ("value",) if len(self.map) == 1 else ("slice", "row", "column")[-len(self.map) :]
        for axis, size in enumerate(self.map):
            step, extent = self.stride[axis], self.extent(axis)
            over = (size + self.before[axis] + self.after[axis] - extent) % step
            lost = over - self.after[axis]
            # A window of one pixel skips pixels everywhere, on purpose.
            if lost > 0 and extent > 1:
                before, after, fitting = int(self.before[axis]), int(self.after[axis]), int(size + step - over)
                numbers = (int(size), int(extent), int(step), before, after, int(lost), fitting)
                found.setdefault(numbers, []).append(names[axis])
        return tuple(PixelsUnread(*numbers, lines=tuple(lines)) for numbers, lines in found.items())


def _padding(
    padding: Padding,
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    spans = tuple(d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    if padding == "half":
        for span, side in zip(spans, kernel, strict=True):
            if span % 2:
                raise ShapeError(HalfNeedsOdd(int(side)))
        half = tuple(span // 2 for span in spans)
        return half, half
    if padding == TF_SAME:
        total = tuple(_tf_same(n, s + 1, step) for n, s, step in zip(sizes, spans, stride, strict=True))
        before = tuple(pad // 2 for pad in total)
        return before, tuple(pad - left for pad, left in zip(total, before, strict=True))
    assert not isinstance(padding, str)
    both = per_axis("padding", padding, len(sizes))
    return both, both


def _tf_same(size: int, extent: int, stride: int) -> int:
    needed = (-(-size // stride) - 1) * stride + extent - size
    return max(needed.real, 0)
