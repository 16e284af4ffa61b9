"""Traces: how a number was computed from parameters.

The trace of an integer is a polynomial over parameters. Quotients, remainders and results of functions are factors of
it. Sums and products are sorted, so equal traces stand for equal numbers.

The trace of a float is a tree of its operations in the order of the source, because the arithmetic of floats is not
associative: other orders give other floats.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import gcd
from typing import TypeAlias


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


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of a function of numbers, such as `ceil`; `-` is the negation of a float, `float` makes one of an int.

    The text takes part in comparisons: `0.0` and `-0.0` are equal, and their traces are not.
    """

    function: str
    arguments: "tuple[Trace, ...]"
    text: str = field(init=False, repr=False)
    weight: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", 1 + sum(map(weight, self.arguments)))
        object.__setattr__(self, "text", f"{self.function}({', '.join(map(repr, self.arguments))})")

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation with a float result. The text takes part in comparisons, as in `Applied`."""

    left: "Trace"
    symbol: str
    right: "Trace"
    text: str = field(init=False, repr=False)
    weight: int = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weight", 1 + weight(self.left) + weight(self.right))
        object.__setattr__(self, "text", f"({self.left!r} {self.symbol} {self.right!r})")

    def __repr__(self) -> str:
        return self.text


Factor: TypeAlias = str | Quotient | Applied
Monomial: TypeAlias = tuple[Factor, ...]
Polynomial: TypeAlias = tuple[tuple[Monomial, int], ...]
# A float that is a constant or a parameter, an integer, or the result of an operation or function.
Trace: TypeAlias = float | str | Polynomial | Operation | Applied


# A trace of more weight is not kept: the number is a constant, and its parameters are fixed.
MAX_WEIGHT = 200


def weight(trace: Trace) -> int:
    """Return the number of terms and factors in a trace, with those of its parts."""
    if isinstance(trace, tuple):
        return sum(1 + sum(1 if isinstance(each, str) else each.weight for each in monomial) for monomial, _ in trace)
    return 1 if isinstance(trace, float | str) else trace.weight


def constant(value: int) -> Polynomial:
    """Return the trace of a plain integer."""
    return (((), value.real),) if value else ()


def names_of_trace(trace: Trace) -> frozenset[str]:
    """Return the names of the parameters in a trace."""
    return frozenset(name for name, _ in parameters(trace))


def parameters(trace: Trace) -> Iterator[tuple[str, bool]]:
    """Yield the parameters in a trace, and whether each is a float; a parameter may occur several times."""
    if isinstance(trace, str):
        yield trace, True
    elif isinstance(trace, tuple):
        for monomial, _ in trace:
            for factor in monomial:
                if isinstance(factor, str):
                    yield factor, False
                else:
                    yield from _inner(factor)
    elif not isinstance(trace, float):
        yield from _inner(trace)


def _inner(part: Quotient | Applied | Operation) -> Iterator[tuple[str, bool]]:
    for each in parts_of(part):
        yield from parameters(each)


def parts_of(part: Quotient | Applied | Operation) -> tuple[Trace, ...]:
    """Return the traces that a quotient, function or operation is applied to."""
    if isinstance(part, Quotient):
        return (part.numerator, part.denominator)
    return part.arguments if isinstance(part, Applied) else (part.left, part.right)


def factors_of(trace: Trace) -> Iterator[Quotient | Applied | Operation]:
    """Yield the quotients, functions and operations in a trace, inner ones first."""
    found: list[Quotient | Applied | Operation] = []
    if isinstance(trace, tuple):
        found += [each for monomial, _ in trace for each in monomial if not isinstance(each, str)]
    elif not isinstance(trace, float | str):
        found.append(trace)
    for part in found:
        for each in parts_of(part):
            yield from factors_of(each)
        yield part


def is_rounded(trace: Trace) -> bool:
    """Return whether many values of the parameters give the same number, because of a remainder or a function in it."""
    return any(
        part.function not in ("-", "float")
        if isinstance(part, Applied)
        else isinstance(part, Quotient) and part.symbol == "%"
        for part in factors_of(trace)
    )


# The algebra of polynomials.


def _rank(term: tuple[Monomial, int]) -> tuple[int, list[tuple[bool, str]]]:
    return -len(term[0]), [*map(_order, term[0])]


def _order(factor: Factor) -> tuple[bool, str]:
    return (False, factor) if isinstance(factor, str) else (True, factor.text)


def _canonical(terms: dict[Monomial, int]) -> Polynomial:
    found = [(m, c) for m, c in terms.items() if c]
    return tuple(sorted(found, key=_rank) if len(found) > 1 else found)


def added(left: Polynomial, right: Polynomial, sign: int) -> Polynomial:
    """Return `left + sign * right`."""
    terms = dict(left)
    for monomial, count in right:
        terms[monomial] = terms.get(monomial, 0) + sign * count
    return _canonical(terms)


def multiplied(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return `left * right`."""
    terms: dict[Monomial, int] = {}
    for a, m in left:
        for b, n in right:
            both = tuple(sorted((*a, *b), key=_order)) if a and b else a or b
            terms[both] = terms.get(both, 0) + m * n
    return _canonical(terms)


def divided(left: Polynomial, symbol: str, right: Polynomial) -> Polynomial:
    """Return `left // right` or `left % right`, without the factors that all terms of both share."""
    exact = _exact(left, *right[0]) if len(right) == 1 else _long_division(left, right)
    if exact is not None:
        return exact if symbol == "//" else ()
    shared, count = _shared((*left, *right))
    if not shared and count == 1:
        return (((Quotient(left, symbol, right),), 1),)
    (numerator, denominator) = (_exact(each, shared, count) or () for each in (left, right))
    found: Polynomial = (((Quotient(numerator, symbol, denominator),), 1),)
    # With any divisor except 0, a * b // (a * c) is b // c, and a * b % (a * c) is a * (b % c).
    return found if symbol == "//" else multiplied(((shared, count),), found)


# A division of sums that takes more steps is not simplified.
_STEPS = 16


def _long_division(left: Polynomial, right: Polynomial) -> Polynomial | None:
    """Return the quotient of two sums, None if there is a remainder."""
    if len(left) < len(right):
        return () if right and not left else None
    quotient: Polynomial = ()
    for _ in range(_STEPS):
        term = _exact(left[:1], *right[0])
        if term is None:
            return None
        quotient, left = added(quotient, term, 1), added(left, multiplied(term, right), -1)
        if not left:
            return quotient
    return None


def _shared(terms: Polynomial) -> tuple[Monomial, int]:
    """Return the largest monomial and count that divide all terms."""
    shared = list(terms[0][0]) if terms else []
    for monomial, _ in terms:
        if not shared:
            break
        left, kept = list(monomial), []
        for factor in shared:
            if factor in left:
                left.remove(factor)
                kept.append(factor)
        shared = kept
    return tuple(shared), gcd(*(count for _, count in terms)) or 1


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
