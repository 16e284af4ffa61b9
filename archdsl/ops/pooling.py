"""Pooling with a sliding window, and the trainable subsampling of LeNet-5."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import ClassVar

from archdsl.base.pyexpr import Call, Expr, call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import OUTPUT_IS_FREE, Drawing, Saved, Sums
from archdsl.ops.argument_types import ABOVE_ZERO, AXES, OPTIONAL_AXES, POOL_PADDING, TRUTH, Axes, Padding
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Op, Submodule, arg, op
from archdsl.ops.dependence import InputDependence, own
from archdsl.ops.reasons import Reason, ShapeError, WindowDoesNotFit, WrongRank
from archdsl.ops.roles import GIVES_MAP
from archdsl.ops.window import Window, compact, crossed


class Pool(Op):
    """Base class of pools: a window on each channel, whose stride is its size by default."""

    kernel: Axes
    stride: Axes | None
    padding: Padding
    ceil_mode: bool
    roles = GIVES_MAP
    caption: ClassVar[str]
    words: ClassVar[str]
    autograd = OUTPUT_IS_FREE
    is_lanewise = True

    def window(self, x: Shape) -> Window:
        """Return the window on an input of shape `x`."""
        return Window.of(x, self.kernel, self.stride, self.padding, 1, ceil_mode=self.ceil_mode)

    def shape(self, x: Shape) -> Shape:
        window = self.window(x)
        sizes = window.output()
        window.require_half_padding()
        return Shape.of(x.channels, *sizes)

    def drawing(self, x: Shape) -> Drawing:
        window = self.window(x)
        sides = crossed(window.kernel)
        step = f"/{window.steps}" if window.steps else ""
        return Drawing(self.caption, sides, step=step, entry=f"{sides} {self.words} pool", stride=window.steps)

    def advice(self, x: Shape) -> tuple[Reason, ...]:
        return self.window(x).advice()

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return self.window(inputs[0]).input_dependence(own(0))

    def sums(self, x: Shape, y: Shape) -> Sums:
        window = self.window(x)
        return Sums(window.sums(), why=window.why())

    def _calls(self, x: Shape, module: str, function: str, *first: Expr, **more: bool) -> LayerCode:
        window = self.window(x)
        kernel = compact(window.kernel)
        options = {"padding": compact(window.before), "ceil_mode": self.ceil_mode, **more}
        stride = () if window.steps_by_sides else (compact(window.stride),)
        axes = len(window.kernel)

        def without(made: Call) -> Call:
            return made.without(padding=0, ceil_mode=False, count_include_pad=True)

        return Functional(
            without(call(f"nn.{module}{axes}d", *first, kernel, *stride, **options)),
            without(call(f"F.{function}{axes}d", INPUT, *first, kernel, *stride, **options)),
        )


@contextmanager
def without_padding() -> Iterator[None]:
    """Remove padding from the help of `WindowDoesNotFit`, for operators that have no such argument."""
    try:
        yield
    except ShapeError as error:
        reason = error.reason
        raise ShapeError(replace(reason, paddable=False) if isinstance(reason, WindowDoesNotFit) else reason) from None


class Averaging(Pool):
    """Base class of pools that PyTorch computes with `avg_pool`."""

    def shape(self, x: Shape) -> Shape:
        window = self.window(x)
        # On volumes, PyTorch requires that the window fits the map without padding.
        if x.rank == 4 and any(size.real < side.real for size, side in zip(window.map, window.kernel, strict=True)):
            with without_padding():
                replace(window, before=(0, 0, 0), after=(0, 0, 0), stride=(1, 1, 1), ceil_mode=False).output()
        return super().shape(x)


@op("maxpool", family="pooling", positional=2)
class MaxPool(Pool):
    """Take the maximum of each window, for each channel: `nn.MaxPool1d` to `3d`."""

    kernel: Axes = arg(AXES, help="size of the window")
    stride: Axes | None = arg(OPTIONAL_AXES, default=None, help="stride of the window; `none`: its size")
    padding: Padding = arg(POOL_PADDING, default=0, help="number of pixels of minus infinity on each side, or `half`")
    ceil_mode: bool = arg(TRUTH, default=False, help="whether to include a last, incomplete window")

    caption = "MaxPool"
    words = "max"
    examples = (
        Example("maxpool(2)", Shape.of(6, 28, 28), Shape.of(6, 14, 14)),
        Example("maxpool(3, 2)", Shape.of(48, 55, 55), Shape.of(48, 27, 27)),
        Example("maxpool(3, 2, padding = 1)", Shape.of(64, 112, 112), Shape.of(64, 56, 56)),
        Example("maxpool(3, 2, ceil_mode = true)", Shape.of(4, 112, 112), Shape.of(4, 56, 56)),
        Example("maxpool(2x1)", Shape.of(4, 6, 6), Shape.of(4, 3, 6)),
        Example("maxpool(3x2, 2x1, padding = 1x0)", Shape.of(4, 9, 8), Shape.of(4, 5, 7)),
        Example("maxpool(4)", Shape.of(4, 16), Shape.of(4, 4)),
    )

    def torch(self, x: Shape) -> LayerCode:
        return self._calls(x, "MaxPool", "max_pool")

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The index of each maximum.
        return Saved(input=True, integers=y.volume)


@op("avgpool", family="pooling", positional=2)
class AvgPool(Averaging):
    """Take the mean of each window, for each channel: `nn.AvgPool1d` to `3d`."""

    kernel: Axes = arg(AXES, help="size of the window")
    stride: Axes | None = arg(OPTIONAL_AXES, default=None, help="stride of the window; `none`: its size")
    padding: Padding = arg(POOL_PADDING, default=0, help="number of zeros on each side, or `half`")
    ceil_mode: bool = arg(TRUTH, default=False, help="whether to include a last, incomplete window")
    count_include_pad: bool = arg(TRUTH, default=True, help="whether the mean includes the zeros of the padding")

    caption = "AvgPool"
    words = "average"
    examples = (
        Example("avgpool(2)", Shape.of(6, 28, 28), Shape.of(6, 14, 14)),
        Example("avgpool(3, 1, padding = 1)", Shape.of(8, 7, 7), Shape.of(8, 7, 7)),
        Example("avgpool(3, 2, padding = half, count_include_pad = false)", Shape.of(8, 7, 7), Shape.of(8, 4, 4)),
        Example("avgpool(3, 2, ceil_mode = true)", Shape.of(8, 8, 8), Shape.of(8, 4, 4)),
        Example("avgpool(3x2, 2x1, padding = 1x0)", Shape.of(4, 9, 8), Shape.of(4, 5, 7)),
        Example("avgpool(4)", Shape.of(4, 16), Shape.of(4, 4)),
    )

    def torch(self, x: Shape) -> LayerCode:
        if x.rank == 2 and self.count_include_pad:
            return self._calls(x, "AvgPool", "avg_pool")
        return self._calls(x, "AvgPool", "avg_pool", count_include_pad=self.count_include_pad)


@op("lppool", family="pooling", positional=3)
class LpPool(Averaging):
    """Take the p-norm of each window, for each channel: `nn.LPPool1d` to `3d` (Sermanet et al. 2012).

    The result is the p-th root of the sum of the p-th powers. Like PyTorch, it takes no absolute values: unless the
    power is even, the input must not be negative.
    """

    power: float = arg(ABOVE_ZERO, help="p of the norm: 1 gives the sum, large values approach the maximum")
    kernel: Axes = arg(AXES, help="size of the window")
    stride: Axes | None = arg(OPTIONAL_AXES, default=None, help="stride of the window; `none`: its size")
    ceil_mode: bool = arg(TRUTH, default=False, help="whether to include a last, incomplete window")

    caption = "LpPool"
    words = "Lp"
    padding = 0
    examples = (
        Example("lppool(2, 2)", Shape.of(6, 28, 28), Shape.of(6, 14, 14)),
        Example("lppool(2, 3, 2, ceil_mode = true)", Shape.of(8, 8, 8), Shape.of(8, 4, 4)),
        Example("lppool(2, 2x3, 1x2)", Shape.of(4, 6, 7), Shape.of(4, 5, 3)),
        Example("lppool(4, 4)", Shape.of(4, 16), Shape.of(4, 4)),
        Example("lppool(2, 2x1x3)", Shape.of(4, 6, 6, 6), Shape.of(4, 3, 6, 2)),
    )

    def shape(self, x: Shape) -> Shape:
        with without_padding():
            return super().shape(x)

    def torch(self, x: Shape) -> LayerCode:
        return self._calls(x, "LPPool", "lp_pool", self.power)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The powers, their means, and the signs, absolute values and sums that PyTorch computes from them.
        return Saved(input=True, values=inputs[0].volume + 4 * y.volume)


@op("subsample", family="pooling", positional=2)
class Subsample(Op):
    """Multiply the mean of each window by a learned coefficient and add a learned bias, one of each for a channel.

    These are the S layers of LeNet-5 (LeCun et al. 1998, section II.B).
    """

    kernel: Axes = arg(AXES, help="size of the window")
    stride: Axes | None = arg(OPTIONAL_AXES, default=None, help="stride of the window; `none`: its size")

    roles = GIVES_MAP
    autograd = OUTPUT_IS_FREE
    is_lanewise = True
    support = ("Subsample",)
    examples = (
        Example("subsample(2)", Shape.of(6, 28, 28), Shape.of(6, 14, 14), params=12),
        Example("subsample(3, 2)", Shape.of(16, 11, 11), Shape.of(16, 5, 5), params=32),
        Example("subsample(2x3, 1x2)", Shape.of(4, 6, 7), Shape.of(4, 5, 3), params=8),
    )

    def _window(self, x: Shape) -> Window:
        if x.rank != 3:
            raise ShapeError(WrongRank("channels, height and width", str(x)))
        return Window.of(x, self.kernel, self.stride, 0, 1)

    def shape(self, x: Shape) -> Shape:
        with without_padding():
            sizes = self._window(x).output()
        return Shape.of(x.channels, *sizes)

    def params(self, x: Shape) -> int:
        return 2 * x.channels

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return ("coefficient", (x.channels,)), ("bias", (x.channels,))

    def torch(self, x: Shape) -> LayerCode:
        window = self._window(x)
        stride = () if window.steps_by_sides else (compact(window.stride),)
        return Submodule(call("Subsample", x.channels, compact(window.kernel), *stride))

    def drawing(self, x: Shape) -> Drawing:
        window = self._window(x)
        sides = crossed(window.kernel)
        return Drawing("Subsample", sides, entry=f"{sides} subsampling", stride=window.steps)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return self._window(inputs[0]).input_dependence(own(0))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The means, for the gradient of the coefficients.
        return Saved(input=True, values=y.volume)

    def sums(self, x: Shape, y: Shape) -> Sums:
        window = self._window(x)
        return Sums(window.sums(), f"2*{int(x.channels)}", why=window.why())

    def advice(self, x: Shape) -> tuple[Reason, ...]:
        return self._window(x).advice()
