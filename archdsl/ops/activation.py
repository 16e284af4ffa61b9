"""Activations: every element by itself, and softmax."""

from archdsl.ops.base import INPUT, Emission, Example, Op, Stateless, op
from archdsl.ops.reasons import Misfit, WrongRank
from archdsl.pyexpr import call
from archdsl.shape import Shape

_MAPS = Shape.of(6, 28, 28)


class Elementwise(Op):
    """An operator that leaves the shape as it is."""

    def shape(self, x: Shape) -> Shape:
        return x


@op("relu", family="activation")
class Relu(Elementwise):
    """Cut off what is negative: max(x, 0)."""

    examples = (Example("relu", _MAPS, _MAPS), Example("relu", Shape.of(84), Shape.of(84)))

    def torch(self, x: Shape) -> Emission:
        return Stateless(call("nn.ReLU"), call("F.relu", INPUT), in_place=True)

    def title(self, x: Shape) -> str:
        return "ReLU"


@op("tanh", family="activation")
class Tanh(Elementwise):
    """Squash to (-1, 1) by the hyperbolic tangent."""

    examples = (Example("tanh", _MAPS, _MAPS),)

    def torch(self, x: Shape) -> Emission:
        return Stateless(call("nn.Tanh"), call("torch.tanh", INPUT))


@op("scaled_tanh", family="activation")
class ScaledTanh(Elementwise):
    """Squash by 1.7159 tanh(2x/3), which maps 1 to 1 and -1 to -1 (LeCun et al. 1998, appendix A)."""

    support = ("scaled_tanh", "ScaledTanh")
    examples = (Example("scaled_tanh", _MAPS, _MAPS), Example("scaled_tanh", Shape.of(84), Shape.of(84)))

    def torch(self, x: Shape) -> Emission:
        return Stateless(call("ScaledTanh"), call("scaled_tanh", INPUT))

    def title(self, x: Shape) -> str:
        return "Scaled tanh"


@op("sigmoid", family="activation")
class Sigmoid(Elementwise):
    """Squash to (0, 1) by the logistic function."""

    examples = (Example("sigmoid", _MAPS, _MAPS),)

    def torch(self, x: Shape) -> Emission:
        return Stateless(call("nn.Sigmoid"), call("torch.sigmoid", INPUT))


@op("softmax", family="activation")
class Softmax(Elementwise):
    """Turn scores into probabilities over the channels."""

    examples = (Example("softmax", Shape.of(10), Shape.of(10)), Example("softmax", _MAPS, _MAPS))

    def shape(self, x: Shape) -> Shape:
        if x.rank < 1:
            raise Misfit(WrongRank("channels", str(x)))
        return x

    def torch(self, x: Shape) -> Emission:
        return Stateless(call("nn.Softmax", dim=1), call("F.softmax", INPUT, dim=1))
