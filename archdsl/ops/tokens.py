"""Operators that turn a map into a sequence of pixels or patches, and back."""

from archdsl.base.pyexpr import Expr, Method, call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import NOTHING_SAVED, VIEW, Drawing, Saved
from archdsl.ops.argument_types import AXES, GUARDED_AXES, Axes
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Op, arg, op
from archdsl.ops.dependence import ALL, AxisRead, AxisWindow, InputDependence, own
from archdsl.ops.mismatches import StepsDiffer, UnevenBlocks
from archdsl.ops.reasons import ShapeError, WrongAxes, WrongRank
from archdsl.ops.roles import MAP_TO_SEQUENCE, SEQUENCE_TO_MAP
from archdsl.ops.sequence import require_sequence
from archdsl.ops.window import compact, per_axis, require_map


@op("tokens", family="other")
class Tokens(Op):
    """Turn a map into a sequence with a step for each pixel, row by row, and the channels as features."""

    roles = MAP_TO_SEQUENCE
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
        x = inputs[0]
        sides = tuple(map(int, x.map))
        if len(sides) == 1:
            return ((own(1), own(0)),)
        return ((own(1), *(AxisRead((0,), sizes=sides, coordinate=axis) for axis in range(len(sides)))),)

    def torch(self, x: Shape) -> LayerCode:
        order = call("Permute", 0, 2, 1)
        if x.rank == 2:
            return Functional(order, Method(INPUT, "transpose", (1, 2)))
        return Functional(
            call("nn.Sequential", call("nn.Flatten", 2), order),
            Method(Method(INPUT, "flatten", (2,)), "transpose", (1, 2)),
        )


@op("maps", family="other", positional=1)
class Maps(Op):
    """Turn a sequence into a map with a pixel for each step, row by row: the inverse of `tokens`."""

    size: Axes = arg(AXES, help="size of the map; the product of its sides is the number of steps")

    roles = SEQUENCE_TO_MAP
    autograd = VIEW
    support = ("Permute",)
    examples = (
        Example("maps(14x14)", Shape.of(196, 64), Shape.of(64, 14, 14)),
        Example("maps(5)", Shape.of(5, 8), Shape.of(8, 5)),
        Example("maps(2x3x5)", Shape.of(30, 4), Shape.of(4, 2, 3, 5)),
    )

    def _sides(self) -> tuple[int, ...]:
        return self.size if isinstance(self.size, tuple) else (self.size,)

    def shape(self, x: Shape) -> Shape:
        steps, features = require_sequence(x)
        sides = self._sides()
        if len(sides) > 3:
            raise ShapeError(WrongAxes("size", len(sides), 3))
        if Shape(sides).volume != steps:
            given = "x".join(str(int(side)) for side in sides)
            raise ShapeError(StepsDiffer(given, int(Shape(sides).volume), int(steps)))
        return Shape.of(features, *sides)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        sides = tuple(map(int, y.map))
        steps = own(1) if len(sides) == 1 else AxisRead(tuple(range(1, y.rank)), sizes=sides)
        return ((steps, own(0)),)

    def torch(self, x: Shape) -> LayerCode:
        order, sides = call("Permute", 0, 2, 1), self._sides()
        function = Method(INPUT, "transpose", (1, 2))
        if len(sides) == 1:
            return Functional(order, function)
        return Functional(
            call("nn.Sequential", order, call("nn.Unflatten", 2, sides)), Method(function, "unflatten", (2, sides))
        )

    def drawing(self, x: Shape) -> Drawing:
        return Drawing(f"Maps {'×'.join(str(int(side)) for side in self._sides())}")


@op("patches", family="other", positional=1)
class Patches(Op):
    """Turn a map into a sequence with a step for each patch, row by row (Dosovitskiy et al. 2021, section 3.1).

    The features of a step are the pixels of a patch, channel by channel. `patches(size) -> linear(out)` computes the
    same as `conv(out, size, size) -> tokens`.
    """

    size: Axes = arg(GUARDED_AXES, help="size of a patch")

    roles = MAP_TO_SEQUENCE
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
        x, sides = inputs[0], tuple(map(int, self._sides(inputs[0])))
        cells = tuple(int(size) // side for size, side in zip(x.map, sides, strict=True))
        axes = (AxisRead((0,), AxisWindow(side, 0, side - 1), cells, axis) for axis, side in enumerate(sides))
        return ((ALL, *axes),)

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
