"""Numbers that remember which parameters they were computed from.

While a program unfolds every number is known, and yet the generated constructor must go on computing it: with
`linear(classes)`, `classes` is 10 here and a parameter there. A `TracedInt` is an `int` that carries a polynomial over
parameters along, so the rules of operators stay ordinary arithmetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Quotient:
    """The factor `numerator // denominator` (or `%`), which a polynomial cannot express."""

    numerator: "Polynomial"
    symbol: str
    denominator: "Polynomial"
    text: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", f"{self.numerator} {self.symbol} {self.denominator}")

    def __repr__(self) -> str:
        return self.text


Factor: TypeAlias = str | Quotient
Monomial: TypeAlias = tuple[Factor, ...]
Polynomial: TypeAlias = tuple[tuple[Monomial, int], ...]


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
    """Return how `value` was computed: its trace, or itself as a constant."""
    if isinstance(value, TracedInt):
        return value.trace
    return (((), int(value)),) if value else ()


class TracedInt(int):
    """An integer that was computed from parameters. Comparisons see the number only."""

    trace: Polynomial

    @staticmethod
    def parameter(name: str, value: int) -> "TracedInt":
        """Return the value of a parameter, as that parameter."""
        return TracedInt.make(value, (((name,), 1),))

    @staticmethod
    def make(value: int, trace: Polynomial) -> "TracedInt":
        """Return `value`, computed as `trace` says."""
        result = TracedInt(value)
        result.trace = trace
        return result

    def __add__(self, other: int) -> int:
        return _traced(int(self) + int(other), _sum(self.trace, polynomial(other), 1))

    def __sub__(self, other: int) -> int:
        return _traced(int(self) - int(other), _sum(self.trace, polynomial(other), -1))

    def __rsub__(self, other: int) -> int:
        return _traced(int(other) - int(self), _sum(polynomial(other), self.trace, -1))

    def __mul__(self, other: int) -> int:
        if not isinstance(other, int):
            return NotImplemented
        return _traced(int(self) * int(other), _product(self.trace, polynomial(other)))

    __radd__ = __add__
    __rmul__ = __mul__

    def __floordiv__(self, other: int) -> int:
        return _traced(int(self) // int(other), _quotient(self.trace, "//", polynomial(other)))

    def __rfloordiv__(self, other: int) -> int:
        return _traced(int(other) // int(self), _quotient(polynomial(other), "//", self.trace))

    def __mod__(self, other: int) -> int:
        return _traced(int(self) % int(other), _quotient(self.trace, "%", polynomial(other)))

    def __rmod__(self, other: int) -> int:
        return _traced(int(other) % int(self), _quotient(polynomial(other), "%", self.trace))

    def __neg__(self) -> int:
        return 0 - self


class TracedFloat(float):
    """A number that is a parameter, unchanged; arithmetic on it gives a plain number."""

    name: str

    @staticmethod
    def parameter(name: str, value: float) -> "TracedFloat":
        """Return the value of a parameter, as that parameter."""
        result = TracedFloat(value)
        result.name = name
        return result


class Compound:
    """A value that is made of others, which may be traced."""

    def held(self) -> tuple[object, ...]:
        """Return the values that it is made of."""
        raise NotImplementedError

    def holding(self, values: tuple[object, ...]) -> object:
        """Return the same, made of other values."""
        raise NotImplementedError


def _traced(value: int, trace: Polynomial) -> int:
    if all(not monomial for monomial, _ in trace):
        return value
    return TracedInt.make(value, trace)


def parameters_of(value: object) -> frozenset[str]:
    """Return the names of the parameters that a value was computed from."""
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
    """Return a traced number computed anew with these parameters, which may be traced themselves."""
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
