"""Means and sums over whole axes."""

from typing import ClassVar

from archdsl.base.pyexpr import Expr, call
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.ops.analysis import NOTHING_SAVED, Drawing, Saved
from archdsl.ops.argument_types import OPTIONAL_AXES_FROM_ZERO, TRUTH, Axes
from archdsl.ops.base import INPUT, Example, Functional, Fusion, LayerCode, Op, arg, op
from archdsl.ops.dependence import ALL, InputDependence, own
from archdsl.ops.reasons import OutOfRange, Reason, ShapeError, WrongRank
from archdsl.ops.roles import KEEPS_ROLE, Remedy, Written, over_features


class Reduction(Op):
    """Base class of reductions, whose axes disappear or stay with size 1."""

    axes: Axes | None
    keepdim: bool
    roles = KEEPS_ROLE
    caption: ClassVar[str]

    def _axes(self, x: Shape) -> tuple[int, ...]:
        # The axes determine the structure; as plain numbers, they are fixed in the generated module.
        if self.axes is None:
            return tuple(range(1, x.rank))
        return tuple(map(int, self.axes)) if isinstance(self.axes, tuple) else (int(self.axes),)

    def shape(self, x: Shape) -> Shape:
        axes = self._axes(x)
        if not axes:
            raise ShapeError(WrongRank("a map where `axes` is none", str(x), "give `axes`"))
        for axis in axes:
            if axis >= x.rank:
                raise ShapeError(OutOfRange("axes", str(axis), f"below {x.rank}, the number of axes of {x}"))
        if len(set(axes)) < len(axes):
            raise ShapeError(OutOfRange("axes", "x".join(map(str, axes)), "a list without repetitions"))
        if len(axes) == x.rank and not self.keepdim:
            raise ShapeError(WrongRank("an input with an axis that is not reduced", str(x), "add keepdim = true"))
        sizes = [1 if axis in axes else size for axis, size in enumerate(x.dims) if self.keepdim or axis not in axes]
        return Shape.of(*sizes)

    def role(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], y: Shape) -> Role:
        role, rank = roles[0], inputs[0].rank
        channels = {Role.MAP: 0, Role.CHANNELS_LAST: rank - 1}.get(role)
        if y.rank in (1, rank):
            return super().role(roles, inputs, y)
        return Role.PLAIN if channels is None or channels in self._axes(inputs[0]) else role

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        role, x = roles[0], inputs[0]
        if self.axes is not None or role not in (Role.SEQUENCE, Role.CHANNELS_LAST):
            return None
        kept = "steps" if role is Role.SEQUENCE else role.words(x.rank)[0]
        axes = "x".join(map(str, range(x.rank - 1)))
        options = ", keepdim = true" if self.keepdim else ""
        problem = f"without `axes`, `{self.name}` keeps the {int(x.dims[0])} {kept} and reduces the others"
        over = "steps" if role is Role.SEQUENCE else "pixels"
        return over_features(problem, Remedy(instead=f"{self.name}({axes}{options})", purpose=f"to reduce the {over}"))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        axes, x = self._axes(inputs[0]), inputs[0]
        kept = [axis for axis in range(x.rank) if self.keepdim or axis not in axes]
        return (tuple(ALL if axis in axes else own(kept.index(axis)) for axis in range(x.rank)),)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(None if 0 in self._axes(inputs[0]) else self)

    def torch(self, x: Shape) -> LayerCode:
        found = tuple(axis + 1 for axis in self._axes(x))
        dims: Expr = found if len(found) > 1 else found[0]
        return Functional(
            call(self.caption, dims, keepdim=self.keepdim).without(keepdim=False),
            call(f"torch.{self.name}", INPUT, dims, keepdim=self.keepdim).without(keepdim=False),
        )

    def drawing(self, x: Shape) -> Drawing:
        axes = self._axes(x)
        if axes == tuple(range(1, x.rank)):
            return Drawing(f"Global {self.caption.lower()}" if x.rank > 2 else self.caption)
        return Drawing(f"{self.caption} over {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}")


@op("mean", family="pooling", positional=1)
class Mean(Reduction):
    """Take the mean over axes, by default over the whole map: `torch.mean`."""

    axes: Axes | None = arg(
        OPTIONAL_AXES_FROM_ZERO, default=None, help="axes, such as 1x2; 0 is the channels, `none`: all others"
    )
    keepdim: bool = arg(TRUTH, default=False, help="whether the axes stay with size 1")

    caption = "Mean"
    support = ("Mean",)
    examples = (
        Example("mean", Shape.of(64, 7, 7), Shape.of(64)),
        Example("mean(0, keepdim = true)", Shape.of(64, 7, 7), Shape.of(1, 7, 7)),
        Example("mean(0x2)", Shape.of(8, 5, 6), Shape.of(5)),
    )


@op("sum", family="pooling", positional=1)
class Sum(Reduction):
    """Take the sum over axes, by default over the whole map: `torch.sum`."""

    axes: Axes | None = arg(
        OPTIONAL_AXES_FROM_ZERO, default=None, help="axes, such as 1x2; 0 is the channels, `none`: all others"
    )
    keepdim: bool = arg(TRUTH, default=False, help="whether the axes stay with size 1")

    caption = "Sum"
    support = ("Sum",)
    examples = (
        Example("sum", Shape.of(64, 7, 7), Shape.of(64)),
        Example("sum(0, keepdim = true)", Shape.of(64, 7, 7), Shape.of(1, 7, 7)),
        Example("sum(1)", Shape.of(8, 5), Shape.of(8)),
        Example("sum(1x2)", Shape.of(8, 5, 6), Shape.of(8)),
    )
