"""Numbers that record how they were computed from parameters.

Elaboration knows the value of every number, but the generated constructor must compute it from its arguments: in
`linear(classes)`, `classes` is 10 for elaboration and an argument of the constructor. A `TracedInt` is an `int` with a
polynomial over parameters, so that operators use ordinary arithmetic; a `TracedFloat` is a `float` with the tree of its
operations. Functions such as `ceil` and `min` keep the trace too: see `base.traces`.

A comparison of traced numbers, or their conversion to plain ones, decides about the net. While a `Recorder` is active,
each of them records a `Guard`: the condition on the parameters that holds in this elaboration. For other values of the
parameters that satisfy all guards, elaboration gives the same net with other numbers.
"""

import operator
from collections.abc import Callable
from typing import Any, TypeGuard

from archdsl.base.functions import NUMERIC
from archdsl.base.guards import Number, recorder
from archdsl.base.traces import (
    MAX_WEIGHT,
    Applied,
    Operation,
    Polynomial,
    Trace,
    added,
    constant,
    divided,
    multiplied,
    names_of_trace,
    weight,
)

# A product that takes more steps is not computed.
_MOST = 4_000
# A constant with more characters is printed as it was computed.
_DIGITS = 15


def polynomial(value: int) -> Polynomial:
    """Return the trace of an integer; that of a plain one is a constant."""
    return value.trace if isinstance(value, TracedInt) else constant(value)


def trace_of(value: Number) -> Trace:
    """Return the trace of a number; that of a plain one is a constant."""
    if isinstance(value, TracedInt | TracedFloat | WrittenFloat):
        return value.trace
    return value if isinstance(value, float) else constant(value)


def number_of(trace: Trace) -> Number:
    """Return a number with a trace, whose value does not count."""
    return TracedInt.make(1, trace) if isinstance(trace, tuple) else TracedFloat.make(1.0, trace)


def difference(left: int, right: int) -> Polynomial:
    """Return the trace of `left - right`, however large it is."""
    return added(polynomial(left), polynomial(right), -1)


def _comparison(symbol: str) -> Callable[[Any, object], Any]:
    """Return the comparison method of a traced number, which records a guard."""
    compare = _COMPARE[symbol]

    def method(self: Number, other: object) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        holds = compare(self.real, other.real)
        if recorder.log is not None:
            recorder.record(symbol, self, other, holds=holds)
        return holds

    return method


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class _Compared:
    """The methods of traced numbers that decide about the net: they record guards."""

    __eq__ = _comparison("==")
    __ne__ = _comparison("!=")
    __lt__ = _comparison("<")
    __le__ = _comparison("<=")
    __gt__ = _comparison(">")
    __ge__ = _comparison(">=")

    def __bool__(self: Any) -> bool:
        return compared("!=", self, 0)

    def __float__(self: Any) -> float:
        return float(fixed(self))

    def __hash__(self: Any) -> int:
        return hash(fixed(self))


class TracedInt(_Compared, int):
    """An integer with its computation from parameters.

    `number.real` is the plain integer, for tests that decide nothing or that PyTorch repeats; `int(number)` fixes it.
    """

    trace: Polynomial

    @staticmethod
    def parameter(name: str, value: int) -> "TracedInt":
        """Return a value whose trace is a parameter."""
        return TracedInt.make(value, (((name,), 1),))

    @staticmethod
    def make(value: int, trace: Polynomial) -> "TracedInt":
        """Return an integer with the given trace."""
        result = TracedInt(value.real)
        result.trace = trace
        return result

    def __add__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return _with_float("+", self, other)
        return _recorded(self, other, self.real + other.real, added(self.trace, polynomial(other), 1))

    def __sub__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return _with_float("-", self, other)
        return _recorded(self, other, self.real - other.real, added(self.trace, polynomial(other), -1))

    def __rsub__(self, other: int) -> int:
        return _recorded(other, self, other.real - self.real, added(polynomial(other), self.trace, -1))

    def __mul__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return _with_float("*", self, other)
        value, trace = self.real * other.real, polynomial(other)
        if len(trace) * weight(self.trace) + len(self.trace) * weight(trace) > _MOST:
            return _unrecorded(self, other, value)
        return _recorded(self, other, value, multiplied(self.trace, trace))

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return _with_float("//", self, other)
        return _recorded(self, other, self.real // other.real, divided(self.trace, "//", polynomial(other)))

    def __rfloordiv__(self, other: int) -> int:
        return _recorded(other, self, other.real // self.real, divided(polynomial(other), "//", self.trace))

    def __mod__(self, other: Any) -> Any:
        if not isinstance(other, int):
            return _with_float("%", self, other)
        return _recorded(self, other, self.real % other.real, divided(self.trace, "%", polynomial(other)))

    def __rmod__(self, other: int) -> int:
        return _recorded(other, self, other.real % self.real, divided(polynomial(other), "%", self.trace))

    def __truediv__(self, other: Any) -> Any:
        return super().__truediv__(other) if isinstance(other, int) else _with_float("/", self, other)

    def __neg__(self) -> int:
        return 0 - self

    def __abs__(self) -> int:
        return applied("abs", self)  # type: ignore[return-value]

    def __round__(self, digits: Any = None) -> int:
        return applied("round", self, *(() if digits is None else (digits,)))  # type: ignore[return-value]

    def __floor__(self) -> int:
        return self

    def __ceil__(self) -> int:
        return self

    def __int__(self) -> int:
        return int(fixed(self))


def _operation(symbol: str, *, reflected: bool = False) -> Callable[[Any, object], Any]:
    """Return the method of a traced float for an operator."""

    def method(self: Number, other: object) -> Any:
        if not isinstance(other, int | float):
            return NotImplemented
        return combined(symbol, other, self) if reflected else combined(symbol, self, other)

    return method


class TracedFloat(_Compared, float):
    """A float with its computation from parameters.

    A plain float on the left of a `TracedInt` gives a plain float: use `combined` for numbers of both types.
    """

    trace: Trace

    @staticmethod
    def parameter(name: str, value: float) -> "TracedFloat":
        """Return a value whose trace is a parameter."""
        return TracedFloat.make(value, name)

    @staticmethod
    def make(value: float, trace: Trace) -> "TracedFloat":
        """Return a float with the given trace."""
        result = TracedFloat(value.real)
        result.trace = trace
        return result

    __add__ = _operation("+")
    __radd__ = _operation("+", reflected=True)
    __sub__ = _operation("-")
    __rsub__ = _operation("-", reflected=True)
    __mul__ = _operation("*")
    __rmul__ = _operation("*", reflected=True)
    __truediv__ = _operation("/")
    __rtruediv__ = _operation("/", reflected=True)
    __floordiv__ = _operation("//")
    __rfloordiv__ = _operation("//", reflected=True)
    __mod__ = _operation("%")
    __rmod__ = _operation("%", reflected=True)
    __pow__ = _operation("**")  # type: ignore[assignment]
    __rpow__ = _operation("**", reflected=True)  # type: ignore[assignment]

    def __neg__(self) -> Any:
        return applied("-", self)

    def __abs__(self) -> Any:
        return applied("abs", self)

    def __round__(self, digits: Any = None) -> Any:
        return applied("round", self, *(() if digits is None else (digits,)))

    def __floor__(self) -> Any:
        return applied("floor", self)

    def __ceil__(self) -> Any:
        return applied("ceil", self)


class WrittenFloat(float):
    """A constant with the computation that its author wrote, such as `0.2 * 7 / 60`."""

    trace: Trace

    @staticmethod
    def make(value: float, trace: Trace) -> "WrittenFloat":
        """Return a float with the given trace."""
        result = WrittenFloat(value)
        result.trace = trace
        return result


def fixed(value: Number) -> Number:
    """Return a number without its trace, and record that its parameters cannot have other values."""
    plain = value.real
    if recorder.log is not None and isinstance(value, TracedInt | TracedFloat):
        recorder.record("==", value, plain, holds=True)
    return plain


def compared(symbol: str, left: Number, right: Number) -> bool:
    """Return whether `left symbol right` holds; a guard is also recorded where Python would not ask the traced side."""
    holds = _COMPARE[symbol](left.real, right.real)
    if recorder.log is not None and (is_traced(left) or is_traced(right)):
        recorder.record(symbol, left, right, holds=holds)
    return holds


def is_traced(value: object) -> "TypeGuard[TracedInt | TracedFloat]":
    """Return whether a value is a number with a trace."""
    return isinstance(value, TracedInt | TracedFloat)


def has_trace(value: object) -> "TypeGuard[TracedInt | TracedFloat | WrittenFloat]":
    """Return whether a value is printed as its computation: traced numbers, and constants with many digits."""
    if isinstance(value, WrittenFloat):
        return len(repr(value)) > _DIGITS
    return isinstance(value, TracedInt | TracedFloat)


class Compound:
    """Base class of values with parts that may be traced."""

    def held(self) -> tuple[object, ...]:
        """Return the parts."""
        raise NotImplementedError

    def holding(self, values: tuple[Any, ...]) -> object:
        """Return a copy with other parts."""
        raise NotImplementedError


def combined(symbol: str, left: Number, right: Number) -> Number:
    """Return the result of an operation on floats, or on integers and floats.

    Raises:
        ArithmeticError: The result is no number.
    """
    if isinstance(left, int) and isinstance(right, int) and symbol not in ("/", "**"):
        return _WHOLE[symbol](left, right)
    value = _OPERATIONS[symbol](left.real, right.real)
    if isinstance(value, complex):
        raise ArithmeticError(f"{left.real} {symbol} {right.real} is a complex number")
    return _computed((left, right), value, Operation(trace_of(left), symbol, trace_of(right)))


def _with_float(symbol: str, left: int, right: object) -> Any:
    return combined(symbol, left, right) if isinstance(right, float) else NotImplemented


def applied(function: str, *arguments: Number) -> Number:
    """Return the result of a function in `base.functions`, of `-` for a float, or of `float`.

    The arguments of `min` and `max` must have one type, which is that of the result for all values.

    Raises:
        ArithmeticError, ValueError: The function has no result for these numbers.
    """
    first = arguments[0]
    if isinstance(first, int) and (function in ("ceil", "floor") or (function == "round" and len(arguments) == 1)):
        return first
    if function == "float" and isinstance(first, float):
        return first
    if len({trace_of(each) for each in arguments}) == 1 and function in ("min", "max"):
        return first
    plain = [each.real for each in arguments]
    value = _OWN[function](*plain) if function in _OWN else NUMERIC[function](*plain)
    return _computed(arguments, value, Applied(function, tuple(map(trace_of, arguments))))


# The functions that nets cannot call.
_OWN: dict[str, Callable[..., Number]] = {"-": operator.neg, "float": float}


def as_float(number: int) -> float:
    """Return an integer as a float; a traced one keeps its trace."""
    return applied("float", number) if isinstance(number, TracedInt) else float(number)


def _computed(operands: tuple[Number, ...], value: Number, trace: Operation | Applied) -> Number:
    """Return the result of an operation or function with its trace, or without it if that is of no use or too large."""
    if not any(map(parameters_of, operands)):
        is_kept = isinstance(value, float) and trace.weight <= MAX_WEIGHT
        return WrittenFloat.make(value, trace) if is_kept else value
    if trace.weight > MAX_WEIGHT:
        for each in operands:
            fixed(each)
        return value
    if isinstance(value, float):
        return TracedFloat.make(value, trace)
    assert isinstance(trace, Applied)
    return TracedInt.make(value, (((trace,), 1),))


_WHOLE: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {**_WHOLE, "/": operator.truediv, "**": operator.pow}


def _traced(value: int, trace: Polynomial) -> int:
    if all(not monomial for monomial, _ in trace):
        return value
    return TracedInt.make(value, trace)


def _recorded(left: int, right: int, value: int, trace: Polynomial) -> int:
    """Return the result of an operation with its trace, or without it if that is too large."""
    return _unrecorded(left, right, value) if weight(trace) > MAX_WEIGHT else _traced(value, trace)


def _unrecorded(left: int, right: int, value: int) -> int:
    """Return the result of an operation without a trace, and record that its operands cannot have other values."""
    fixed(left)
    fixed(right)
    return value


def parameters_of(value: object) -> frozenset[str]:
    """Return the names of the parameters from which a value was computed."""
    if isinstance(value, TracedInt | TracedFloat):
        return names_of_trace(value.trace)
    if isinstance(value, Compound):
        value = value.held()
    if isinstance(value, tuple | list):
        return frozenset().union(*(parameters_of(part) for part in value))
    return frozenset()
