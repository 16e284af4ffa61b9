"""Saturating and shrinking activations."""

from archdsl.base.shape import Shape
from archdsl.ops.activation import Pointwise
from archdsl.ops.analysis import COPIES_IN_PLACE, Saved
from archdsl.ops.argument_types import POSITIVE, REAL
from archdsl.ops.base import Example, arg, op
from archdsl.ops.reasons import OutOfRange, ShapeError

_MAPS, _VECTOR = Shape.of(6, 28, 20), Shape.of(84)


@op("hardsigmoid", family="activation")
class Hardsigmoid(Pointwise):
    """Approximate the sigmoid by straight lines, min(max(x + 3, 0), 6) / 6: `nn.Hardsigmoid`."""

    caption = "Hardsigmoid"
    in_place = True
    autograd = COPIES_IN_PLACE
    examples = (Example("hardsigmoid", _MAPS, _MAPS), Example("hardsigmoid", _VECTOR, _VECTOR))


@op("hardtanh", family="activation", positional=2)
class Hardtanh(Pointwise):
    """Limit the elements to an interval: `nn.Hardtanh`."""

    min_val: float = arg(REAL, default=-1.0, help="lower limit")
    max_val: float = arg(REAL, default=1.0, help="upper limit")

    caption = "Hardtanh"
    in_place = True
    autograd = COPIES_IN_PLACE
    examples = (Example("hardtanh", _MAPS, _MAPS), Example("hardtanh(-2.0, 2.0)", _VECTOR, _VECTOR))

    def shape(self, x: Shape) -> Shape:
        if self.max_val <= self.min_val:
            raise ShapeError(OutOfRange("max_val", f"{self.max_val:g}", f"above `min_val`, {self.min_val:g}"))
        return x


@op("softsign", family="activation")
class Softsign(Pointwise):
    """Apply x / (1 + |x|) to each element: `nn.Softsign`."""

    caption = "Softsign"
    examples = (Example("softsign", _MAPS, _MAPS), Example("softsign", _VECTOR, _VECTOR))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The divisor.
        return Saved(input=True, values=y.volume)


@op("logsigmoid", family="activation")
class LogSigmoid(Pointwise):
    """Apply the logarithm of the sigmoid to each element: `nn.LogSigmoid`."""

    caption = "LogSigmoid"
    examples = (Example("logsigmoid", _MAPS, _MAPS), Example("logsigmoid", _VECTOR, _VECTOR))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The exponentials.
        return Saved(input=True, values=y.volume)


@op("tanhshrink", family="activation")
class Tanhshrink(Pointwise):
    """Subtract the tanh, x - tanh(x): `nn.Tanhshrink`."""

    caption = "Tanhshrink"
    examples = (Example("tanhshrink", _MAPS, _MAPS), Example("tanhshrink", _VECTOR, _VECTOR))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The tanh.
        return Saved(values=y.volume)


@op("softshrink", family="activation", positional=1)
class Softshrink(Pointwise):
    """Move each element by `lambd` towards 0, and to 0 if it is nearer: `nn.Softshrink`."""

    lambd: float = arg(POSITIVE, default=0.5, help="distance by which elements move")

    caption = "Softshrink"
    examples = (Example("softshrink", _MAPS, _MAPS), Example("softshrink(0.1)", _VECTOR, _VECTOR))


@op("hardshrink", family="activation", positional=1)
class Hardshrink(Pointwise):
    """Set elements between -`lambd` and `lambd` to 0: `nn.Hardshrink`."""

    lambd: float = arg(REAL, default=0.5, help="largest absolute value that becomes 0")

    caption = "Hardshrink"
    examples = (Example("hardshrink", _MAPS, _MAPS), Example("hardshrink(0.1)", _VECTOR, _VECTOR))
