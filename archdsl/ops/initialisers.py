"""The initialisers: each calls the function of `torch.nn.init` with its name.

An initialiser is one class. It is a value of the language: `init = kaiming_normal(mode = fan_out)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar, cast, dataclass_transform

from archdsl.base.pyexpr import Call, Expr, Ref
from archdsl.base.symbolic import Compound
from archdsl.diag import codes
from archdsl.ops.argument_types import (
    COUNT,
    FLOAT32_MAX,
    GAIN,
    POSITIVE,
    RATE,
    REAL,
    ArgumentType,
    ArgumentValue,
    Chosen,
    choice,
    shown,
)
from archdsl.ops.declared import Argument, Declared, arg
from archdsl.ops.reasons import OutOfRange, Reason, ShapeError

_MODE = choice("fan_in", "fan_out", quoted=True)
_NONLINEARITY = choice("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", quoted=True)
_MODE_HELP = "`fan_in` preserves the variance in the forward pass, `fan_out` in the backward pass"
_NONLINEARITY_HELP = "activation after the layer, which determines the gain"
_SLOPE_HELP = "negative slope of `leaky_relu`"
_GAIN_HELP = "factor of the standard deviation or the bounds"

WEIGHTS = "initialiser of the weights; `none`: the default of PyTorch"
BIASES = "initialiser of the biases; `none`: the default of PyTorch"
SCALES = "initialiser of the scales; `none`: ones"
SHIFTS = "initialiser of the shifts; `none`: zeros"


class Initialiser(Declared, Compound):
    """Base class of initialisers.

    Attributes:
        axes: Smallest and largest number of axes that a parameter may have.
        bare: Number of arguments that PyTorch code gives by position.
    """

    axes: ClassVar[tuple[int, int]] = (0, 5)
    bare: ClassVar[int] = 0

    @property
    def counts_outputs(self) -> bool:
        """Whether the distribution depends on the size of the first axis."""
        return False

    def held(self) -> tuple[object, ...]:
        return tuple(self.values.values())

    def holding(self, values: tuple[Any, ...]) -> "Initialiser":
        return type(self)(**dict(zip(self.arguments, values, strict=True)))

    def check(self) -> None:
        """Raise `ShapeError` if the arguments do not fit together."""

    def fit(self, argument: str, dims: tuple[int, ...]) -> None:
        """Raise `ShapeError` if it cannot fill a parameter of these sizes; `argument` is the argument to blame."""
        low, high = self.axes
        if not low <= len(dims) <= high:
            raise ShapeError(CannotStart(argument, self.name, self.axes, tuple(map(int, dims))))

    def call(self, target: Expr) -> Call:
        """Return the call that fills a parameter."""
        given = {name: str(value) if isinstance(value, Chosen) else cast(Expr, value) for name, value in self._given()}
        args = list(given.values())[: self.bare]
        return Call(f"nn.init.{self.name}_", (target, *args), tuple(given.items())[self.bare :])

    def _given(self) -> list[tuple[str, ArgumentValue]]:
        """Return the arguments that differ from their defaults; those by position are given together."""
        values = list(self.values.items())
        given = [(name, value) for name, value in values if not self._is_default(name, value)]
        return values if self.bare and given else given

    def _is_default(self, name: str, value: ArgumentValue) -> bool:
        return value == self.arguments[name].default and not isinstance(value, bool)

    def __str__(self) -> str:
        given = [
            shown(value) if number < self.positional and self.arguments[name].required else f"{name} = {shown(value)}"
            for number, (name, value) in enumerate(self.values.items())
            if not self._is_default(name, value)
        ]
        return f"{self.name}({', '.join(given)})" if given else self.name

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.held() == other.held()

    def __hash__(self) -> int:
        return hash((self.name, self.held()))


_TABLE: dict[str, type[Initialiser]] = {}
_Class = TypeVar("_Class", bound=type[Initialiser])


@dataclass_transform(kw_only_default=True, field_specifiers=(arg,))
def initialiser(name: str, *, positional: int = 0) -> Callable[[_Class], _Class]:
    """Return a class decorator that enters an initialiser into the table."""

    def enter(cls: _Class) -> _Class:
        assert name not in _TABLE and cls.__doc__
        cls.declare(name, positional)
        _TABLE[name] = cls
        return cls

    return enter


@initialiser("constant", positional=1)
class Constant(Initialiser):
    """Set all elements to a number."""

    val: float = arg(REAL, help="the number")

    bare = 1


@initialiser("zeros")
class Zeros(Initialiser):
    """Set all elements to 0."""


@initialiser("ones")
class Ones(Initialiser):
    """Set all elements to 1."""


@initialiser("uniform", positional=2)
class Uniform(Initialiser):
    """Draw from a uniform distribution between two bounds."""

    a: float = arg(REAL, default=0.0, help="lower bound")
    b: float = arg(REAL, default=1.0, help="upper bound")

    bare = 2

    def check(self) -> None:
        _require_order("b", self.a, self.b)
        if self.b - self.a > FLOAT32_MAX:
            raise ShapeError(OutOfRange("b", shown(self.b), "at most 3.4e38 above `a`"))


@initialiser("normal", positional=2)
class Normal(Initialiser):
    """Draw from a normal distribution."""

    mean: float = arg(REAL, default=0.0, help="mean")
    std: float = arg(POSITIVE, default=1.0, help="standard deviation")


@initialiser("trunc_normal", positional=2)
class TruncNormal(Initialiser):
    """Draw from a normal distribution and redraw numbers outside of two bounds, which are not multiples of `std`."""

    mean: float = arg(REAL, default=0.0, help="mean before truncation")
    std: float = arg(POSITIVE, default=1.0, help="standard deviation before truncation")
    a: float = arg(REAL, default=-2.0, help="lower bound")
    b: float = arg(REAL, default=2.0, help="upper bound")

    def check(self) -> None:
        _require_order("b", self.a, self.b)
        if not self.std:
            raise ShapeError(OutOfRange("std", shown(self.std), "above 0"))


@initialiser("xavier_uniform", positional=1)
class XavierUniform(Initialiser):
    """Draw from a uniform distribution that preserves the variance between `tanh` layers (Glorot and Bengio 2010)."""

    gain: float = arg(GAIN, default=1.0, help=_GAIN_HELP)

    axes = (2, 5)
    counts_outputs = True


@initialiser("xavier_normal", positional=1)
class XavierNormal(Initialiser):
    """Draw from a normal distribution that preserves the variance between `tanh` layers (Glorot and Bengio 2010)."""

    gain: float = arg(POSITIVE, default=1.0, help=_GAIN_HELP)

    axes = (2, 5)
    counts_outputs = True


@initialiser("kaiming_uniform")
class KaimingUniform(Initialiser):
    """Draw from a uniform distribution that preserves the variance between `relu` layers (He et al. 2015)."""

    a: float = arg(REAL, default=0.0, help=_SLOPE_HELP)
    mode: str = arg(_MODE, default=Chosen("fan_in"), help=_MODE_HELP)
    nonlinearity: str = arg(_NONLINEARITY, default=Chosen("leaky_relu"), help=_NONLINEARITY_HELP)

    axes = (2, 5)

    @property
    def counts_outputs(self) -> bool:
        return self.mode == "fan_out"


@initialiser("kaiming_normal")
class KaimingNormal(Initialiser):
    """Draw from a normal distribution that preserves the variance between `relu` layers (He et al. 2015)."""

    a: float = arg(REAL, default=0.0, help=_SLOPE_HELP)
    mode: str = arg(_MODE, default=Chosen("fan_in"), help=_MODE_HELP)
    nonlinearity: str = arg(_NONLINEARITY, default=Chosen("leaky_relu"), help=_NONLINEARITY_HELP)

    axes = (2, 5)

    @property
    def counts_outputs(self) -> bool:
        return self.mode == "fan_out"


@initialiser("orthogonal", positional=1)
class Orthogonal(Initialiser):
    """Draw a matrix with orthonormal rows, or columns if there are fewer (Saxe et al. 2013)."""

    gain: float = arg(REAL, default=1.0, help=_GAIN_HELP)

    axes = (2, 5)
    counts_outputs = True


@initialiser("dirac")
class Dirac(Initialiser):
    """Set the centre of the kernel from each channel to itself to 1 and the rest to 0: an identity convolution."""

    groups: int = arg(COUNT, default=1, help="number of groups of outputs, each of which copies the first inputs")

    axes = (3, 5)
    counts_outputs = True

    def fit(self, argument: str, dims: tuple[int, ...]) -> None:
        super().fit(argument, dims)
        if dims[0] % self.groups:
            raise ShapeError(UnevenDirac(argument, int(dims[0]), int(self.groups)))


@initialiser("sparse", positional=1)
class Sparse(Initialiser):
    """Draw from a normal distribution and set a share of the weights of each input to 0 (Martens 2010)."""

    sparsity: float = arg(RATE, help="share of zeros")
    std: float = arg(POSITIVE, default=0.01, help="standard deviation of the other weights")

    axes = (2, 2)
    bare = 0
    counts_outputs = True


class PartByPart(Initialiser):
    """Applies an initialiser to equal parts of a parameter along its first axis; passes create it."""

    name = "part_by_part"
    arguments: ClassVar[dict[str, Argument]] = {}
    positional = 0
    counts_outputs = True

    def __init__(self, initialiser: Initialiser, parts: int) -> None:
        super().__init__()
        self.initialiser = initialiser
        self.parts = parts

    def held(self) -> tuple[object, ...]:
        return (self.initialiser, self.parts)

    def holding(self, values: tuple[Any, ...]) -> "Initialiser":
        initialiser, parts = values
        assert isinstance(initialiser, Initialiser)
        assert isinstance(parts, int)
        return PartByPart(initialiser, parts)

    def call(self, target: Expr) -> Call:
        made = self.initialiser.call(target)
        assert isinstance(made.function, str)
        return Call("start_parts", (Ref(made.function), target, self.parts, *made.args[1:]), made.named)


def part_by_part(initialiser: Initialiser | None, parts: int) -> Initialiser | None:
    """Return the initialiser that applies another one to each of `parts` equal parts of a parameter."""
    if initialiser is None or not initialiser.counts_outputs:
        return initialiser
    if isinstance(initialiser, PartByPart):
        return PartByPart(initialiser.initialiser, parts * initialiser.parts)
    return PartByPart(initialiser, parts)


def _require_order(argument: str, low: float, high: float) -> None:
    if low > high:
        raise ShapeError(OutOfRange(argument, shown(high), f"at least `a`, {shown(low)}"))


@dataclass(frozen=True)
class CannotStart(Reason):
    """An initialiser does not support parameters with this number of axes."""

    code = codes.WRONG_VALUE
    about_stream = False
    argument: str
    name: str
    axes: tuple[int, int]
    dims: tuple[int, ...]

    def label(self) -> str:
        low, high = self.axes
        wanted = f"{low} axes" if low == high else f"at least {low} axes"
        sizes = "x".join(map(str, self.dims))
        given = f"a vector of {sizes}" if len(self.dims) == 1 else f"{sizes}"
        return f"`{self.name}` needs a parameter with {wanted}, and this one is {given}"

    def help(self) -> str | None:
        fitting = [each.name for each in all_initialisers() if each.axes[0] <= len(self.dims) <= each.axes[1]]
        return f"use {', '.join(f'`{name}`' for name in fitting)}"


@dataclass(frozen=True)
class UnevenDirac(Reason):
    """The output channels are not divisible by the groups of `dirac`."""

    code = codes.NOT_DIVISIBLE
    about_stream = False
    argument: str
    channels: int
    groups: int

    def label(self) -> str:
        return f"{self.channels} channels are not divisible by {self.groups} groups"


@dataclass(frozen=True)
class InitialValue:
    """A parameter of an operator whose initialiser is an argument.

    Attributes:
        argument: Name of that argument.
        parameter: Name of the parameter in the operator's module.
        initialiser: Value of the argument; None keeps PyTorch's own initialisation.
        dims: Sizes of the parameter.
        is_prefix: Whether all parameters are meant whose names begin with `parameter`.
        may_be_none: Whether PyTorch declares the parameter as optional, so that type checkers need a test.
        zero_row: Row that is set to 0 after the initialisation.
    """

    argument: str
    parameter: str
    initialiser: Initialiser | None
    dims: tuple[int, ...]
    is_prefix: bool = False
    may_be_none: bool = False
    zero_row: int | None = None

    def require(self) -> None:
        """Raise `ShapeError` if the initialiser cannot fill the parameter."""
        if self.initialiser is not None:
            self.initialiser.fit(self.argument, self.dims)


class InitialiserType(ArgumentType):
    """An initialiser, or `none` for the default of PyTorch."""

    def convert(self, name: str, value: object) -> ArgumentValue:
        if value is None or isinstance(value, Initialiser):
            return value
        quoted = isinstance(value, str) and value in _TABLE
        raise self.refuse(name, value, f"write `{value}` without quotes" if quoted else f"use one of {_listed()}")


def _listed() -> str:
    return ", ".join(f"`{each.name}`" for each in all_initialisers())


def find_initialiser(name: str) -> type[Initialiser] | None:
    """Return the initialiser with this name, or None."""
    return _TABLE.get(name)


def all_initialisers() -> tuple[type[Initialiser], ...]:
    """Return all initialisers, sorted by name."""
    return tuple(_TABLE[name] for name in sorted(_TABLE))


INITIALISER = InitialiserType("an initialiser such as `kaiming_normal`, or none", tuple(sorted(_TABLE)))
