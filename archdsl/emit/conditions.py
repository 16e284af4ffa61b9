"""The conditions of classes: guards of elaboration in a canonical form, so that equal ones are found and simplified."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

from archdsl.base.guards import NEGATED, Guard, Number
from archdsl.base.pyexpr import Expr, Infix
from archdsl.base.symbolic import (
    Factor,
    Monomial,
    Polynomial,
    Quotient,
    TracedFloat,
    TracedInt,
    compared,
    difference,
    evaluated,
    parameters_of,
    replaced,
)

Names: TypeAlias = Mapping[str, int | float]
# Equal keys stand for equal conditions.
Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Atom:
    """A comparison of two numbers. `key` is canonical: equal for comparisons that say the same."""

    symbol: str
    left: Number
    right: Number
    key: Key

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it mentions."""
        return parameters_of((self.left, self.right))

    @property
    def is_fixing(self) -> bool:
        """Whether it says that a number equals a constant; a remainder does not determine its parameters."""
        one_side = not parameters_of(self.left) or not parameters_of(self.right)
        return self.symbol == "==" and one_side and not quotients(self, "%")

    @property
    def expr(self) -> Expr:
        """The comparison as Python."""
        return Infix(self.left, self.symbol, self.right)

    @property
    def refused(self) -> Expr:
        """The opposite comparison as Python."""
        return Infix(self.left, NEGATED[self.symbol], self.right)

    def negated(self) -> "Atom":
        """Return the opposite comparison."""
        found = atom(NEGATED[self.symbol], self.left, self.right)
        assert isinstance(found, Atom)
        return found


@dataclass(frozen=True, slots=True)
class Clause:
    """A disjunction of atoms; most have only one. `source` is the guard that it comes from."""

    atoms: tuple[Atom, ...]
    source: Guard | None = None

    @property
    def key(self) -> Key:
        """A key that is equal for clauses that say the same."""
        return tuple(sorted((each.key for each in self.atoms), key=repr))

    @property
    def names(self) -> frozenset[str]:
        """The parameters that it mentions."""
        return frozenset[str]().union(*(each.names for each in self.atoms))

    @property
    def expr(self) -> Expr:
        """The clause as Python."""
        choice = self._choice
        return Infix(choice[0], "in", choice[1]) if choice else joined("or", [each.expr for each in self.atoms])

    @property
    def refused(self) -> Expr:
        """The opposite as Python."""
        choice = self._choice
        return Infix(choice[0], "not in", choice[1]) if choice else joined("and", [each.refused for each in self.atoms])

    @property
    def _choice(self) -> tuple[Number, tuple[Number, ...]] | None:
        """The number and the values, where the clause says that it is one of them."""
        keys = {each.key[:2] for each in self.atoms}
        if len(self.atoms) < 2 or len(keys) > 1 or not all(each.is_fixing for each in self.atoms):
            return None
        return self.atoms[0].left, tuple(sorted(each.right for each in self.atoms))

    def negated(self) -> list["Clause"]:
        """Return the clauses that hold together if and only if this one does not."""
        return [Clause((each.negated(),), self.source) for each in self.atoms]


def joined(symbol: str, parts: Iterable[Expr]) -> Expr:
    """Return expressions joined by `and` or `or`."""
    first, *rest = parts
    for part in rest:
        first = Infix(first, symbol, part)
    return first


def clauses(guard: Guard, values: Names) -> Iterator[Clause]:
    """Yield the clauses that say together what a guard says; `values` are those of the names in it.

    Conditions on window formulas are simplified: of a formula with several parameters, PyTorch refuses at least what
    the simplified condition leaves out.
    """
    # Shapes have several sizes; a condition of an author compares two numbers.
    is_shape = guard.of_map or len(guard.pairs) > 1
    made = [
        _simplified(guard.symbol, left, right, values) if is_shape else atom(guard.symbol, left, right)
        for left, right in guard.pairs
    ]
    if guard.symbol == "!=" and len(made) > 1:
        if True not in made:
            yield Clause(tuple({each.key: each for each in made if isinstance(each, Atom)}.values()), guard)
        return
    for each in made:
        if isinstance(each, Atom):
            yield Clause((each,), guard)


def _simplified(symbol: str, left: Number, right: Number, values: Names) -> Atom | bool:
    found = atom(symbol, left, right)
    if symbol not in ("==", "!=") or not isinstance(found, Atom) or not _has_window(found):
        return found
    for name in sorted(found.names):
        others = {each: values[each] for each in found.names - {name} if each in values}
        alone = atom(symbol, replaced(left, others), replaced(right, others))
        if isinstance(alone, Atom) and alone.names == {name} and _only_at_one(alone, name):
            return atom(symbol, TracedInt.parameter(name, 1), 1)
    # PyTorch refuses maps of different sizes.
    return True if symbol == "==" and len(found.names) > 1 else found


def _has_window(found: Atom) -> bool:
    return any(
        isinstance(factor, Quotient) and factor.symbol == "//"
        for number in (found.left, found.right)
        if isinstance(number, TracedInt)
        for monomial, _ in number.trace
        for factor in monomial
    )


_MOST = 64


def _only_at_one(found: Atom, name: str) -> bool:
    """Return whether two sizes with one stride or the like in their formula are equal only if it is 1."""
    sides = (found.left, found.right)
    try:
        equal = [
            value
            for value in range(1, _MOST)
            if len({evaluated(side, {name: value}) for side in sides if isinstance(side, int)}) == 1
        ]
    except ZeroDivisionError:
        return False
    return equal == [1]


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def atom(symbol: str, left: Number, right: Number) -> Atom | bool:
    """Return a comparison in its canonical form, or its value if that is the same for all parameters."""
    if not parameters_of(left) and parameters_of(right):
        left, right, symbol = right, left, _MIRRORED.get(symbol, symbol)
    if not isinstance(left, int) or not isinstance(right, int):
        return _of_floats(symbol, left, right)
    if symbol in ("==", "!="):
        terms = dict(difference(right, left))
        rest = terms.pop((), 0)
        if not terms:
            return (rest == 0) == (symbol == "==")
        divisor = gcd(*terms.values())
        return symbol == "!=" if rest % divisor else _equality(symbol, terms, rest, divisor, left, right)
    smaller, larger, strict = {
        "<": (left, right, 1), "<=": (left, right, 0), ">": (right, left, 1), ">=": (right, left, 0)
    }[symbol]  # fmt: skip
    terms = dict(difference(larger, smaller))
    rest = terms.pop((), 0) - strict
    if not terms:
        return rest >= 0
    divisor = gcd(*terms.values())
    return _order(terms, rest, divisor, Atom(symbol, left, right, ()))


def _equality(symbol: str, terms: dict[Monomial, int], rest: int, divisor: int, left: int, right: int) -> Atom | bool:
    """Return `==` or `!=`: of one number and a constant if the difference of the sides has only one term.

    A remainder never equals a constant that is out of its range.
    """
    sign = -divisor if next(iter(terms.values())) < 0 else divisor
    scaled = tuple((monomial, count // sign) for monomial, count in terms.items())
    key = (symbol, scaled, rest // sign)
    monomial = scaled[0][0]
    if len(scaled) > 1 or len(monomial) > 1:
        return Atom(symbol, left, right, key)
    alone, constant = _shifted(monomial[0], -rest // sign)
    modulus = divisor_of(monomial[0], "%")
    if modulus > 0 and not 0 <= constant < modulus:
        return symbol == "!="
    return Atom(symbol, alone, constant, key)


def _shifted(factor: Factor, constant: int) -> tuple[int, int]:
    """Return `kernel % 2` and 1 for `(kernel - 1) % 2` and 0, anything else as it is."""
    if isinstance(factor, Quotient) and factor.symbol == "%" and len(factor.numerator) == 2:
        (first, count), (other, offset) = factor.numerator
        divisor = dict(factor.denominator).get((), 0) if len(factor.denominator) == 1 else 0
        if divisor and count == 1 and not other and 0 <= constant < divisor:
            factor = Quotient(((first, 1),), "%", factor.denominator)
            constant = (constant - offset) % divisor
    return TracedInt.make(1, (((factor,), 1),)), constant


def _order(terms: dict[Monomial, int], rest: int, divisor: int, written: Atom) -> Atom | bool:
    """Return a comparison that says that a sum is at least 0: a bound of one number if it has only one term."""
    # Rounded down: a sum of multiples of the divisor is at least -rest.
    scaled, constant = tuple((monomial, count // divisor) for monomial, count in terms.items()), rest // divisor
    if _is_always((*scaled, ((), constant))):
        return True
    key = (">=", scaled, constant)
    if len(scaled) > 1 or len(scaled[0][0]) > 1:
        return Atom(written.symbol, written.left, written.right, key)
    ((monomial, count),) = scaled
    alone = TracedInt.make(1, ((monomial, 1),))
    return Atom(">=", alone, -constant, key) if count > 0 else Atom("<=", alone, constant, key)


def _is_always(difference: Polynomial) -> bool:
    """Return whether a number is at least 0 because of the quotients and remainders in it, for all parameters."""
    terms: dict[Monomial, int] = {}
    for monomial, count in difference:
        only = monomial[0] if len(monomial) == 1 else None
        if (modulus := divisor_of(only, "%")) > 0:
            # number % modulus is from 0 to modulus - 1.
            terms[()] = terms.get((), 0) + min(0, count * (modulus - 1))
            continue
        by = divisor_of(only, "//")
        if not by or not isinstance(only, Quotient) or count % by:
            terms[monomial] = terms.get(monomial, 0) + count
            continue
        # divisor * (numerator // divisor) is from numerator - divisor + 1 to numerator.
        times = count // by
        for inner, number in (*only.numerator, ((), 1 - by if times > 0 else 0)):
            terms[inner] = terms.get(inner, 0) + times * number
    rest = terms.pop((), 0)
    return rest >= 0 and not any(terms.values())


def divisor_of(factor: object, symbol: str) -> int:
    """Return the constant by which a quotient (`//`) or remainder (`%`) divides; 0 if there is none."""
    if not isinstance(factor, Quotient) or factor.symbol != symbol or len(factor.denominator) != 1:
        return 0
    return dict(factor.denominator).get((), 0)


def _of_floats(symbol: str, left: Number, right: Number) -> Atom | bool:
    if not parameters_of((left, right)):
        return compared(symbol, left, right)
    if isinstance(left, TracedFloat) and isinstance(right, TracedFloat) and left.name == right.name:
        return symbol in ("==", "<=", ">=")
    return Atom(symbol, left, right, (symbol, number_key(left), number_key(right)))


def number_key(number: Number) -> object:
    """Return a key that is equal for equal numbers; traced numbers with equal values may be different numbers."""
    if isinstance(number, TracedInt):
        return number.trace
    return number.name if isinstance(number, TracedFloat) else (type(number).__name__, number)


def quotients(found: Atom, symbol: str, whole: object = None) -> list[Quotient]:
    """Return the quotients or remainders in a comparison; with `whole`, in its canonical form if it has one term."""
    traces = [number.trace for number in (found.left, found.right) if isinstance(number, TracedInt)]
    if isinstance(whole, tuple):
        traces = [whole] if len(whole) == 1 and len(whole[0][0]) == 1 else []
    return [
        factor
        for trace in traces
        for monomial, _ in trace
        for factor in monomial
        if isinstance(factor, Quotient) and factor.symbol == symbol
    ]


def divisors(number: Number) -> Iterator[Polynomial]:
    """Yield the divisors in a number that are not constant, inner ones first."""
    for monomial, _ in number.trace if isinstance(number, TracedInt) else ():
        for factor in monomial:
            if isinstance(factor, Quotient):
                yield from divisors(TracedInt.make(0, factor.numerator))
                yield from divisors(TracedInt.make(0, factor.denominator))
                if any(inner for inner, _ in factor.denominator):
                    yield factor.denominator
