"""The conditions of classes: guards of elaboration in a canonical form, so that equal ones are found and simplified."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import gcd
from typing import TypeAlias

from archdsl.base.guards import NEGATED, Guard, Number
from archdsl.base.pyexpr import Expr, Infix
from archdsl.base.source import Span
from archdsl.base.symbolic import Polynomial, Quotient, TracedFloat, TracedInt, evaluated, parameters_of, polynomial

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
        """Whether it says that a number equals a constant."""
        return self.symbol == "==" and (not parameters_of(self.left) or not parameters_of(self.right))

    @property
    def expr(self) -> Expr:
        """The comparison as Python."""
        return Infix(self.left, self.symbol, self.right)

    def negated(self) -> "Atom":
        """Return the opposite comparison."""
        found = atom(NEGATED[self.symbol], self.left, self.right)
        assert isinstance(found, Atom)
        return found


@dataclass(frozen=True, slots=True)
class Clause:
    """A disjunction of atoms; most have only one."""

    atoms: tuple[Atom, ...]
    span: Span | None

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
        return joined("or", [each.expr for each in self.atoms])

    def negated(self) -> list["Clause"]:
        """Return the clauses that hold together if and only if this one does not."""
        return [Clause((each.negated(),), self.span) for each in self.atoms]


def joined(symbol: str, parts: Iterable[Expr]) -> Expr:
    """Return expressions joined by `and` or `or`."""
    first, *rest = parts
    for part in rest:
        first = Infix(first, symbol, part)
    return first


def substituted(guard: Guard, values: Names) -> Guard:
    """Return a guard with values in place of the names that have one; the values may be traced."""
    pairs = tuple((_replaced(left, values), _replaced(right, values)) for left, right in guard.pairs)
    return guard._replace(pairs=pairs)


def _replaced(number: Number, values: Names) -> Number:
    names = parameters_of(number)
    if not names & values.keys():
        return number
    if isinstance(number, TracedFloat):
        return values[number.name]
    kept = {name: TracedInt.parameter(name, 1) for name in names - values.keys()}
    assert isinstance(number, int)
    return evaluated(number, {**kept, **{name: values[name] for name in names & values.keys()}})  # type: ignore[dict-item]


def clauses(guard: Guard, values: Names) -> Iterator[Clause]:
    """Yield the clauses that say together what a guard says; `values` are those of the names in it.

    Conditions on window formulas are simplified: of a formula with several parameters, PyTorch refuses at least what
    the simplified condition leaves out.
    """
    made = [_simplified(guard.symbol, left, right, values) for left, right in guard.pairs]
    if guard.symbol == "!=" and len(made) > 1:
        if True not in made:
            yield Clause(tuple({each.key: each for each in made if isinstance(each, Atom)}.values()), guard.span)
        return
    for each in made:
        if isinstance(each, Atom):
            yield Clause((each,), guard.span)


def _simplified(symbol: str, left: Number, right: Number, values: Names) -> Atom | bool:
    found = atom(symbol, left, right)
    if symbol not in ("==", "!=") or not isinstance(found, Atom) or not _has_window(found):
        return found
    for name in sorted(found.names):
        others = {each: values[each] for each in found.names - {name} if each in values}
        alone = atom(symbol, _replaced(left, others), _replaced(right, others))
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
    equal = [
        value
        for value in range(1, _MOST)
        if len({evaluated(side, {name: value}) for side in sides if isinstance(side, int)}) == 1
    ]
    return equal == [1]


def atom(symbol: str, left: Number, right: Number) -> Atom | bool:
    """Return a comparison in its canonical form, or its value if that is the same for all parameters."""
    if not isinstance(left, int) or not isinstance(right, int):
        return _of_floats(symbol, left, right)
    if symbol in ("<", ">"):
        return atom("<=", left + 1, right) if symbol == "<" else atom("<=", right + 1, left)
    if symbol == ">=":
        return atom("<=", right, left)
    difference = polynomial(right - left)
    if all(not monomial for monomial, _ in difference):
        rest = difference[0][1] if difference else 0
        return {"==": rest == 0, "!=": rest != 0, "<=": rest >= 0}[symbol]
    return _of_polynomial(symbol, difference, left, right)


def _of_polynomial(symbol: str, difference: Polynomial, left: int, right: int) -> Atom | bool:
    terms = dict(difference)
    rest = terms.pop((), 0)
    divisor = gcd(*terms.values())
    if rest % divisor and symbol != "<=":
        return symbol == "!="
    scaled = tuple((monomial, count // divisor) for monomial, count in terms.items())
    # Exact, or rounded down: a sum of multiples is at least -rest / divisor.
    constant = rest // divisor
    if symbol != "<=" and scaled[0][1] < 0:
        scaled, constant = tuple((monomial, -count) for monomial, count in scaled), -constant
    key = (symbol, scaled, constant)
    if len(scaled) > 1 or len(scaled[0][0]) > 1:
        return Atom(symbol, left, right, key)
    (monomial, count) = scaled[0]
    alone = TracedInt.make(1, ((monomial, 1),))
    if symbol == "<=" and count > 0:
        return Atom(">=", alone, -constant, key)
    return Atom(symbol, alone, constant if symbol == "<=" else -constant, key)


def _of_floats(symbol: str, left: Number, right: Number) -> Atom | bool:
    if not parameters_of((left, right)):
        return {"==": left == right, "!=": left != right, "<": left < right}.get(symbol, left <= right)
    if isinstance(left, TracedFloat) and isinstance(right, TracedFloat) and left.name == right.name:
        return symbol in ("==", "<=", ">=")
    return Atom(symbol, left, right, (symbol, _float_key(left), _float_key(right)))


def _float_key(number: Number) -> object:
    if isinstance(number, TracedInt):
        return number.trace
    return number.name if isinstance(number, TracedFloat) else (type(number).__name__, number)


def simplified(found: dict[Key, Clause]) -> dict[Key, Clause]:
    """Return clauses without those that follow from exact divisions among them: sizes are at least 1."""
    divisions = {
        (factor.numerator, factor.denominator)
        for clause in found.values()
        if len(clause.atoms) == 1 and clause.atoms[0].symbol == "=="
        for factor in _quotients(clause.atoms[0], "%")
        if clause.atoms[0].right == 0 and clause.atoms[0].left.trace == (((factor,), 1),)  # type: ignore[union-attr]
    }
    if not divisions:
        return found
    kept: dict[Key, Clause] = {}
    for key, clause in found.items():
        only = clause.atoms[0]
        quotients = [each for each in _quotients(only, "//") if (each.numerator, each.denominator) in divisions]
        if len(clause.atoms) == 1 and quotients:
            if only.symbol == ">=" and only.right <= 1:
                continue
            multiplied = _multiplied(only, quotients)
            if multiplied is True:
                continue
        kept[key] = clause
    return kept


def _quotients(found: Atom, symbol: str) -> list[Quotient]:
    return [
        factor
        for number in (found.left, found.right)
        if isinstance(number, TracedInt)
        for monomial, _ in number.trace
        for factor in monomial
        if isinstance(factor, Quotient) and factor.symbol == symbol
    ]


def _multiplied(found: Atom, exact: list[Quotient]) -> Atom | bool:
    """Return a comparison with `numerator` in place of `denominator * (numerator // denominator)`."""
    terms = dict(polynomial(found.right - found.left))  # type: ignore[operator]
    for quotient in exact:
        divisor = dict(quotient.denominator).get((), 0) if len(quotient.denominator) == 1 else 0
        if divisor and terms.get((quotient,), 0) % divisor == 0:
            times = terms.pop((quotient,), 0) // divisor
            for monomial, count in quotient.numerator:
                terms[monomial] = terms.get(monomial, 0) + times * count
    rest = terms.pop((), 0)
    if not any(terms.values()):
        return atom(found.symbol, 0, rest)
    return atom(found.symbol, -rest, TracedInt.make(0, tuple((m, count) for m, count in terms.items() if count)))
