"""Numbers that record how they were computed from parameters.

Elaboration knows the value of every number, but the generated constructor must compute it from its arguments: in
`linear(classes)`, `classes` is 10 for elaboration and an argument of the constructor. A `TracedInt` is an `int` with a
polynomial over parameters, so that operators use ordinary arithmetic.

A comparison of traced numbers, or their conversion to plain ones, decides about the net. While a `Recorder` is active,
each of them records a `Guard`: the condition on the parameters that holds in this elaboration. For other values of the
parameters that satisfy all guards, elaboration gives the same net with other numbers.
"""

import operator
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeGuard

from archdsl.base.guards import Guard, Number, recorder, recording


@dataclass(frozen=True, slots=True)
class Quotient:
    """A quotient or remainder (`//` or `%`), which is an atomic factor of a monomial."""

    numerator: "Polynomial"
    symbol: str
    denominator: "Polynomial"
    text: str = field(init=False, compare=False, repr=False)
    weight: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", 1 + weight(self.numerator) + weight(self.denominator))
        object.__setattr__(self, "text", f"{self.numerator} {self.symbol} {self.denominator}")

    def __repr__(self) -> str:
        return self.text


Factor: TypeAlias = str | Quotient
Monomial: TypeAlias = tuple[Factor, ...]
Polynomial: TypeAlias = tuple[tuple[Monomial, int], ...]


# A trace of more weight is not kept: the number is a constant, and its parameters are fixed.
MAX_WEIGHT = 200
# A product that takes more steps is not computed.
_MOST = 4_000
# Values of parameters under which a trace is computed anew.
_TRIED = (1_000_003, 1, 2, 3, 7, 64)


def weight(trace: "Polynomial") -> int:
    """Return the number of terms and factors in a trace, with those of quotients."""
    return sum(1 + sum(1 if isinstance(factor, str) else factor.weight for factor in monomial) for monomial, _ in trace)


def _rank(term: tuple[Monomial, int]) -> tuple[int, list[tuple[bool, str]]]:
    return -len(term[0]), [*map(_order, term[0])]


def _order(factor: Factor) -> tuple[bool, str]:
    return (False, factor) if isinstance(factor, str) else (True, factor.text)


def _canonical(terms: dict[Monomial, int]) -> Polynomial:
    found = [(m, c) for m, c in terms.items() if c]
    return tuple(sorted(found, key=_rank) if len(found) > 1 else found)


def _sum(left: Polynomial, right: Polynomial, sign: int) -> Polynomial:
    terms = dict(left)
    for monomial, count in right:
        terms[monomial] = terms.get(monomial, 0) + sign * count
    return _canonical(terms)


def _product(left: Polynomial, right: Polynomial) -> Polynomial:
    terms: dict[Monomial, int] = {}
    for a, m in left:
        for b, n in right:
            both = tuple(sorted((*a, *b), key=_order)) if a and b else a or b
            terms[both] = terms.get(both, 0) + m * n
    return _canonical(terms)


def _quotient(left: Polynomial, symbol: str, right: Polynomial) -> Polynomial:
    if len(right) == 1:
        exact = _exact(left, *right[0])
        if exact is not None:
            return exact if symbol == "//" else ()
    return (((Quotient(left, symbol, right),), 1),)


def _exact(left: Polynomial, divisor: Monomial, count: int) -> Polynomial | None:
    """Return a polynomial divided by a monomial, None if that does not divide every term."""
    found: dict[Monomial, int] = {}
    for monomial, number in left:
        rest = list(monomial)
        for factor in divisor:
            if factor not in rest:
                return None
            rest.remove(factor)
        if number % count:
            return None
        found[tuple(rest)] = number // count
    return _canonical(found)


def polynomial(value: int) -> Polynomial:
    """Return the trace of an integer; that of a plain one is a constant."""
    if isinstance(value, TracedInt):
        return value.trace
    return (((), value.real),) if value else ()


def difference(left: int, right: int) -> Polynomial:
    """Return the trace of `left - right`, however large it is."""
    return _sum(polynomial(left), polynomial(right), -1)


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

    def __add__(self, other: int) -> int:
        return _recorded(self, other, self.real + other.real, _sum(self.trace, polynomial(other), 1))

    def __sub__(self, other: int) -> int:
        return _recorded(self, other, self.real - other.real, _sum(self.trace, polynomial(other), -1))

    def __rsub__(self, other: int) -> int:
        return _recorded(other, self, other.real - self.real, _sum(polynomial(other), self.trace, -1))

    def __mul__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        value, trace = self.real * other.real, polynomial(other)
        if len(trace) * weight(self.trace) + len(self.trace) * weight(trace) > _MOST:
            return _unrecorded(self, other, value)
        return _recorded(self, other, value, _product(self.trace, trace))

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: int) -> int:
        return _recorded(self, other, self.real // other.real, _quotient(self.trace, "//", polynomial(other)))

    def __rfloordiv__(self, other: int) -> int:
        return _recorded(other, self, other.real // self.real, _quotient(polynomial(other), "//", self.trace))

    def __mod__(self, other: int) -> int:
        return _recorded(self, other, self.real % other.real, _quotient(self.trace, "%", polynomial(other)))

    def __rmod__(self, other: int) -> int:
        return _recorded(other, self, other.real % self.real, _quotient(polynomial(other), "%", self.trace))

    def __neg__(self) -> int:
        return 0 - self

    def __abs__(self) -> int:
        return -self if self < 0 else self

    def __round__(self, digits: Any = None) -> int:
        return self

    def __floor__(self) -> int:
        return self

    def __ceil__(self) -> int:
        return self

    def __int__(self) -> int:
        return int(fixed(self))


class TracedFloat(_Compared, float):
    """A float that is the value of a parameter; arithmetic gives plain floats."""

    name: str

    @staticmethod
    def parameter(name: str, value: float) -> "TracedFloat":
        """Return a value whose trace is a parameter."""
        result = TracedFloat(value.real)
        result.name = name
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


def is_traced(value: object) -> TypeGuard[Number]:
    """Return whether a value is a number with a trace."""
    return isinstance(value, TracedInt | TracedFloat)


class Compound:
    """Base class of values with parts that may be traced."""

    def held(self) -> tuple[object, ...]:
        """Return the parts."""
        raise NotImplementedError

    def holding(self, values: tuple[Any, ...]) -> object:
        """Return a copy with other parts."""
        raise NotImplementedError


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
    if isinstance(value, TracedInt):
        return _names(value.trace)
    if isinstance(value, TracedFloat):
        return frozenset((value.name,))
    if isinstance(value, Compound):
        value = value.held()
    if isinstance(value, tuple | list):
        return frozenset().union(*(parameters_of(part) for part in value))
    return frozenset()


def _names(trace: Polynomial) -> frozenset[str]:
    found: set[str] = set()
    for monomial, _ in trace:
        for factor in monomial:
            if isinstance(factor, str):
                found.add(factor)
            else:
                found |= _names(factor.numerator) | _names(factor.denominator)
    return frozenset(found)


def evaluated(value: int, environment: Mapping[str, int]) -> int:
    """Return the result of a trace for other values of the parameters, which may be traced themselves."""
    return _evaluated(value.trace, environment) if isinstance(value, TracedInt) else value


def _evaluated(trace: Polynomial, environment: Mapping[str, int]) -> int:
    total = 0
    for monomial, count in trace:
        term = count
        for factor in monomial:
            if isinstance(factor, str):
                term = term * environment[factor]
                continue
            numerator = _evaluated(factor.numerator, environment)
            denominator = _evaluated(factor.denominator, environment)
            term = term * (numerator // denominator if factor.symbol == "//" else numerator % denominator)
        total = total + term
    return total


def replaced(number: Number, values: Mapping[str, Number]) -> Number:
    """Return a number with values in place of the names that have one; the values may be traced."""
    names = parameters_of(number)
    if not names & values.keys():
        return number
    if isinstance(number, TracedFloat):
        return values[number.name]
    assert isinstance(number, int)
    # Only the trace of the result counts, so any number for which no divisor is 0 will do.
    for value in _TRIED:
        environment = {name: values.get(name, TracedInt.parameter(name, value)) for name in names}
        with suppress(ZeroDivisionError):
            return evaluated(number, environment)  # type: ignore[arg-type]
    return number


def substituted(guard: Guard, values: Mapping[str, Number]) -> Guard:
    """Return a guard with values in place of the names that have one."""
    return guard._replace(pairs=tuple((replaced(left, values), replaced(right, values)) for left, right in guard.pairs))


def outside(guard: Guard, meanings: Mapping[str, Number]) -> Iterator[Guard]:
    """Yield a guard of a block in the terms of its caller, unless it then holds for all values."""
    if parameters_of(guard.pairs) <= meanings.keys():
        log: list[Guard] = []
        with recording(log):
            made = substituted(guard, meanings)
        # A substitution that is too large to record fixes its operands.
        yield from (each._replace(span=guard.span, of_map=guard.of_map, what=guard.what) for each in log)
        if any(is_traced(number) for pair in made.pairs for number in pair):
            yield made
