"""The interface of operators, and the table that finds them by name.

An operator is one class that the decorator `op` enters into the table. Its fields are its arguments; its methods are
pure functions from shapes to shapes, counts, code and words. No module outside of `archdsl.ops` spells its name.
"""

import sys
from collections.abc import Callable
from enum import Flag, auto
from math import prod
from typing import ClassVar, TypeAlias, TypeVar, dataclass_transform

from archdsl.base.pyexpr import Call, Expr, InputRef
from archdsl.base.records import record
from archdsl.base.role import Role, joined
from archdsl.base.shape import Shape
from archdsl.base.symbolic import as_float
from archdsl.ops.analysis import (
    INPUT_SAVED,
    NOTHING_SAVED,
    Autograd,
    Drawing,
    Saved,
    Sums,
    product,
)
from archdsl.ops.argument_types import Number, is_int
from archdsl.ops.declared import Argument as Argument
from archdsl.ops.declared import Declared
from archdsl.ops.declared import arg as arg
from archdsl.ops.dependence import InputDependence, everything, itself
from archdsl.ops.initialisers import InitialValue
from archdsl.ops.reasons import Reason
from archdsl.ops.roles import KEEPS_ROLE, RoleRule, Written, map_as_sequence, roles_meet, sequence_as_map

FAMILIES = ("convolution", "linear", "pooling", "activation", "normalisation", "merge", "other")
INPUT = InputRef()


def input_at(number: int) -> InputRef:
    """Return the placeholder for input `number`, counted from 0, in the code of an operator with several inputs."""
    return InputRef(number)


@record(frozen=True)
class Example:
    """A call of an operator with its expected result; it is documentation and test.

    Attributes:
        call: The call as it is written in a net.
        input: Shape of the first input.
        output: Expected shape of the result.
        params: Expected number of trainable parameters.
        macs: Expected multiply-accumulates for one sample.
        others: Shapes of further inputs, for operators that merge.
    """

    call: str
    input: Shape
    output: Shape
    params: int = 0
    macs: int = 0
    others: tuple[Shape, ...] = ()


@record(frozen=True)
class Submodule:
    """Code of an operator that holds parameters or buffers: it is always a child module."""

    call: Call


@record(frozen=True)
class Functional:
    """Code of an operator without state: an expression in `forward`, or a child module.

    It is a child where it has a label or where its container numbers the children.

    Attributes:
        module: The call that constructs the child module.
        function: The expression that computes the same; it reads `INPUT`.
        in_place: Whether `module` and `function` take `inplace=True`.
    """

    module: Call
    function: Expr
    in_place: bool = False


@record(frozen=True)
class ForwardOnly:
    """Code that is an expression in `forward` and never a child module, such as that of merges.

    Attributes:
        function: The expression; it reads `input_at(n)` for each input, or `INPUT` if there is only one.
        adds_in_place: Whether the other inputs can be added to the last one with `+=`.
    """

    function: Expr
    adds_in_place: bool = False


LayerCode: TypeAlias = Submodule | Functional
Emission: TypeAlias = LayerCode | ForwardOnly


@record(frozen=True)
class Fusion:
    """The operators that can replace several copies of one operator; None where there is none.

    Attributes:
        parallel: Operator for inputs that are concatenated along the first axis. It applies the copies to their own
            parts. Its weights are those of the copies, concatenated along their first axis.
        shared_input: Operator that applies all copies to the same input and concatenates the results along the first
            axis. Its weights are those of the copies, concatenated along their first axis.
    """

    parallel: "Op | None" = None
    shared_input: "Op | None" = None


class Trait(Flag):
    """Properties of operators that warnings, reports and losses ask for."""

    CUTS = auto()  # a rectifier: negative values become 0
    SQUASHES = auto()  # an elementwise activation
    CENTRES = auto()  # subtracts the mean of each channel, and with it a bias added before
    USES_BATCH_STATISTICS = auto()  # estimates a variance in training that it uses in evaluation
    DROPS = auto()  # sets elements to 0 at random in training and is the identity in evaluation
    GIVES_PROBABILITIES = auto()  # the results are not negative and sum to 1
    GIVES_LOGARITHMS = auto()  # the results are the logarithms of probabilities, which sum to 1
    GIVES_DISTANCES = auto()  # the smallest result is the prediction
    SLIDES = auto()  # multiplies a sliding window by weights
    PASSES_ON = auto()  # the result is the input
    MIXES_ALL = auto()  # each element of the result depends on every element of the input through a weight


class Op(Declared):
    """An operator with the arguments of one call.

    An author needs at most eight methods, in this order:

    1. `shape`: the shape of the result, and the errors.
    2. `torch`: the PyTorch code.
    3. `params`: the number of trainable parameters.
    4. `macs`: the multiply-accumulates.
    5. `initial_values`: the parameters that take an initialiser.
    6. `drawing`: the words in drawings and tables.
    7. `input_dependence`: the input positions that a unit of the result reads.
    8. `saved_for_backward`: the tensors that autograd saves.

    Only the first two have no default. The class attributes and the methods below them describe operators with
    buffers, index inputs, fused forms and the like. `tests/test_operator_contract.py` holds every answer against
    PyTorch. Shapes have no batch axis. Methods must not print, import PyTorch or depend on anything but their
    arguments.

    Attributes:
        family: One of FAMILIES; the decorator sets it.
        kind: A more specific word for drawings' legends, such as "attention".
        examples: Calls with expected results, at least one.
        support: Names of the files in `templates/support` whose definitions `torch` uses, dependencies first.
        autograd: How the operator uses memory in training.
        traits: Properties that warnings, reports and losses ask for.
        is_lanewise: Whether the operator, applied to several tensors that are concatenated along the first axis, gives
            the concatenation of its results for each of them.
        is_random: Whether an operator without weights draws random numbers in training.
        roles: The role of axes that the operator reads, and the one that it gives.
    """

    family: ClassVar[str]
    kind: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]] = ()
    support: ClassVar[tuple[str, ...]] = ()
    autograd: ClassVar[Autograd] = Autograd()
    traits: ClassVar[Trait] = Trait(0)
    is_lanewise: ClassVar[bool] = False
    is_random: ClassVar[bool] = False
    roles: ClassVar[RoleRule] = KEEPS_ROLE

    # The methods of an ordinary operator.

    def shape(self, x: Shape) -> Shape:
        """Return the shape of the result for an input of shape `x`.

        Raises:
            ShapeError: The arguments do not fit together, or not to `x`; it carries a `Reason` with the numbers.
        """
        raise NotImplementedError

    def torch(self, x: Shape) -> LayerCode:
        """Return the PyTorch code for an input of shape `x`, for which `shape` has succeeded.

        `Submodule` is for operators with parameters or buffers, `Functional` for all others.
        """
        raise NotImplementedError

    def params(self, x: Shape) -> int:
        """Return the number of trainable parameters; 0 by default."""
        return 0

    def macs(self, x: Shape, y: Shape) -> int:
        """Return the multiply-accumulates of convolutions and matrix products for one sample; 0 by default.

        `y` is the shape of the result. Elementwise operations are not counted, as in PyTorch's FlopCounterMode.
        """
        return 0

    def initial_values(self, x: Shape) -> tuple[InitialValue, ...]:
        """Return the parameters whose initialiser is an argument, with that initialiser; none by default."""
        return ()

    def drawing(self, x: Shape) -> Drawing:
        """Return the words in drawings and tables; the operator's name by default."""
        return Drawing(self.name.replace("_", " ").capitalize())

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return everything(inputs)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        """Return the tensors that autograd saves in training; by default the input, and nothing for a view."""
        return NOTHING_SAVED if self.autograd.is_view else INPUT_SAVED

    # For some operators.

    def parameter_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return name and sizes of each parameter in the `state_dict`; those of `initial_values` by default."""
        return tuple((value.parameter, value.dims) for value in self.initial_values(x))

    def buffer_sizes(self, x: Shape) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return name and sizes of each buffer in the `state_dict`; none by default."""
        return ()

    def indices(self) -> int | None:
        """Return the number of different indices if the input holds indices; None if it holds real numbers."""
        return None

    def sums(self, x: Shape, y: Shape) -> Sums:
        """Return the arithmetic behind shape, parameters and operations, for explanations.

        By default it is the sum of the sizes of the parameters.
        """
        return Sums(params=" + ".join(product(*sizes) for _, sizes in self.parameter_sizes(x)))

    def fusion(self, count: int, inputs: tuple[Shape, ...]) -> Fusion:
        """Return the operators that replace `count` copies of this one, each of which has inputs of these shapes."""
        return Fusion(parallel=self if self.is_lanewise else None)

    def advice(self, x: Shape) -> tuple[Reason, ...]:
        """Return warnings about a call that is correct, but probably not intended."""
        return ()

    def alternatives(self) -> tuple[tuple[str, int], ...]:
        """Return arguments, with values, that an author may have forgotten: they change the sizes of the result."""
        return ()

    def role(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], y: Shape) -> Role:
        """Return the role of the result, for inputs of these roles and shapes and a result of shape `y`.

        By default it is the one that `roles` gives, if the number of axes allows it: a result with one axis always is a
        vector.
        """
        if y.rank == 1:
            return Role.VECTOR
        found = self.roles.gives or joined(roles)
        return found if found.fits(y.rank) else Role.PLAIN

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        """Return a warning about inputs whose axes mean something else than the operator assumes; None by default.

        `written` has the names of the arguments that the author states. A plain input gives no warning.
        """
        role, x = roles[0], inputs[0]
        if self.roles.reads is Role.MAP and role in (Role.SEQUENCE, Role.CHANNELS_LAST):
            return sequence_as_map(self.name, role, x.dims)
        if self.roles.reads is Role.SEQUENCE and role is Role.MAP:
            return map_as_sequence(self.name, x.dims)
        return None

    # Derived from the methods above; `Merge` replaces the first two.

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        """Return the shape of the result for inputs of these shapes.

        Raises:
            ShapeError: There is no result, or an initialiser does not fit its parameter.
        """
        shape = self.shape(inputs[0])
        for value in self.initial_values(inputs[0]):
            value.require()
        return shape

    def emission(self, inputs: tuple[Shape, ...]) -> Emission:
        """Return the PyTorch code for inputs of these shapes."""
        # TorchScript does not accept an integer for a float.
        whole = {
            name: as_float(value)
            for name, argument in self.arguments.items()
            if isinstance(argument.kind, Number) and is_int(value := getattr(self, name))
        }
        return (self.changed(**whole) if whole else self).torch(inputs[0])

    def fixed(self, x: Shape) -> int:
        """Return the number of values in buffers of the `state_dict`."""
        return sum(prod(dims) for _, dims in self.buffer_sizes(x))


class Merge(Op):
    """An operator that combines several tensors; an author writes `result` and `emission`, for all inputs at once."""

    @property
    def free_axis(self) -> int | None:
        """The axis along which the sizes of the inputs may differ; None if all sizes must be equal."""
        return None

    def result(self, inputs: tuple[Shape, ...]) -> Shape:
        """Return the shape of the result for inputs of these shapes.

        Raises:
            ShapeError: The shapes do not fit together.
        """
        raise NotImplementedError

    def emission(self, inputs: tuple[Shape, ...]) -> ForwardOnly:
        """Return the expression that computes the result."""
        raise NotImplementedError

    def shape(self, x: Shape) -> Shape:
        return self.result((x,))

    def input_dependence(self, inputs: tuple[Shape, ...], y: Shape) -> InputDependence:
        return itself(inputs, y)

    def saved_for_backward(self, inputs: tuple[Shape, ...], y: Shape) -> Saved:
        return NOTHING_SAVED

    def role_advice(self, roles: tuple[Role, ...], inputs: tuple[Shape, ...], written: Written) -> Reason | None:
        return roles_meet(self.name, roles)


_TABLE: dict[str, type[Op]] = {}
_Class = TypeVar("_Class", bound=type[Op])


@dataclass_transform(kw_only_default=True, field_specifiers=(arg,))
def op(name: str, *, family: str, positional: int = 0) -> Callable[[_Class], _Class]:
    """Return a class decorator that enters an operator into the table.

    Args:
        name: The name in nets.
        family: One of FAMILIES; it decides about colours and the section in the documentation.
        positional: Number of leading arguments that a call may give without their names.

    Raises:
        ValueError: The name is taken, the class has no docstring or no example, or the family is unknown.
    """

    def enter(cls: _Class) -> _Class:
        if name in _TABLE:
            raise ValueError(f"the operator {name} is defined twice")
        # Python's -OO takes all docstrings away.
        if not (cls.__doc__ or sys.flags.optimize > 1) or not cls.examples:
            raise ValueError(f"the operator {name} lacks a docstring or an example")
        if family not in FAMILIES:
            raise ValueError(f"the operator {name} has no known family: {family}")
        cls.family = family
        cls.declare(name, positional)
        _TABLE[name] = cls
        return cls

    return enter


def lookup(name: str) -> type[Op] | None:
    """Return the operator with this name, or None."""
    return _TABLE.get(name)


def all_ops() -> tuple[type[Op], ...]:
    """Return all operators, sorted by name."""
    return tuple(_TABLE[name] for name in sorted(_TABLE))
