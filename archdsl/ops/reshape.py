"""Flattening and the identity."""

from archdsl.base.pyexpr import Method, call
from archdsl.base.shape import Shape
from archdsl.ops.activation import Elementwise
from archdsl.ops.analysis import VIEW
from archdsl.ops.base import INPUT, Example, Functional, LayerCode, Op, Trait, op
from archdsl.ops.dependence import InputDependence, regrouped
from archdsl.ops.roles import GIVES_VECTOR


@op("flatten", family="other")
class Flatten(Op):
    """Turn each sample into a vector: `nn.Flatten`."""

    roles = GIVES_VECTOR
    autograd = VIEW
    is_lanewise = True

    examples = (
        Example("flatten", Shape.of(120, 1, 1), Shape.of(120)),
        Example("flatten", Shape.of(16, 5, 4), Shape.of(320)),
    )

    def shape(self, x: Shape) -> Shape:
        return Shape.of(x.volume)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return regrouped(inputs[0], y)

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("nn.Flatten"), Method(INPUT, "flatten", (1,)))


@op("identity", family="other")
class Identity(Elementwise):
    """Return the input unchanged: `nn.Identity`."""

    traits = Trait.PASSES_ON
    autograd = VIEW
    is_lanewise = True

    examples = (Example("identity", Shape.of(3, 8, 6), Shape.of(3, 8, 6)),)

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("nn.Identity"), INPUT)
