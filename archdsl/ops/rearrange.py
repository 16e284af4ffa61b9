"""Operators that reorder elements or select a part of them."""

from archdsl.base.pyexpr import Method, call
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import (
    EVERYTHING,
    NOTHING_SAVED,
    PIXEL_ITSELF,
    VIEW,
    Autograd,
    AxisWindow,
    Drawing,
    InputDependence,
    Saved,
    map_dependence,
)
from archdsl.ops.argument_types import AXES_FROM_ZERO, COUNT, COUNT_FROM_ZERO, OPTIONAL_COUNT, SIZES, Axes
from archdsl.ops.base import INPUT, Example, Functional, Fusion, LayerCode, Op, arg, op
from archdsl.ops.mismatches import VolumeDiffers, WrongOrder
from archdsl.ops.reasons import NotDivisible, OutOfRange, ShapeError, WrongRank
from archdsl.ops.window import crossed


@op("channel_shuffle", family="other", positional=1)
class ChannelShuffle(Elementwise):
    """Interleave the channels of all groups: `nn.ChannelShuffle` (Zhang et al. 2018, ShuffleNet)."""

    groups: int = arg(COUNT, help="number of groups of channels")

    examples = (
        Example("channel_shuffle(2)", Shape.of(8, 7, 5), Shape.of(8, 7, 5)),
        Example("channel_shuffle(3)", Shape.of(240, 5), Shape.of(240, 5)),
    )

    def shape(self, x: Shape) -> Shape:
        if x.rank < 2:
            raise ShapeError(WrongRank("channels and at least one axis, such as 8x7x7", str(x)))
        if x.channels % self.groups:
            raise ShapeError(NotDivisible(int(x.channels), int(self.groups), "channels"))
        return x

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return PIXEL_ITSELF

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("nn.ChannelShuffle", self.groups), call("F.channel_shuffle", INPUT, self.groups))


@op("reshape", family="other", positional=1)
class Reshape(Op):
    """Change the shape of each sample and keep the order of its elements; one size may be -1 and is computed."""

    sizes: tuple[int, ...] = arg(SIZES, help="sizes of the result, channels first; one of them may be -1")

    autograd = VIEW

    examples = (
        Example("reshape(16x7x7)", Shape.of(784), Shape.of(16, 7, 7)),
        Example("reshape((8, -1))", Shape.of(16, 5, 4), Shape.of(8, 40)),
        Example("reshape(400)", Shape.of(16, 5, 5), Shape.of(400)),
    )

    def shape(self, x: Shape) -> Shape:
        known = Shape(tuple(size for size in self.sizes if size != -1)).volume
        open_size = -1 in self.sizes
        if x.volume % known if open_size else x.volume != known:
            sizes = [str(int(size)) for size in self.sizes]
            named = f"({', '.join(sizes)})" if open_size else "x".join(sizes)
            taken = f"a multiple of {int(known)}" if open_size else str(int(known))
            raise ShapeError(VolumeDiffers("sizes", named, taken, str(x), int(x.volume)))
        return Shape.of(*(x.volume // known if size == -1 else size for size in self.sizes))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        first, *others = self.sizes
        return Fusion(self.changed(sizes=(first if first == -1 else count * first, *others)))

    def torch(self, x: Shape) -> LayerCode:
        sizes = self.shape(x).dims
        if len(sizes) == 1:
            return Functional(call("nn.Flatten"), Method(INPUT, "flatten", (1,)))
        unflatten = call("nn.Unflatten", 1, sizes)
        module = unflatten if x.rank == 1 else call("nn.Sequential", call("nn.Flatten"), unflatten)
        return Functional(module, Method(INPUT, "reshape", (-1, *sizes)))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Reshape", crossed(self.shape(x).dims))


@op("permute", family="other", positional=1)
class Permute(Op):
    """Reorder the axes: `permute(1x2x0)` turns channels, height, width into height, width, channels."""

    order: Axes = arg(AXES_FROM_ZERO, help="for each axis of the result, the axis of the input; 0 is the channels")

    support = ("Permute",)
    autograd = VIEW
    examples = (
        Example("permute(1x2x0)", Shape.of(3, 8, 9), Shape.of(8, 9, 3)),
        Example("permute(1x0)", Shape.of(5, 7), Shape.of(7, 5)),
    )

    def _order(self) -> tuple[int, ...]:
        # The order determines the structure; as plain numbers, it is fixed in the generated module.
        return tuple(map(int, self.order)) if isinstance(self.order, tuple) else (int(self.order),)

    def shape(self, x: Shape) -> Shape:
        order = self._order()
        if sorted(order) != list(range(x.rank)):
            raise ShapeError(WrongOrder("order", order, str(x), x.rank))
        return Shape.of(*(x.dims[axis] for axis in order))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(None if self._order()[0] else self)

    def torch(self, x: Shape) -> LayerCode:
        dims = (0, *(axis + 1 for axis in self._order()))
        return Functional(call("Permute", *dims), Method(INPUT, "permute", dims))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Permute", ", ".join(map(str, self._order())))


@op("slice", family="other", positional=2)
class Slice(Op):
    """Select the indices of an axis from `start` up to `stop`, which is excluded: `Tensor.narrow`."""

    start: int = arg(COUNT_FROM_ZERO, help="first index of the part, counted from 0")
    stop: int | None = arg(
        OPTIONAL_COUNT, default=None, help="first index after the part; `none`: the size of the axis"
    )
    axis: int = arg(COUNT_FROM_ZERO, default=0, help="axis; 0 is the channels")

    support = ("Narrow",)
    autograd = Autograd(is_view=True)
    examples = (
        Example("slice(0, 16)", Shape.of(64, 7, 7), Shape.of(16, 7, 7)),
        Example("slice(1, axis = 2)", Shape.of(3, 8, 9), Shape.of(3, 8, 8)),
        Example("slice(10, 20)", Shape.of(84), Shape.of(10)),
    )

    def _stop(self, x: Shape) -> int:
        return x.dims[self.axis] if self.stop is None else self.stop

    def shape(self, x: Shape) -> Shape:
        axis = int(self.axis)
        if axis >= x.rank:
            raise ShapeError(OutOfRange("axis", str(axis), f"below {x.rank}, the number of axes of {x}"))
        size, stop = x.dims[axis], self._stop(x)
        if stop > size:
            raise ShapeError(OutOfRange("stop", str(int(stop)), f"at most {int(size)}, the size of axis {axis} of {x}"))
        if self.start >= stop:
            raise ShapeError(OutOfRange("start", str(int(self.start)), f"below {int(stop)}, the end of the part"))
        return Shape.of(*x.dims[:axis], stop - self.start, *x.dims[axis + 1 :])

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(self if self.axis else None)

    def torch(self, x: Shape) -> LayerCode:
        numbers = (int(self.axis) + 1, self.start, self._stop(x) - self.start)
        return Functional(call("Narrow", *numbers), Method(INPUT, "narrow", numbers))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        if y.rank < 3:
            return EVERYTHING
        starts = (int(self.start) if axis == self.axis else 0 for axis in range(1, y.rank))
        return map_dependence(*(AxisWindow(1, start, start) for start in starts))

    def drawing(self, x: Shape) -> Drawing:
        axis = (f"axis {int(self.axis)}",) if self.axis else ()
        return Drawing("Slice", f"{int(self.start)}:{int(self._stop(x))}", more=axis)
