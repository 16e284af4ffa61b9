"""The initialisers: how weights can start, each what the function of `torch.nn.init` with its name does.

An initialiser is one class. It is a value of the language: `init = kaiming_normal(mode = fan_out)`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast, dataclass_transform

from archdsl.base.pyexpr import Call, Expr, Ref
from archdsl.base.symbolic import Compound
from archdsl.diag import codes
from archdsl.ops.argument_types import COUNT, POSITIVE, RATE, REAL, ArgumentType, Chosen, choice, shown
from archdsl.ops.declared import Argument, Declared, arg
from archdsl.ops.reasons import OutOfRange, Reason, ShapeError

_MODE = choice("fan_in", "fan_out", quoted=True)
_NONLINEARITY = choice("linear", "sigmoid", "tanh", "relu", "leaky_relu", "selu", quoted=True)
_MODE_HELP = "whether to keep the variance forwards (the inputs of a unit count) or backwards (its outputs)"
_NONLINEARITY_HELP = "what follows the layer, and sets the gain"
_SLOPE_HELP = "slope of the `leaky_relu` below 0"
_GAIN_HELP = "factor of all weights"

WEIGHTS = "how the weights start; `none`: as PyTorch starts them"
BIASES = "how the biases start, where there are any; `none`: as PyTorch starts them"
SCALES = "how the scales start; `none`: as ones"
SHIFTS = "how the shifts start; `none`: as zeros"


class Initialiser(Declared, Compound):
    """A way to start a parameter, with its arguments. `axes` bounds the axes that the parameter may have."""

    axes: ClassVar[tuple[int, int]] = (0, 5)
    # How many of its arguments stand without names in PyTorch code.
    bare: ClassVar[int] = 0

    @property
    def counts_outputs(self) -> bool:
        """Whether weights start otherwise where there are more of them along the first axis."""
        return False

    def held(self) -> tuple[object, ...]:
        return tuple(self.values.values())

    def holding(self, values: tuple[object, ...]) -> "Initialiser":
        return type(self)(**dict(zip(self.arguments, values, strict=True)))

    def check(self) -> None:
        """Raise `ShapeError` where the arguments do not go together."""

    def fit(self, argument: str, dims: tuple[int, ...]) -> None:
        """Raise `ShapeError` where it cannot start a parameter of these sizes, which `argument` asks for."""
        low, high = self.axes
        if not low <= len(dims) <= high:
            raise ShapeError(CannotStart(argument, self.name, self.axes, tuple(map(int, dims))))

    def call(self, target: Expr) -> Call:
        """Return the code that starts a parameter."""
        given = {name: str(value) if isinstance(value, Chosen) else cast(Expr, value) for name, value in self._given()}
        args = list(given.values())[: self.bare]
        return Call(f"nn.init.{self.name}_", (target, *args), tuple(given.items())[self.bare :])

    def _given(self) -> list[tuple[str, object]]:
        """Return the arguments that are not left at their defaults; those without names are given together."""
        values = list(self.values.items())
        given = [(name, value) for name, value in values if not self._is_default(name, value)]
        return values if self.bare and given else given

    def _is_default(self, name: str, value: object) -> bool:
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
    """Enter a class into the table of initialisers under `name`."""

    def enter(cls: _Class) -> _Class:
        assert name not in _TABLE and cls.__doc__
        cls.declare(name, positional)
        _TABLE[name] = cls
        return cls

    return enter


@initialiser("constant", positional=1)
class Constant(Initialiser):
    """One number everywhere."""

    val: float = arg(REAL, help="the number")

    bare = 1


@initialiser("zeros")
class Zeros(Initialiser):
    """0 everywhere."""


@initialiser("ones")
class Ones(Initialiser):
    """1 everywhere."""


@initialiser("uniform", positional=2)
class Uniform(Initialiser):
    """Drawn evenly between two bounds."""

    a: float = arg(REAL, default=0.0, help="the lower bound")
    b: float = arg(REAL, default=1.0, help="the upper bound")

    bare = 2

    def check(self) -> None:
        _require_order("b", self.a, self.b)


@initialiser("normal", positional=2)
class Normal(Initialiser):
    """Drawn from a normal distribution."""

    mean: float = arg(REAL, default=0.0, help="its mean")
    std: float = arg(POSITIVE, default=1.0, help="its standard deviation")


@initialiser("trunc_normal", positional=2)
class TruncNormal(Initialiser):
    """Drawn from a normal distribution, again where a number lies outside of two bounds (not a multiple of `std`)."""

    mean: float = arg(REAL, default=0.0, help="the mean before the bounds are drawn")
    std: float = arg(POSITIVE, default=1.0, help="the standard deviation before the bounds are drawn")
    a: float = arg(REAL, default=-2.0, help="the lower bound")
    b: float = arg(REAL, default=2.0, help="the upper bound")

    def check(self) -> None:
        _require_order("b", self.a, self.b)
        if not self.std:
            raise ShapeError(OutOfRange("std", shown(self.std), "above 0"))


@initialiser("xavier_uniform", positional=1)
class XavierUniform(Initialiser):
    """Drawn evenly within bounds that keep the variance between `tanh` layers (Glorot and Bengio 2010)."""

    gain: float = arg(REAL, default=1.0, help=_GAIN_HELP)

    axes = (2, 5)
    counts_outputs = True


@initialiser("xavier_normal", positional=1)
class XavierNormal(Initialiser):
    """Drawn from a normal distribution that keeps the variance between `tanh` layers (Glorot and Bengio 2010)."""

    gain: float = arg(POSITIVE, default=1.0, help=_GAIN_HELP)

    axes = (2, 5)
    counts_outputs = True


@initialiser("kaiming_uniform")
class KaimingUniform(Initialiser):
    """Drawn evenly within bounds that keep the variance between `relu` layers (He et al. 2015)."""

    a: float = arg(REAL, default=0.0, help=_SLOPE_HELP)
    mode: str = arg(_MODE, default=Chosen("fan_in"), help=_MODE_HELP)
    nonlinearity: str = arg(_NONLINEARITY, default=Chosen("leaky_relu"), help=_NONLINEARITY_HELP)

    axes = (2, 5)

    @property
    def counts_outputs(self) -> bool:
        return self.mode == "fan_out"


@initialiser("kaiming_normal")
class KaimingNormal(Initialiser):
    """Drawn from a normal distribution that keeps the variance between `relu` layers (He et al. 2015)."""

    a: float = arg(REAL, default=0.0, help=_SLOPE_HELP)
    mode: str = arg(_MODE, default=Chosen("fan_in"), help=_MODE_HELP)
    nonlinearity: str = arg(_NONLINEARITY, default=Chosen("leaky_relu"), help=_NONLINEARITY_HELP)

    axes = (2, 5)

    @property
    def counts_outputs(self) -> bool:
        return self.mode == "fan_out"


@initialiser("orthogonal", positional=1)
class Orthogonal(Initialiser):
    """A random matrix whose rows, or columns if these are fewer, are orthonormal (Saxe et al. 2013)."""

    gain: float = arg(REAL, default=1.0, help=_GAIN_HELP)

    axes = (2, 5)
    counts_outputs = True


@initialiser("dirac")
class Dirac(Initialiser):
    """1 in the middle of the window from each channel to itself, else 0: a convolution that passes its input on."""

    groups: int = arg(COUNT, default=1, help="groups of output channels, each of which passes on the first inputs")

    axes = (3, 5)
    counts_outputs = True

    def fit(self, argument: str, dims: tuple[int, ...]) -> None:
        super().fit(argument, dims)
        if dims[0] % self.groups:
            raise ShapeError(UnevenDirac(argument, int(dims[0]), int(self.groups)))


@initialiser("sparse", positional=1)
class Sparse(Initialiser):
    """Drawn from a normal distribution, and a share of the weights to each input set to 0 (Martens 2010)."""

    sparsity: float = arg(RATE, help="the share of zeros")
    std: float = arg(POSITIVE, default=0.01, help="standard deviation of the others")

    axes = (2, 2)
    bare = 0
    counts_outputs = True


class PartByPart(Initialiser):
    """Starts equal parts of a parameter along its first axis, each for itself; none that its author can choose."""

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

    def holding(self, values: tuple[object, ...]) -> "Initialiser":
        initialiser, parts = values
        assert isinstance(initialiser, Initialiser)
        assert isinstance(parts, int)
        return PartByPart(initialiser, parts)

    def call(self, target: Expr) -> Call:
        made = self.initialiser.call(target)
        assert isinstance(made.function, str)
        return Call("start_parts", (Ref(made.function), target, self.parts, *made.args[1:]), made.named)


def part_by_part(initialiser: Initialiser | None, parts: int) -> Initialiser | None:
    """Return what starts each of the equal parts of a parameter as an initialiser starts a parameter of this size."""
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
    """An initialiser that starts parameters with another number of axes."""

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
        return f"`{self.name}` starts parameters of {wanted}, and this one is {given}"

    def help(self) -> str | None:
        fitting = [each.name for each in all_initialisers() if each.axes[0] <= len(self.dims) <= each.axes[1]]
        return f"use {', '.join(f'`{name}`' for name in fitting)}"


@dataclass(frozen=True)
class UnevenDirac(Reason):
    """The output channels do not split into the groups of `dirac`."""

    code = codes.NOT_DIVISIBLE
    about_stream = False
    argument: str
    channels: int
    groups: int

    def label(self) -> str:
        return f"{self.channels} channels do not split into {self.groups} equal groups"


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
    """An initialiser, or `none` for PyTorch's own way."""

    def convert(self, name: str, value: object) -> object:
        if value is None or isinstance(value, Initialiser):
            return value
        quoted = isinstance(value, str) and value in _TABLE
        raise self.refuse(name, value, f"write {value} without quotes" if quoted else f"there is {_listed()}")


def _listed() -> str:
    return ", ".join(f"`{each.name}`" for each in all_initialisers())


def find_initialiser(name: str) -> type[Initialiser] | None:
    """Return the initialiser of this name, if there is one."""
    return _TABLE.get(name)


def all_initialisers() -> tuple[type[Initialiser], ...]:
    """Return all initialisers, sorted by name."""
    return tuple(_TABLE[name] for name in sorted(_TABLE))


INITIALISER = InitialiserType("an initialiser such as `kaiming_normal`, or none", tuple(sorted(_TABLE)))
