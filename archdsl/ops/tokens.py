"""Operators that turn a map into a sequence of pixels or patches."""

from archdsl.base.pyexpr import Expr, Method, call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import NOTHING_SAVED, STEP_ITSELF, VIEW, AxisWindow, Drawing, InputDependence, Saved
from archdsl.ops.argument_types import AXES, Axes
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Op, arg, op
from archdsl.ops.mismatches import UnevenBlocks
from archdsl.ops.reasons import ShapeError, WrongRank
from archdsl.ops.window import compact, per_axis, require_map


@op("tokens", family="other")
class Tokens(Op):
    """Turn a map into a sequence with a step for each pixel, row by row, and the channels as features."""

    autograd = VIEW

    support = ("Permute",)
    examples = (
        Example("tokens", Shape.of(64, 14, 14), Shape.of(196, 64)),
        Example("tokens", Shape.of(8, 5), Shape.of(5, 8)),
        Example("tokens", Shape.of(4, 2, 3, 5), Shape.of(30, 4)),
    )

    def shape(self, x: Shape) -> Shape:
        require_map(x)
        return Shape.of(Shape(x.map).volume, x.channels)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return STEP_ITSELF

    def torch(self, x: Shape) -> LayerCode:
        order = call("Permute", 0, 2, 1)
        if x.rank == 2:
            return Functional(order, Method(INPUT, "transpose", (1, 2)))
        return Functional(
            call("nn.Sequential", call("nn.Flatten", 2), order),
            Method(Method(INPUT, "flatten", (2,)), "transpose", (1, 2)),
        )


@op("patches", family="other", positional=1)
class Patches(Op):
    """Turn a map into a sequence with a step for each patch, row by row (Dosovitskiy et al. 2021, section 3.1).

    The features of a step are the pixels of a patch, channel by channel. `patches(size) -> linear(out)` computes the
    same as `conv(out, size, size) -> tokens`.
    """

    size: Axes = arg(AXES, help="size of a patch")

    support = ("Permute",)
    examples = (
        Example("patches(16)", Shape.of(3, 224, 224), Shape.of(196, 768)),
        Example("patches(2x3)", Shape.of(4, 8, 9), Shape.of(12, 24)),
    )

    def _sides(self, x: Shape) -> tuple[int, ...]:
        if x.rank != 3:
            raise ShapeError(WrongRank("channels, height and width", str(x)))
        return per_axis("size", self.size, 2)

    def shape(self, x: Shape) -> Shape:
        height, width = self._sides(x)
        for size, side in zip(x.map, (height, width), strict=True):
            if size % side:
                raise ShapeError(UnevenBlocks(int(size), int(side), "size"))
        return Shape.of((x.dims[1] // height) * (x.dims[2] // width), x.channels * height * width)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        sides = map(int, self._sides(inputs[0]))
        return InputDependence(tuple(AxisWindow(side, 0, side - 1) for side in sides), is_sequence=True)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def torch(self, x: Shape) -> LayerCode:
        size: Expr = compact(self._sides(x))
        return Functional(
            call("nn.Sequential", call("nn.Unfold", size, stride=size), call("Permute", 0, 2, 1)),
            Method(call("F.unfold", INPUT, size, stride=size), "transpose", (1, 2)),
        )

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Patches", "×".join(str(int(side)) for side in self._sides(x)))
