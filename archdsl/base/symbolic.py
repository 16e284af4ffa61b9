"""Numbers that record how they were computed from parameters.

Elaboration knows the value of every number, but the generated constructor must compute it from its arguments: in
`linear(classes)`, `classes` is 10 for elaboration and an argument of the constructor. A `TracedInt` is an `int` with a
polynomial over parameters, so that operators use ordinary arithmetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias


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


Factor: TypeAlias = "str | Quotient | Opaque"
Monomial: TypeAlias = tuple[Factor, ...]
Polynomial: TypeAlias = tuple[tuple[Monomial, int], ...]


# A trace of more weight is not kept: the number is a constant, and its parameters are pinned.
MAX_WEIGHT = 200
# Arithmetic does not compute traces of more weight. That of quotients bounds the recursion into them.
_MOST, _MOST_DIVIDED = 4_000, 800


@dataclass(frozen=True, slots=True)
class Opaque:
    """A factor that stands for a computation which is too large to record, with the parameters in it."""

    names: frozenset[str]
    value: int
    text: str = field(init=False, default="…", compare=False, repr=False)
    weight: int = field(init=False, default=MAX_WEIGHT + 1, compare=False, repr=False)


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
    if symbol == "//" and len(right) == 1 and not right[0][0]:
        divisor = right[0][1]
        if all(count % divisor == 0 for _, count in left):
            return tuple((monomial, count // divisor) for monomial, count in left)
    return (((Quotient(left, symbol, right),), 1),)


def polynomial(value: int) -> Polynomial:
    """Return the trace of an integer; that of a plain one is a constant."""
    if isinstance(value, TracedInt):
        return value.trace
    return (((), int(value)),) if value else ()


class TracedInt(int):
    """An integer with its computation from parameters. Comparisons use the value only and are not recorded."""

    trace: Polynomial

    @staticmethod
    def parameter(name: str, value: int) -> "TracedInt":
        """Return a value whose trace is a parameter."""
        return TracedInt.make(value, (((name,), 1),))

    @staticmethod
    def make(value: int, trace: Polynomial) -> "TracedInt":
        """Return an integer with the given trace."""
        result = TracedInt(value)
        result.trace = trace
        return result

    def __add__(self, other: int) -> int:
        value, trace = int(self) + int(other), polynomial(other)
        if len(self.trace) + len(trace) > _MOST:
            return _opaque(value, self.trace, trace)
        return _traced(value, _sum(self.trace, trace, 1))

    def __sub__(self, other: int) -> int:
        value, trace = int(self) - int(other), polynomial(other)
        if len(self.trace) + len(trace) > _MOST:
            return _opaque(value, self.trace, trace)
        return _traced(value, _sum(self.trace, trace, -1))

    def __rsub__(self, other: int) -> int:
        return _traced(int(other) - int(self), _sum(polynomial(other), self.trace, -1))

    def __mul__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        value, trace = int(self) * int(other), polynomial(other)
        if len(trace) * weight(self.trace) + len(self.trace) * weight(trace) > _MOST:
            return _opaque(value, self.trace, trace)
        return _traced(value, _product(self.trace, trace))

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: int) -> int:
        return _divided(int(self) // int(other), self.trace, "//", polynomial(other))

    def __rfloordiv__(self, other: int) -> int:
        return _divided(int(other) // int(self), polynomial(other), "//", self.trace)

    def __mod__(self, other: int) -> int:
        return _divided(int(self) % int(other), self.trace, "%", polynomial(other))

    def __rmod__(self, other: int) -> int:
        return _divided(int(other) % int(self), polynomial(other), "%", self.trace)

    def __neg__(self) -> int:
        return 0 - self


class TracedFloat(float):
    """A float that is the value of a parameter; arithmetic gives plain floats."""

    name: str

    @staticmethod
    def parameter(name: str, value: float) -> "TracedFloat":
        """Return a value whose trace is a parameter."""
        result = TracedFloat(value)
        result.name = name
        return result


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


def _divided(value: int, left: Polynomial, symbol: str, right: Polynomial) -> int:
    if weight(left) + weight(right) > _MOST_DIVIDED:
        return _opaque(value, left, right)
    return _traced(value, _quotient(left, symbol, right))


def _opaque(value: int, *traces: Polynomial) -> int:
    names = frozenset[str]().union(*map(_names, traces))
    return TracedInt.make(value, (((Opaque(names, value),), 1),))


def is_recordable(value: int) -> bool:
    """Return whether the trace of a number is small enough to be kept."""
    return not isinstance(value, TracedInt) or weight(value.trace) <= MAX_WEIGHT


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
            elif isinstance(factor, Opaque):
                found |= factor.names
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
            if isinstance(factor, Opaque):
                known = [polynomial(environment[name]) for name in factor.names if name in environment]
                term = term * _opaque(factor.value, *known)
                continue
            numerator = _evaluated(factor.numerator, environment)
            denominator = _evaluated(factor.denominator, environment)
            term = term * (numerator // denominator if factor.symbol == "//" else numerator % denominator)
        total = total + term
    return total
