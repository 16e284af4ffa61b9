"""Conditions of a class that follow from others of them, and so need no check."""

from collections import Counter
from collections.abc import Iterator

from archdsl.base.substitution import NO_NUMBERS, replaced
from archdsl.base.symbolic import TracedInt, difference
from archdsl.base.traces import Polynomial, Quotient
from archdsl.emit.conditions import Atom, Clause, Key, Names, atom, quotients


def simplified(found: dict[Key, Clause], known: Names = NO_NUMBERS) -> dict[Key, Clause]:
    """Return clauses that say the same, without those that follow from the others; sizes are at least 1.

    `known` are values of the parameters for which the clauses hold.
    """
    return _without_bounds(_without_quotients(_without_equals(found, known)))


def _without_equals(found: dict[Key, Clause], known: Names) -> dict[Key, Clause]:
    """Replace the parameters that equal a constant in the other clauses."""
    values: dict[str, int | float] = {}
    kept: dict[Key, Clause] = {}
    for key, clause in found.items():
        only = clause.atoms[0]
        if len(clause.atoms) == 1 and only.is_fixing and isinstance(only.left, TracedInt) and len(only.names) == 1:
            (name,) = only.names
            if only.left.trace == (((name,), 1),) and name not in values:
                values[name] = only.right
                kept[key] = clause
    if not values:
        return found
    for key, clause in found.items():
        if key in kept:
            continue
        if not clause.names & values.keys():
            kept[key] = clause
            continue
        atoms = [
            atom(each.symbol, *(replaced(side, values, known) for side in (each.left, each.right)))
            for each in clause.atoms
        ]
        rest = Clause(tuple(each for each in atoms if isinstance(each, Atom)), clause.source)
        if True not in atoms and rest.atoms:
            kept.setdefault(rest.key, rest)
    return kept


def _without_bounds(found: dict[Key, Clause]) -> dict[Key, Clause]:
    """Merge lower bounds of the same number, also with the bound itself if that is excluded."""
    about = {key: bound for key, clause in found.items() if (bound := _bound(clause)) is not None}
    bounds: dict[Polynomial, int] = {}
    for symbol, trace, right in about.values():
        if symbol == ">=":
            bounds[trace] = max(right, bounds.get(trace, right))
    excluded = {(trace, right) for symbol, trace, right in about.values() if symbol == "!="}
    raised = {trace: _raised(trace, bound, excluded) for trace, bound in bounds.items()}
    kept: dict[Key, Clause] = {}
    for key, clause in found.items():
        symbol, trace, right = about.get(key, ("", (), 0))
        if symbol == ">=" and right == bounds[trace] < raised[trace]:
            made = atom(">=", clause.atoms[0].left, raised[trace])
            clause = Clause((made,), clause.source) if isinstance(made, Atom) else clause
            kept[clause.key] = clause
        elif trace not in bounds or right >= (bounds if symbol == ">=" else raised)[trace]:
            kept[key] = clause
    return kept


def _bound(clause: Clause) -> tuple[str, Polynomial, int] | None:
    """Return the symbol, the trace and the constant of a clause that bounds a number from below, or excludes one."""
    only = clause.atoms[0]
    if len(clause.atoms) > 1 or not isinstance(only.left, TracedInt) or only.symbol not in (">=", "!="):
        return None
    if not isinstance(only.right, int) or isinstance(only.right, TracedInt):
        return None
    return only.symbol, only.left.trace, only.right


def _raised(trace: Polynomial, bound: int, excluded: set[tuple[Polynomial, int]]) -> int:
    """Return the first number from a bound on that is not excluded."""
    while (trace, bound) in excluded:
        bound += 1
    return bound


def _without_quotients(found: dict[Key, Clause]) -> dict[Key, Clause]:
    """Leave out clauses that follow from exact divisions among them."""
    divisions = {found for clause in found.values() for found in _exact_division(clause)}
    if not divisions:
        return found
    kept: dict[Key, Clause] = {}
    for key, clause in found.items():
        only = clause.atoms[0]
        exact = [each for each in quotients(only, "//") if (each.numerator, each.denominator) in divisions]
        if len(clause.atoms) == 1 and exact and isinstance(only.left, int) and isinstance(only.right, int):
            if _is_positive(only, exact):
                continue
            if _multiplied(only, exact) is True:
                continue
        kept[key] = clause
    return kept


def _is_positive(found: Atom, exact: list[Quotient]) -> bool:
    """Return whether a comparison demands that an exact quotient of positive numbers is at least 1."""
    if found.symbol != ">=" or isinstance(found.right, TracedInt) or found.right > 1:
        return False
    if not isinstance(found.left, TracedInt) or found.left.trace != (((exact[0],), 1),):
        return False
    numerator = exact[0].numerator
    return len(numerator) == 1 and numerator[0][1] > 0 and all(isinstance(each, str) for each in numerator[0][0])


def _exact_division(clause: Clause) -> Iterator[tuple[Polynomial, Polynomial]]:
    """Yield numerator and denominator of the division without remainder that a clause demands, if it is one."""
    symbol, *numbers = clause.atoms[0].key
    if len(clause.atoms) > 1 or symbol != "==" or numbers[-1] != 0:
        return
    for factor in quotients(clause.atoms[0], "%", numbers[0]):
        yield factor.numerator, factor.denominator


def _multiplied(found: Atom, exact: list[Quotient]) -> Atom | bool:
    """Return a comparison with `numerator` in place of `denominator * (numerator // denominator)`."""
    assert isinstance(found.left, int)
    assert isinstance(found.right, int)
    terms = dict(difference(found.right, found.left))
    for quotient in exact:
        if len(quotient.denominator) != 1:
            continue
        ((factors, by),) = quotient.denominator
        for product in [each for each in terms if quotient in each]:
            others = [*product]
            others.remove(quotient)
            if Counter(others) != Counter(factors) or terms[product] % by:
                continue
            times = terms.pop(product) // by
            for monomial, count in quotient.numerator:
                terms[monomial] = terms.get(monomial, 0) + times * count
    rest = terms.pop((), 0)
    if not any(terms.values()):
        return atom(found.symbol, 0, rest)
    return atom(found.symbol, -rest, TracedInt.make(0, tuple((m, count) for m, count in terms.items() if count)))
