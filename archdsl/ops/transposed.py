"""Transposed convolutions."""

from math import prod

from archdsl.base.pyexpr import Expr, call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import OUTPUT_IS_FREE, AxisWindow, Drawing, InputDependence, Sums, map_dependence, product
from archdsl.ops.argument_types import AXES, AXES_FROM_ZERO, COUNT, TRUTH, Axes
from archdsl.ops.base import Example, Fusion, LayerCode, Op, Submodule, arg, op
from archdsl.ops.initialisers import BIASES, INITIALISER, WEIGHTS, Initialiser, InitialValue, part_by_part
from archdsl.ops.mismatches import NothingLeft
from archdsl.ops.reasons import NotDivisible, OutOfRange, ShapeError
from archdsl.ops.window import compact, crossed, per_axis, require_map


@op("conv_transpose", family="convolution", positional=3)
class ConvTranspose(Op):
    """Apply a transposed convolution: `nn.ConvTranspose1d`, `2d` or `3d`, by the rank of the input.

    It is the transpose of the convolution with the same arguments (Zeiler et al. 2010) and enlarges a map `stride`
    times.
    """

    out: int = arg(COUNT, help="number of output channels")
    kernel: Axes = arg(AXES, help="kernel size")
    stride: Axes = arg(AXES, default=1, help="distance in the result between the windows of neighbouring pixels")
    padding: Axes = arg(AXES_FROM_ZERO, default=0, help="number of pixels removed on each side of the result")
    output_padding: Axes = arg(
        AXES_FROM_ZERO, default=0, help="number of pixels added after the end of each axis of the result"
    )
    groups: int = arg(COUNT, default=1, help="number of groups of channels; outputs read the inputs of their own group")
    bias: bool = arg(TRUTH, default=True, help="whether to add a learned bias to each output channel")
    dilation: Axes = arg(AXES, default=1, help="distance between the pixels that the kernel writes")
    init: Initialiser | None = arg(INITIALISER, default=None, help=WEIGHTS)
    bias_init: Initialiser | None = arg(INITIALISER, default=None, help=BIASES)

    autograd = OUTPUT_IS_FREE
    support = ("start_parts",)
    examples = (
        Example("conv_transpose(64, 2, 2)", Shape.of(128, 28, 28), Shape.of(64, 56, 56), 32_832, 25_690_112),
        Example("conv_transpose(8, 3, 2, padding = 1, output_padding = 1)", Shape.of(4, 5), Shape.of(8, 10), 104, 480),
        Example("conv_transpose(8, 4x3, 2x1, padding = 1)", Shape.of(6, 7, 9), Shape.of(8, 14, 9), 584, 36_288),
        Example("conv_transpose(4, 3, groups = 2, bias = false)", Shape.of(6, 5, 5), Shape.of(4, 7, 7), 108, 2_700),
        Example(
            "conv_transpose(2, 3, 2x3, padding = 1x0, output_padding = 1x2, dilation = 1x2)",
            Shape.of(3, 4, 5),
            Shape.of(2, 8, 19),
            params=56,
            macs=1_080,
        ),
        Example("conv_transpose(2, 3, dilation = 2)", Shape.of(3, 2, 4, 5), Shape.of(2, 6, 8, 9), 164, 6_480),
    )

    def _axes(self, x: Shape) -> tuple[tuple[int, ...], ...]:
        """Return kernel, stride, padding, output padding and dilation, each with one number for each axis."""
        axes = require_map(x)
        names = ("kernel", "stride", "padding", "output_padding", "dilation")
        return tuple(per_axis(name, getattr(self, name), axes) for name in names)

    def _weights(self, x: Shape) -> int:
        return x.channels * (self.out // self.groups) * prod(self._axes(x)[0])

    def shape(self, x: Shape) -> Shape:
        sizes = tuple(_side(size, *numbers) for size, *numbers in zip(x.map, *self._axes(x), strict=True))
        for count, which in ((x.channels, "input channels"), (self.out, "output channels")):
            if count % self.groups:
                raise ShapeError(NotDivisible(int(count), int(self.groups), which))
        return Shape.of(self.out, *sizes)

    def params(self, x: Shape) -> int:
        return self._weights(x) + (self.out if self.bias else 0)

    def macs(self, x: Shape, y: Shape) -> int:
        return prod(x.map) * self._weights(x)

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        dims = (x.channels, self.out // self.groups, *self._axes(x)[0])
        weight = InitialValue("init", "weight", self.init, dims)
        bias = InitialValue("bias_init", "bias", self.bias_init, (self.out,), may_be_none=True)
        return (weight, bias) if self.bias else (weight,)

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        init = part_by_part(self.init, count)
        return Fusion(self.changed(out=count * self.out, groups=count * self.groups, init=init))

    def torch(self, x: Shape) -> LayerCode:
        kernel, stride, padding, output_padding, dilation = map(compact, self._axes(x))
        options: dict[str, Expr] = {
            "stride": stride,
            "padding": padding,
            "output_padding": output_padding,
            "groups": self.groups,
            "bias": self.bias,
            "dilation": dilation,
        }
        made = call(f"nn.ConvTranspose{len(x.map)}d", x.channels, self.out, kernel, **options)
        return Submodule(made.without(stride=1, padding=0, output_padding=0, groups=1, bias=True, dilation=1))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        axes = zip(*(map(int, each) for each in self._axes(inputs[0])), strict=True)
        return map_dependence(*(_reach(*numbers) for numbers in axes))

    def alternatives(self) -> tuple[tuple[str, int], ...]:
        steps = self.stride if isinstance(self.stride, tuple) else (self.stride,)
        most = 0 if self.output_padding else min(4, *map(int, steps))
        return tuple(("output_padding", value) for value in range(1, most))

    def sums(self, x: Shape, y: Shape) -> Sums:
        kernel = self._axes(x)[0]
        axes = zip(x.map, y.map, *self._axes(x), strict=True)
        lines = dict.fromkeys(_sum(*map(int, numbers)) for numbers in axes)
        weights = product(*kernel, x.channels // self.groups, self.out)
        constants = f" + {int(self.out)}" if self.bias else ""
        sides = "x".join(map(str, map(int, kernel)))
        why = f"each pixel adds to a window of {sides}; windows overlap where the stride is smaller"
        return Sums(tuple(lines), weights + constants, f"{product(*x.map)} * {weights}", why)

    def drawing(self, x: Shape) -> Drawing:
        kernel, stride, _, _, dilation = self._axes(x)
        steps = crossed(dict.fromkeys(stride)) if max(stride) > 1 else ""
        words = []
        if self.groups > 1:
            words.append(f"g={int(self.groups)}")
        if max(dilation) > 1:
            words.append(f"d={crossed(dict.fromkeys(dilation))}")
        return Drawing(
            "ConvT",
            crossed(kernel),
            str(int(self.out)),
            f"×{steps}" if steps else "",
            tuple(words),
            entry=f"{crossed(kernel)} transposed, {int(self.out)}",
            stride=steps,
        )


def _side(size: int, kernel: int, stride: int, padding: int, output_padding: int, dilation: int) -> int:
    """Return the size of the result along one axis."""
    # PyTorch requires that it is below one of the two.
    if output_padding >= stride and output_padding >= dilation:
        bound = f"below the stride, {int(stride)}" + (f", or the dilation, {int(dilation)}" if dilation > 1 else "")
        raise ShapeError(OutOfRange("output_padding", str(int(output_padding)), bound))
    extent = dilation * (kernel - 1) + 1
    result = (size - 1) * stride - 2 * padding + extent + output_padding
    if result < 1:
        raise ShapeError(NothingLeft(*map(int, (size, extent, stride, padding, output_padding))))
    return result


def _reach(kernel: int, stride: int, padding: int, _output_padding: int, dilation: int) -> AxisWindow:
    """Return the pixels of the input that contribute to a pixel of the result."""
    return AxisWindow(1, padding - dilation * (kernel - 1), padding, per=stride)


def _sum(size: int, result: int, kernel: int, stride: int, padding: int, output_padding: int, dilation: int) -> str:
    more = f" + {output_padding}" if output_padding else ""
    return f"({size} - 1)*{stride} - 2*{padding} + {dilation * (kernel - 1) + 1}{more} = {result}"
