"""Conditions of a class that follow from others of them, and so need no check."""

from collections.abc import Iterator

from archdsl.base.symbolic import Polynomial, Quotient, TracedInt, difference, replaced
from archdsl.emit.conditions import Atom, Clause, Key, atom, divisor_of, quotients


def simplified(found: dict[Key, Clause]) -> dict[Key, Clause]:
    """Return clauses that say the same, without those that follow from the others; sizes are at least 1."""
    return _without_bounds(_without_quotients(_without_equals(found)))


def _without_equals(found: dict[Key, Clause]) -> dict[Key, Clause]:
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
            atom(each.symbol, *(replaced(side, values) for side in (each.left, each.right))) for each in clause.atoms
        ]
        rest = Clause(tuple(each for each in atoms if isinstance(each, Atom)), clause.source)
        if True not in atoms and rest.atoms:
            kept.setdefault(rest.key, rest)
    return kept


def _without_bounds(found: dict[Key, Clause]) -> dict[Key, Clause]:
    """Merge lower bounds of the same number, also with the bound itself if that is excluded."""
    bounds: dict[Key, tuple[int, Key]] = {}
    excluded: dict[tuple[Key, int], Key] = {}
    for key, clause in found.items():
        only = clause.atoms[0]
        if len(clause.atoms) > 1 or not isinstance(only.left, TracedInt) or not isinstance(only.right, int):
            continue
        if isinstance(only.right, TracedInt):
            continue
        if only.symbol == ">=" and (only.left.trace not in bounds or bounds[only.left.trace][0] < only.right):
            bounds[only.left.trace] = only.right, key
        elif only.symbol == "!=":
            excluded[only.left.trace, only.right] = key
    kept = dict(found)
    for trace, (bound, key) in bounds.items():
        clause = found[key]
        for other, each in found.items():
            only = each.atoms[0]
            weaker = only.symbol == ">=" and isinstance(only.left, TracedInt) and only.left.trace == trace
            weaker = weaker and not isinstance(only.right, TracedInt)
            if len(each.atoms) == 1 and weaker and other != key:
                kept.pop(other, None)
        while (trace, bound) in excluded:
            kept.pop(excluded[trace, bound], None)
            bound += 1
        made = atom(">=", clause.atoms[0].left, bound)
        if isinstance(made, Atom):
            replaced = Clause((made,), clause.source)
            kept = {
                replaced.key if other == key else other: replaced if other == key else each
                for other, each in kept.items()
            }
    return kept


def _without_quotients(found: dict[Key, Clause]) -> dict[Key, Clause]:
    """Leave out clauses that follow from exact divisions among them."""
    divisions = {found for clause in found.values() for found in _exact_division(clause)}
    if not divisions:
        return found
    kept: dict[Key, Clause] = {}
    for key, clause in found.items():
        only = clause.atoms[0]
        exact = [each for each in quotients(only, "//") if (each.numerator, each.denominator) in divisions]
        if len(clause.atoms) == 1 and exact:
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
        by = divisor_of(quotient, "//")
        if by and terms.get((quotient,), 0) % by == 0:
            times = terms.pop((quotient,), 0) // by
            for monomial, count in quotient.numerator:
                terms[monomial] = terms.get(monomial, 0) + times * count
    rest = terms.pop((), 0)
    if not any(terms.values()):
        return atom(found.symbol, 0, rest)
    return atom(found.symbol, -rest, TracedInt.make(0, tuple((m, count) for m, count in terms.items() if count)))
