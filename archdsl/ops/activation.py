"""Base classes of activations, the classical ones, and those along an axis."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, cast

from archdsl.base.pyexpr import Call, Expr, call
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.ops.analysis import INPUT_SAVED, OUTPUT_SAVED, Drawing, Saved
from archdsl.ops.argument_types import COUNT_FROM_ZERO
from archdsl.ops.base import INPUT, Example, Functional, Fusion, LayerCode, Op, Trait, arg, op
from archdsl.ops.dependence import InputDependence, itself
from archdsl.ops.mismatches import UnevenParts
from archdsl.ops.reasons import OutOfRange, Reason, ShapeError
from archdsl.ops.roles import KEEPS_ROLE, Written, first_axis

_MAPS = Shape.of(6, 28, 20)


class Elementwise(Op):
    """Base class of operators whose result has the shape of the input."""

    roles = KEEPS_ROLE

    def shape(self, x: Shape) -> Shape:
        return x

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return itself(inputs, y)


class Pointwise(Elementwise):
    """Base class of elementwise activations of PyTorch.

    The function in `torch.nn.functional` has the operator's name, the class in `torch.nn` its `caption`.
    """

    caption: ClassVar[str]
    in_place: ClassVar[bool] = False
    is_lanewise = True
    # Names of arguments in PyTorch, where they differ.
    spelled: ClassVar[Mapping[str, str]] = MappingProxyType({})
    traits = Trait.SQUASHES

    def _forms(self) -> tuple[Call, Call]:
        """Return the calls of module and function, without arguments that have their default values."""
        names = {name: self.spelled.get(name, name) for name in self.arguments}
        options = {names[name]: cast(Expr, value) for name, value in self.values.items()}
        defaults = {names[name]: argument.default for name, argument in self.arguments.items()}
        forms = (call(f"nn.{self.caption}", **options), call(f"F.{self.name}", INPUT, **options))
        return forms[0].without(**defaults), forms[1].without(**defaults)

    def _can_be_undone(self) -> bool:
        """Return whether autograd can compute the gradient from the result alone, which in-place operation requires."""
        return True

    def torch(self, x: Shape) -> LayerCode:
        module, function = self._forms()
        return Functional(module, function, in_place=self.in_place and self._can_be_undone())

    def drawing(self, x: Shape) -> Drawing:
        return Drawing(self.caption)


@op("relu", family="activation")
class Relu(Pointwise):
    """Set negative elements to 0: max(x, 0). It is `nn.ReLU` (Nair and Hinton 2010)."""

    caption = "ReLU"
    in_place = True
    traits = Trait.SQUASHES | Trait.CUTS
    examples = (Example("relu", _MAPS, _MAPS), Example("relu", Shape.of(84), Shape.of(84)))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return OUTPUT_SAVED


@op("tanh", family="activation")
class Tanh(Elementwise):
    """Apply the hyperbolic tangent to each element: `nn.Tanh`."""

    traits = Trait.SQUASHES
    is_lanewise = True
    examples = (Example("tanh", _MAPS, _MAPS),)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return OUTPUT_SAVED

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("nn.Tanh"), call("torch.tanh", INPUT))


@op("scaled_tanh", family="activation")
class ScaledTanh(Elementwise):
    """Apply 1.7159 tanh(2x/3), which maps 1 to 1 and -1 to -1 (LeCun et al. 1998, appendix A)."""

    is_lanewise = True
    support = ("scaled_tanh", "ScaledTanh")
    traits = Trait.SQUASHES
    examples = (Example("scaled_tanh", _MAPS, _MAPS), Example("scaled_tanh", Shape.of(84), Shape.of(84)))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The tanh before the scaling.
        return Saved(values=y.volume)

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("ScaledTanh"), call("scaled_tanh", INPUT))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("Scaled tanh")


@op("sigmoid", family="activation")
class Sigmoid(Elementwise):
    """Apply the logistic function 1 / (1 + exp(-x)) to each element: `nn.Sigmoid`."""

    traits = Trait.SQUASHES
    is_lanewise = True
    examples = (Example("sigmoid", _MAPS, _MAPS),)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return OUTPUT_SAVED

    def torch(self, x: Shape) -> LayerCode:
        return Functional(call("nn.Sigmoid"), call("torch.sigmoid", INPUT))


class AlongAxis(Op):
    """Base class of activations that combine the elements along an axis, by default the channels."""

    axis: int
    roles = KEEPS_ROLE
    caption: ClassVar[str]

    def _axis(self, x: Shape) -> int:
        # The axis determines the structure; as a plain number, it is fixed in the generated module.
        axis = int(self.axis)
        if axis >= x.rank:
            raise ShapeError(OutOfRange("axis", str(axis), f"below {x.rank}, the number of axes of {x}"))
        return axis

    def shape(self, x: Shape) -> Shape:
        self._axis(x)
        return x

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        return None if "axis" in written else first_axis(self.name, roles[0], inputs[0])

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return itself(inputs, y, mixed=(self._axis(inputs[0]),))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return OUTPUT_SAVED

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        return Fusion(self if self._axis(inputs[0]) else None)

    def torch(self, x: Shape) -> LayerCode:
        dim = self._axis(x) + 1
        return Functional(call(f"nn.{self.caption}", dim=dim), call(f"F.{self.name}", INPUT, dim=dim))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing(self.caption)


@op("softmax", family="activation")
class Softmax(AlongAxis):
    """Turn scores into probabilities along an axis: `nn.Softmax`."""

    axis: int = arg(COUNT_FROM_ZERO, default=0, help="axis along which the results sum to 1; 0 is the channels")

    caption = "Softmax"
    traits = Trait.GIVES_PROBABILITIES
    examples = (
        Example("softmax", Shape.of(10), Shape.of(10)),
        Example("softmax", _MAPS, _MAPS),
        Example("softmax(axis = 1)", Shape.of(50, 64), Shape.of(50, 64)),
    )


@op("log_softmax", family="activation")
class LogSoftmax(AlongAxis):
    """Turn scores into logarithms of probabilities along an axis: `nn.LogSoftmax`."""

    axis: int = arg(COUNT_FROM_ZERO, default=0, help="axis along which the probabilities sum to 1; 0 is the channels")

    caption = "LogSoftmax"
    traits = Trait.GIVES_LOGARITHMS
    examples = (
        Example("log_softmax", Shape.of(10), Shape.of(10)),
        Example("log_softmax", _MAPS, _MAPS),
        Example("log_softmax(axis = 1)", Shape.of(50, 64), Shape.of(50, 64)),
    )


@op("softmin", family="activation")
class Softmin(AlongAxis):
    """Turn distances into probabilities along an axis, the softmax of -x: `nn.Softmin`."""

    axis: int = arg(COUNT_FROM_ZERO, default=0, help="axis along which the results sum to 1; 0 is the channels")

    caption = "Softmin"
    traits = Trait.GIVES_PROBABILITIES
    examples = (
        Example("softmin", Shape.of(10), Shape.of(10)),
        Example("softmin", _MAPS, _MAPS),
        Example("softmin(axis = 1)", Shape.of(50, 64), Shape.of(50, 64)),
    )


@op("glu", family="activation")
class Glu(AlongAxis):
    """Multiply the first half of an axis by the sigmoid of the second half: `nn.GLU` (Dauphin et al. 2017)."""

    axis: int = arg(COUNT_FROM_ZERO, default=0, help="axis to split in halves; 0 is the channels")

    caption = "GLU"
    examples = (
        Example("glu", Shape.of(64, 7, 5), Shape.of(32, 7, 5)),
        Example("glu", Shape.of(84), Shape.of(42)),
        Example("glu(axis = 1)", Shape.of(50, 64), Shape.of(50, 32)),
    )

    def shape(self, x: Shape) -> Shape:
        axis = self._axis(x)
        size = x.dims[axis]
        if size.real % 2:
            raise ShapeError(UnevenParts("call", int(size), 2, "halves", "features" if axis else "channels"))
        return Shape.of(*x.dims[:axis], size // 2, *x.dims[axis + 1 :])

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return INPUT_SAVED
