"""Rectifiers: activations that keep positive elements and reduce negative ones."""

from types import MappingProxyType

from archdsl.base.pyexpr import Call, Ref, call
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.base.symbolic import TracedFloat, TracedInt, polynomial
from archdsl.ops.activation import Pointwise
from archdsl.ops.analysis import COPIES_IN_PLACE, Drawing, Saved
from archdsl.ops.argument_types import ABOVE_ZERO, COUNT, FLOAT32_MAX, REAL, Chosen, choice, shown
from archdsl.ops.base import INPUT, Example, Functional, Fusion, LayerCode, Op, Submodule, Trait, arg, op
from archdsl.ops.dependence import InputDependence, itself
from archdsl.ops.reasons import OutOfRange, Reason, ShapeError
from archdsl.ops.roles import KEEPS_ROLE, Written, sequence_as_map

_MAPS, _VECTOR = Shape.of(6, 28, 20), Shape.of(84)


def _is_never_negative(factor: float) -> bool:
    """Return whether a factor is a number of at least 0, and no parameter that could be negative."""
    return not isinstance(factor, TracedInt | TracedFloat) and factor >= 0


@op("relu6", family="activation")
class Relu6(Pointwise):
    """Limit the elements to [0, 6], min(max(x, 0), 6): `nn.ReLU6`."""

    caption = "ReLU6"
    in_place = True
    autograd = COPIES_IN_PLACE
    traits = Trait.SQUASHES | Trait.CUTS
    examples = (Example("relu6", _MAPS, _MAPS), Example("relu6", _VECTOR, _VECTOR))


@op("leaky_relu", family="activation", positional=1)
class LeakyRelu(Pointwise):
    """Multiply negative elements by a constant slope: `nn.LeakyReLU` (Maas et al. 2013)."""

    slope: float = arg(REAL, default=0.01, help="factor of negative elements")

    caption = "LeakyReLU"
    in_place = True
    spelled = MappingProxyType({"slope": "negative_slope"})
    examples = (Example("leaky_relu(0.2)", _MAPS, _MAPS), Example("leaky_relu", _VECTOR, _VECTOR))

    def _can_be_undone(self) -> bool:
        return _is_never_negative(self.slope)


@op("rrelu", family="activation", positional=2)
class Rrelu(Pointwise):
    """Multiply negative elements by a slope that is random in training: `nn.RReLU` (Xu et al. 2015)."""

    lower: float = arg(REAL, default=1 / 8, help="smallest slope")
    upper: float = arg(REAL, default=1 / 3, help="largest slope")

    caption = "RReLU"
    is_random = True
    examples = (Example("rrelu", _MAPS, _MAPS), Example("rrelu(0.1, 0.3)", _VECTOR, _VECTOR))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The slopes.
        return Saved(input=True, values=y.volume)

    def shape(self, x: Shape) -> Shape:
        if self.lower > self.upper:
            raise ShapeError(OutOfRange("lower", f"{self.lower:g}", f"at most `upper`, {self.upper:g}"))
        return x

    def torch(self, x: Shape) -> LayerCode:
        module, function = self._forms()
        return Functional(
            module, function.with_named(training=Ref("self.training")), in_place=_is_never_negative(self.lower)
        )


@op("prelu", family="activation")
class Prelu(Op):
    """Multiply negative elements by a learned slope, one or one for each channel: `nn.PReLU` (He et al. 2015)."""

    num_parameters: int = arg(COUNT, default=1, help="number of slopes: 1, or `channels` for one each")
    init: float = arg(REAL, default=0.25, help="initial value of the slope")

    roles = KEEPS_ROLE
    traits = Trait.SQUASHES
    examples = (
        Example("prelu", _MAPS, _MAPS, params=1),
        Example("prelu(num_parameters = 6)", _MAPS, _MAPS, params=6),
        Example("prelu(num_parameters = channels, init = 0.1)", _VECTOR, _VECTOR, params=84),
    )

    def shape(self, x: Shape) -> Shape:
        if self.num_parameters not in (1, x.channels):
            bound = f"1, or the number of channels, {int(x.channels)}"
            raise ShapeError(OutOfRange("num_parameters", str(int(self.num_parameters)), bound))
        return x

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        # One slope for all elements ignores the roles of axes.
        if self.num_parameters == 1 or roles[0] not in (Role.SEQUENCE, Role.CHANNELS_LAST):
            return None
        return sequence_as_map(self.name, roles[0], inputs[0].dims)

    def params(self, x: Shape) -> int:
        return self.num_parameters

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return (("weight", (self.num_parameters,)),)

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return itself(inputs, y)

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        # One slope for all channels of a copy would be one for each copy.
        one_each = polynomial(self.num_parameters) == polynomial(inputs[0].channels)
        return Fusion(self.changed(num_parameters=count * self.num_parameters) if one_each else None)

    def torch(self, x: Shape) -> LayerCode:
        made = call("nn.PReLU", num_parameters=self.num_parameters, init=self.init)
        return Submodule(made.without(num_parameters=1, init=0.25))

    def drawing(self, x: Shape) -> Drawing:
        return Drawing("PReLU")


@op("threshold", family="activation", positional=2)
class Threshold(Pointwise):
    """Replace elements that are not above a threshold by a constant: `nn.Threshold`."""

    threshold: float = arg(REAL, help="the threshold")
    value: float = arg(REAL, help="the constant")

    caption = "Threshold"
    in_place = True
    autograd = COPIES_IN_PLACE
    examples = (Example("threshold(0.1, 0)", _MAPS, _MAPS), Example("threshold(0, -1.5)", _VECTOR, _VECTOR))

    def _forms(self) -> tuple[Call, Call]:
        values = (self.threshold, self.value)
        return call("nn.Threshold", *values), call("F.threshold", INPUT, *values)


@op("elu", family="activation", positional=1)
class Elu(Pointwise):
    """Replace negative elements by alpha (exp(x) - 1): `nn.ELU` (Clevert et al. 2016)."""

    alpha: float = arg(REAL, default=1.0, help="the results approach -alpha far below 0")

    caption = "ELU"
    in_place = True
    examples = (Example("elu", _MAPS, _MAPS), Example("elu(0.5)", _VECTOR, _VECTOR))

    def _can_be_undone(self) -> bool:
        return _is_never_negative(self.alpha)


@op("selu", family="activation")
class Selu(Pointwise):
    """Apply `elu`, scaled to preserve mean 0 and variance 1: `nn.SELU` (Klambauer et al. 2017)."""

    caption = "SELU"
    in_place = True
    examples = (Example("selu", _MAPS, _MAPS), Example("selu", _VECTOR, _VECTOR))


@op("celu", family="activation", positional=1)
class Celu(Pointwise):
    """Replace negative elements by alpha (exp(x / alpha) - 1), which is smooth at 0: `nn.CELU` (Barron 2017)."""

    alpha: float = arg(REAL, default=1.0, help="the results approach -alpha far below 0; must not be 0")

    caption = "CELU"
    in_place = True
    examples = (Example("celu", _MAPS, _MAPS), Example("celu(0.5)", _VECTOR, _VECTOR))

    def shape(self, x: Shape) -> Shape:
        # PyTorch computes 1 / alpha, which must be a number of float32.
        if self.alpha == 0 or abs(self.alpha.real) < 1 / FLOAT32_MAX:
            raise ShapeError(OutOfRange("alpha", shown(self.alpha), "further from 0: x is divided by `alpha`"))
        return x

    def _can_be_undone(self) -> bool:
        return _is_never_negative(self.alpha)


@op("softplus", family="activation")
class Softplus(Pointwise):
    """Apply the smooth form of `relu`, log(1 + exp(beta x)) / beta: `nn.Softplus`."""

    beta: float = arg(ABOVE_ZERO, default=1.0, help="sharpness; large values approach `relu`")
    threshold: float = arg(REAL, default=20.0, help="if beta x is above it, the result is x")

    caption = "Softplus"
    examples = (Example("softplus", _MAPS, _MAPS), Example("softplus(beta = 2.0, threshold = 10.0)", _VECTOR, _VECTOR))


@op("gelu", family="activation")
class Gelu(Pointwise):
    """Multiply x by the normal distribution function at x: `nn.GELU` (Hendrycks and Gimpel 2016)."""

    approximate: str = arg(
        choice("none", "tanh"), default=Chosen("none"), help="`none` is exact, `tanh` the approximation of GPT-2"
    )

    caption = "GELU"
    examples = (Example("gelu", _MAPS, _MAPS), Example("gelu(approximate = tanh)", _VECTOR, _VECTOR))


@op("silu", family="activation")
class Silu(Pointwise):
    """Multiply x by its sigmoid: `nn.SiLU`, also called Swish (Elfwing et al. 2017)."""

    caption = "SiLU"
    in_place = True
    autograd = COPIES_IN_PLACE
    examples = (Example("silu", _MAPS, _MAPS), Example("silu", _VECTOR, _VECTOR))


@op("mish", family="activation")
class Mish(Pointwise):
    """Multiply x by the tanh of its softplus: `nn.Mish` (Misra 2019)."""

    caption = "Mish"
    in_place = True
    autograd = COPIES_IN_PLACE
    examples = (Example("mish", _MAPS, _MAPS), Example("mish", _VECTOR, _VECTOR))


@op("hardswish", family="activation")
class Hardswish(Pointwise):
    """Multiply x by its `hardsigmoid`: `nn.Hardswish`, of MobileNetV3 (Howard et al. 2019)."""

    caption = "Hardswish"
    in_place = True
    autograd = COPIES_IN_PLACE
    examples = (Example("hardswish", _MAPS, _MAPS), Example("hardswish", _VECTOR, _VECTOR))
