"""What an operator answers for one call: its code, counts, weights and words, computed at the first question."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

from archdsl.base.guards import Guard, recording
from archdsl.base.shape import Shape
from archdsl.ops.analysis import Drawing, Saved
from archdsl.ops.base import Emission, Op
from archdsl.ops.dependence import InputDependence
from archdsl.ops.initialisers import InitialValue

_Value = TypeVar("_Value")
_Sizes = tuple[tuple[str, tuple[int, ...]], ...]


class _Once(Generic[_Value]):
    """An attribute that a method computes at the first access. Unlike `cached_property`, it takes no lock."""

    def __init__(self, compute: "Callable[[Answers], _Value]") -> None:
        self._compute = compute
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, answers: None, owner: type) -> "_Once[_Value]": ...
    @overload
    def __get__(self, answers: "Answers", owner: type) -> _Value: ...
    def __get__(self, answers: "Answers | None", owner: type) -> Any:
        if answers is None:
            return self
        found = answers.__dict__[self._name] = self._compute(answers)
        return found


class Answers:
    """The answers of an operator for inputs of some shapes. The rules of operators are pure, so equal steps share them.

    Attributes:
        op: The operator.
        inputs: The shapes of its inputs.
        shape: The shape of its result.
        read_back: The steps that the reader of generated modules expects, once it has asked.
        read_sizes: The sizes of the result that it expects, once it has asked.
        words: The operator's call and defaults in a drawing, once one has asked.
    """

    read_back: Any
    read_sizes: tuple[int, ...]
    words: str

    def __init__(self, op: Op, inputs: tuple[Shape, ...], shape: Shape) -> None:
        self.op = op
        self.inputs = inputs
        self.shape = shape

    @_Once
    def plain_input(self) -> Shape:
        """The shape of the first input in plain integers."""
        return self.inputs[0].plain()

    @_Once
    def plain_inputs(self) -> tuple[Shape, ...]:
        """The shapes of the inputs in plain integers."""
        return tuple(shape.plain() for shape in self.inputs)

    @_Once
    def plain_shape(self) -> Shape:
        """The shape of the result in plain integers."""
        return self.shape.plain()

    @_Once
    def code(self) -> tuple[Emission, tuple[Guard, ...]]:
        """The code that computes the step, and the conditions on parameters that it demands."""
        guards: list[Guard] = []
        with recording(guards):
            emission = self.op.emission(self.inputs)
        return emission, tuple(guards)

    @property
    def emission(self) -> Emission:
        """The code that computes the step."""
        return self.code[0]

    @_Once
    def params(self) -> int:
        """Number of trainable parameters."""
        return int(self.op.params(self.plain_input))

    @_Once
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return int(self.op.macs(self.plain_input, self.plain_shape))

    @_Once
    def fixed(self) -> int:
        """Number of values in buffers of the `state_dict`."""
        return int(self.op.fixed(self.plain_input))

    @_Once
    def initial_values(self) -> tuple[InitialValue, ...]:
        """The parameters whose initialiser is an argument."""
        return self.op.initial_values(self.inputs[0])

    @_Once
    def parameter_sizes(self) -> _Sizes:
        """Name and sizes of each parameter in the `state_dict`, in plain integers."""
        return tuple((name, tuple(map(int, sizes))) for name, sizes in self.op.parameter_sizes(self.plain_input))

    @_Once
    def buffer_sizes(self) -> _Sizes:
        """Name and sizes of each buffer in the `state_dict`, in plain integers."""
        return tuple((name, tuple(map(int, sizes))) for name, sizes in self.op.buffer_sizes(self.plain_input))

    @_Once
    def drawing(self) -> Drawing:
        """The words in drawings and tables."""
        return self.op.drawing(self.inputs[0])

    @_Once
    def dependence(self) -> InputDependence:
        """The positions of the inputs that a unit of the result reads."""
        return self.op.input_dependence(self.inputs, self.shape)

    @_Once
    def saved(self) -> Saved:
        """The tensors and numbers that autograd saves, for one sample."""
        return self.op.saved_for_backward(self.plain_inputs, self.plain_shape)
