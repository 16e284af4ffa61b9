"""Multiplication by learned or fixed factors."""

from archdsl.base.pyexpr import Infix, call
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import NOTHING_SAVED, OUTPUT_IS_FREE, Drawing, Saved
from archdsl.ops.argument_types import OPTIONAL_COUNT_FROM_ZERO, REAL
from archdsl.ops.base import INPUT, Example, Functional, Fusion, LayerCode, Submodule, arg, op
from archdsl.ops.reasons import OutOfRange, Reason, ShapeError
from archdsl.ops.roles import Remedy, Written, along_length


@op("scale", family="normalisation")
class Scale(Elementwise):
    """Multiply each channel of a map, or each feature of a sequence, by a learned factor.

    It is the layer scale of CaiT and ConvNeXt (Touvron et al. 2021); the parameter is called `weight`.
    """

    init: float = arg(REAL, default=1.0, help="initial value of the factors")
    axis: int | None = arg(
        OPTIONAL_COUNT_FROM_ZERO,
        default=None,
        help="axis with a factor for each index; `none`: the channels of a map, else the last axis",
    )

    autograd = OUTPUT_IS_FREE
    support = ("Scale",)
    examples = (
        Example("scale(init = 1e-6)", Shape.of(96, 14, 10), Shape.of(96, 14, 10), params=96),
        Example("scale", Shape.of(50, 64), Shape.of(50, 64), params=64),
        Example("scale(axis = 0)", Shape.of(8, 5), Shape.of(8, 5), params=8),
        Example("scale", Shape.of(84), Shape.of(84), params=84),
    )

    def _axis(self, x: Shape) -> int:
        if self.axis is None:
            return 0 if x.rank > 2 else x.rank - 1
        # The axis determines the structure; as a plain number, it is fixed in the generated module.
        return int(self.axis)

    def shape(self, x: Shape) -> Shape:
        if self._axis(x) >= x.rank:
            bound = f"below {x.rank}, the number of axes of {x}"
            raise ShapeError(OutOfRange("axis", str(self._axis(x)), bound))
        return x

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        x, channels = inputs[0], {Role.MAP: 0, Role.CHANNELS_LAST: inputs[0].rank - 1}.get(roles[0])
        if "axis" in written or channels in (None, self._axis(x)):
            return None
        problem = f"`scale` has a factor for each of the {int(x.dims[self._axis(x)])} pixels along axis {self._axis(x)}"
        return along_length(problem, Remedy(argument=f"axis = {channels}", purpose="for a factor for each channel"))

    def params(self, x: Shape) -> int:
        return x.dims[self._axis(x)]

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return (("weight", (x.dims[self._axis(x)], *(1,) * (x.rank - 1 - self._axis(x)))),)

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(None if self._axis(inputs[0]) else self)

    def torch(self, x: Shape) -> LayerCode:
        axis = self._axis(x)
        ones = (1,) * (x.rank - 1 - axis)
        return Submodule(call("Scale", x.dims[axis], *ones, init=self.init).without(init=1.0))


@op("times", family="normalisation", positional=1)
class Times(Elementwise):
    """Multiply by a fixed number, as the residual scaling of Inception-ResNet (Szegedy et al. 2017, section 3.3)."""

    factor: float = arg(REAL, help="the factor")

    autograd = OUTPUT_IS_FREE
    is_lanewise = True
    support = ("Times",)
    examples = (
        Example("times(0.17)", Shape.of(320, 35, 30), Shape.of(320, 35, 30)),
        Example("times(-2)", Shape.of(84), Shape.of(84)),
    )

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("Times", self.factor), Infix(INPUT, "*", self.factor))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("×", f"{self.factor:g}")
