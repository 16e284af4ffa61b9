"""Operators that combine several tensors."""

from archdsl.base.pyexpr import Expr, Infix, call
from archdsl.base.role import Role, joined
from archdsl.base.shape import Shape
from archdsl.base.symbolic import polynomial
from archdsl.ops.analysis import INPUT_SAVED, Autograd, Drawing, Saved, Sums
from archdsl.ops.argument_types import COUNT_FROM_ZERO
from archdsl.ops.base import Example, ForwardOnly, Fusion, Merge, arg, input_at, op
from archdsl.ops.dependence import POINTWISE, AxisWindow, InputDependence, own
from archdsl.ops.mismatches import StreamsDiffer
from archdsl.ops.reasons import Reason, ShapeError, WrongRank
from archdsl.ops.roles import GIVES_PLAIN, KEEPS_ROLE, Written, first_axis, roles_meet


def _added(symbol: str, count: int) -> Expr:
    result: Expr = input_at(0)
    for number in range(1, count):
        result = Infix(result, symbol, input_at(number))
    return result


def _all_inputs(count: int) -> Expr:
    return tuple(input_at(number) for number in range(count))


def _require_axis(axis: int, inputs: tuple[Shape, ...], *, more: int = 0) -> None:
    if axis >= inputs[0].rank + more:
        raise ShapeError(WrongRank(f"inputs with an axis {axis} (the channels are axis 0)", str(inputs[0])))


@op("concat", family="merge", positional=0)
class Concat(Merge):
    """Concatenate tensors along an axis, by default the channels: `torch.cat`."""

    axis: int = arg(COUNT_FROM_ZERO, default=0, help="axis to concatenate; 0 is the channels")

    roles = KEEPS_ROLE
    autograd = Autograd(needs_output=False, shares_gradient=True)
    examples = (
        Example("concat", Shape.of(64, 28, 20), Shape.of(192, 28, 20), others=(Shape.of(128, 28, 20),)),
        Example("concat(axis = 1)", Shape.of(7, 3), Shape.of(7, 12), others=(Shape.of(7, 4), Shape.of(7, 5))),
    )

    @property
    def free_axis(self) -> int | None:
        return self.axis

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(self if self.axis else None)

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        warning = None if "axis" in written else first_axis(self.name, joined(roles), inputs[0])
        return warning or roles_meet(self.name, roles)

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        # The axis determines the structure; as a plain number, it is fixed in the generated module.
        free = int(self.axis)
        _require_axis(free, inputs)
        first = inputs[0]
        for other in inputs[1:]:
            same = other.rank == first.rank and all(
                one == two for axis, (one, two) in enumerate(zip(first.dims, other.dims, strict=True)) if axis != free
            )
            if not same:
                raise ShapeError(StreamsDiffer("concat", inputs, free=free))
        total = first.dims[free]
        for other in inputs[1:]:
            total = total + other.dims[free]
        return Shape((*first.dims[:free], total, *first.dims[free + 1 :]))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        found, before = [], 0
        for x in inputs:
            window = AxisWindow(1, -before, -before)
            found.append(tuple(own(axis, window if axis == self.axis else POINTWISE) for axis in range(x.rank)))
            before += int(x.dims[self.axis])
        return tuple(found)

    def sums(self, x: Shape, y: Shape) -> Sums:
        return Sums(why="the inputs are concatenated, so their sizes along that axis add up")

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(call("torch.cat", _all_inputs(len(inputs)), self.axis.real + 1))


@op("add", family="merge", positional=0)
class Add(Merge):
    """Add tensors of equal shape, element by element."""

    roles = KEEPS_ROLE
    autograd = Autograd(needs_output=False, shares_gradient=True)
    is_lanewise = True
    examples = (
        Example("add", Shape.of(64, 56, 48), Shape.of(64, 56, 48), others=(Shape.of(64, 56, 48),)),
        Example("add", Shape.of(10), Shape.of(10), others=(Shape.of(10), Shape.of(10))),
    )

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        if any(other.dims != inputs[0].dims for other in inputs):
            raise ShapeError(StreamsDiffer("add", inputs))
        return inputs[-1]

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(_added("+", len(inputs)), adds_in_place=True)

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("+")


@op("mul", family="merge", positional=0)
class Mul(Merge):
    """Multiply tensors element by element; sizes of 1 broadcast, as in squeeze-and-excitation (Hu et al. 2018)."""

    roles = KEEPS_ROLE
    examples = (
        Example("mul", Shape.of(64, 56, 48), Shape.of(64, 56, 48), others=(Shape.of(64, 1, 1),)),
        Example("mul", Shape.of(10), Shape.of(10), others=(Shape.of(10),)),
    )

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        if len({shape.rank for shape in inputs}) > 1:
            raise ShapeError(StreamsDiffer("mul", inputs))
        dims = []
        for sizes in zip(*(shape.dims for shape in inputs), strict=True):
            if all(size == sizes[0] for size in sizes):
                dims.append(sizes[0])
                continue
            wide = [size for size in sizes if size != 1]
            if any(size != wide[0] for size in wide):
                raise ShapeError(StreamsDiffer("mul", inputs, stretches=True))
            dims.append(wide[0] if wide else sizes[0])
        return Shape(tuple(dims))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        # A single channel that broadcasts would be one for each copy.
        alike = all(shape.rank for shape in inputs) and len({polynomial(shape.channels) for shape in inputs}) == 1
        return Fusion(self if alike else None)

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(_added("*", len(inputs)))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("×")

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return INPUT_SAVED


@op("stack", family="merge", positional=0)
class Stack(Merge):
    """Stack tensors of equal shape along a new axis, by default the first: `torch.stack`."""

    axis: int = arg(COUNT_FROM_ZERO, default=0, help="position of the new axis; 0 is the first")

    roles = GIVES_PLAIN
    autograd = Autograd(needs_output=False, shares_gradient=True)
    examples = (
        Example("stack", Shape.of(4, 5), Shape.of(3, 4, 5), others=(Shape.of(4, 5), Shape.of(4, 5))),
        Example("stack(axis = 1)", Shape.of(8), Shape.of(8, 2), others=(Shape.of(8),)),
    )

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        if any(other.dims != inputs[0].dims for other in inputs):
            raise ShapeError(StreamsDiffer("stack", inputs))
        axis = int(self.axis)
        _require_axis(axis, inputs, more=1)
        dims = inputs[0].dims
        return Shape((*dims[:axis], len(inputs), *dims[axis:]))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return tuple(tuple(own(axis + (axis >= self.axis)) for axis in range(x.rank)) for x in inputs)

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(self if self.axis else None)

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        return ForwardOnly(call("torch.stack", _all_inputs(len(inputs)), self.axis.real + 1))
