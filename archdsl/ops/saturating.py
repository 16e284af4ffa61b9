"""Activations that level off, and those that shrink towards zero."""

from archdsl.base.shape import Shape
from archdsl.ops.activation import Pointwise
from archdsl.ops.analysis import COPIES_IN_PLACE, Saved
from archdsl.ops.argument_types import POSITIVE, REAL
from archdsl.ops.base import Example, arg, op
from archdsl.ops.reasons import OutOfRange, ShapeError

_MAPS, _VECTOR = Shape.of(6, 28, 20), Shape.of(84)


@op("hardsigmoid", family="activation")
class Hardsigmoid(Pointwise):
    """Squash to [0, 1] by straight lines: min(max(x + 3, 0), 6) / 6."""

    caption = "Hardsigmoid"
    in_place = True
    autograd = COPIES_IN_PLACE
    examples = (Example("hardsigmoid", _MAPS, _MAPS), Example("hardsigmoid", _VECTOR, _VECTOR))


@op("hardtanh", family="activation", positional=2)
class Hardtanh(Pointwise):
    """Cut off what is below one number or above another."""

    min_val: float = arg(REAL, default=-1.0, help="smallest number that passes")
    max_val: float = arg(REAL, default=1.0, help="largest number that passes")

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
    """Squash to (-1, 1) by x / (1 + |x|)."""

    caption = "Softsign"
    examples = (Example("softsign", _MAPS, _MAPS), Example("softsign", _VECTOR, _VECTOR))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # What it is divided by.
        return Saved(input=True, values=y.volume)


@op("logsigmoid", family="activation")
class LogSigmoid(Pointwise):
    """Take the logarithm of the sigmoid."""

    caption = "LogSigmoid"
    examples = (Example("logsigmoid", _MAPS, _MAPS), Example("logsigmoid", _VECTOR, _VECTOR))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The exponentials.
        return Saved(input=True, values=y.volume)


@op("tanhshrink", family="activation")
class Tanhshrink(Pointwise):
    """Take off the tanh: x - tanh(x)."""

    caption = "Tanhshrink"
    examples = (Example("tanhshrink", _MAPS, _MAPS), Example("tanhshrink", _VECTOR, _VECTOR))

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        # The tanh.
        return Saved(values=y.volume)


@op("softshrink", family="activation", positional=1)
class Softshrink(Pointwise):
    """Move every number by `lambd` towards 0, and to 0 what is nearer."""

    lambd: float = arg(POSITIVE, default=0.5, help="how far numbers move")

    caption = "Softshrink"
    examples = (Example("softshrink", _MAPS, _MAPS), Example("softshrink(0.1)", _VECTOR, _VECTOR))


@op("hardshrink", family="activation", positional=1)
class Hardshrink(Pointwise):
    """Set to 0 what is not farther than `lambd` from it."""

    lambd: float = arg(REAL, default=0.5, help="largest distance from 0 that is set to 0")

    caption = "Hardshrink"
    examples = (Example("hardshrink", _MAPS, _MAPS), Example("hardshrink(0.1)", _VECTOR, _VECTOR))
