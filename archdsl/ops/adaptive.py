"""Adaptive and global pooling."""

from typing import ClassVar

from archdsl.base.pyexpr import call
from archdsl.base.shape import Shape
from archdsl.ops.analysis import (
    INPUT_SAVED,
    NOTHING_SAVED,
    OUTPUT_IS_FREE,
    AxisWindow,
    Drawing,
    InputDependence,
    Saved,
    Sums,
    map_dependence,
)
from archdsl.ops.argument_types import AXES, Axes
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Op, arg, op
from archdsl.ops.window import compact, crossed, per_axis, require_map


class Adaptive(Op):
    """Base class of adaptive pools, which divide the map into as many windows as the result has pixels."""

    size: Axes
    caption: ClassVar[str]
    words: ClassVar[str]
    module: ClassVar[str]
    function: ClassVar[str]
    autograd = OUTPUT_IS_FREE
    is_lanewise = True

    def shape(self, x: Shape) -> Shape:
        axes = require_map(x)
        return Shape.of(x.channels, *per_axis("size", self.size, axes))

    def torch(self, x: Shape) -> LayerCode:
        axes = require_map(x)
        size = compact(per_axis("size", self.size, axes))
        return Functional(call(f"nn.{self.module}{axes}d", size), call(f"F.{self.function}{axes}d", INPUT, size))

    def drawing(self, x: Shape) -> Drawing:
        sides = crossed(self.shape(x).map)
        return Drawing(f"{self.caption} to", sides, entry=f"{self.words} pool to {sides}")

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return map_dependence(*(_reach(int(n), int(m)) for n, m in zip(inputs[0].map, y.map, strict=True)))

    def sums(self, x: Shape, y: Shape) -> Sums:
        sides = "x".join(map(str, map(int, x.map)))
        cells = Shape(y.map).plain().volume
        return Sums(
            why=f"the map of {sides} is cut into {'one window' if cells == 1 else f'{cells} windows'} per channel"
        )


class Mean(Adaptive):
    """Base class of adaptive pools that take means."""

    caption = "AvgPool"
    words = "average"
    module = "AdaptiveAvgPool"
    function = "adaptive_avg_pool"

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # For a whole map PyTorch calls `mean`, whose gradient needs no saved tensor.
        return NOTHING_SAVED if Shape(y.map).volume == 1 else INPUT_SAVED


class Largest(Adaptive):
    """Base class of adaptive pools that take maxima."""

    caption = "MaxPool"
    words = "max"
    module = "AdaptiveMaxPool"
    function = "adaptive_max_pool"

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return Saved(input=True, integers=y.volume)


def _reach(size: int, cells: int) -> AxisWindow:
    """Return the window of a pixel: from floor(o * size / cells) to ceil((o + 1) * size / cells) - 1."""
    return AxisWindow(size, 1 - cells, size - 1, per=cells)


@op("adaptive_avgpool", family="pooling", positional=1)
class AdaptiveAvgPool(Mean):
    """Pool the map to a given size by means over windows of almost equal sides: `nn.AdaptiveAvgPool1d` to `3d`."""

    size: Axes = arg(AXES, help="size of the result along each axis of the map")

    examples = (
        Example("adaptive_avgpool(7)", Shape.of(512, 14, 14), Shape.of(512, 7, 7)),
        Example("adaptive_avgpool(3x2)", Shape.of(8, 10, 7), Shape.of(8, 3, 2)),
        Example("adaptive_avgpool(4)", Shape.of(8, 3), Shape.of(8, 4)),
        Example("adaptive_avgpool(2)", Shape.of(4, 5, 6, 7), Shape.of(4, 2, 2, 2)),
    )


@op("adaptive_maxpool", family="pooling", positional=1)
class AdaptiveMaxPool(Largest):
    """Pool the map to a given size by maxima over windows of almost equal sides: `nn.AdaptiveMaxPool1d` to `3d`."""

    size: Axes = arg(AXES, help="size of the result along each axis of the map")

    examples = (
        Example("adaptive_maxpool(7)", Shape.of(512, 14, 14), Shape.of(512, 7, 7)),
        Example("adaptive_maxpool(3x2)", Shape.of(8, 10, 7), Shape.of(8, 3, 2)),
        Example("adaptive_maxpool(4)", Shape.of(8, 9), Shape.of(8, 4)),
        Example("adaptive_maxpool(2)", Shape.of(4, 5, 6, 7), Shape.of(4, 2, 2, 2)),
    )


@op("global_avgpool", family="pooling")
class GlobalAvgPool(Mean):
    """Take the mean of each channel; the result is a map of one pixel (Lin et al. 2013)."""

    size = 1
    examples = (
        Example("global_avgpool", Shape.of(512, 7, 7), Shape.of(512, 1, 1)),
        Example("global_avgpool", Shape.of(8, 5), Shape.of(8, 1)),
        Example("global_avgpool", Shape.of(8, 3, 4, 5), Shape.of(8, 1, 1, 1)),
    )

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Global AvgPool", entry="global average pool")


@op("global_maxpool", family="pooling")
class GlobalMaxPool(Largest):
    """Take the maximum of each channel; the result is a map of one pixel."""

    size = 1
    examples = (
        Example("global_maxpool", Shape.of(512, 7, 7), Shape.of(512, 1, 1)),
        Example("global_maxpool", Shape.of(8, 5), Shape.of(8, 1)),
        Example("global_maxpool", Shape.of(8, 3, 4, 5), Shape.of(8, 1, 1, 1)),
    )

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Global MaxPool", entry="global max pool")
