"""The order of a class's checks: a number that divides is checked before anything divides by it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from archdsl.base.guards import Guard, Number
from archdsl.base.substitution import replaced
from archdsl.base.symbolic import TracedInt, number_of, polynomial
from archdsl.base.traces import Factor, Monomial, Polynomial
from archdsl.emit.conditions import Atom, Clause, Key, atom, clauses, divisors

# A sum of terms and a constant: the left side of `sum >= 0`, `sum == 0` or `sum != 0`.
_Sum: TypeAlias = tuple[Polynomial, int]


@dataclass(slots=True)
class Ordered:
    """The checks of a class in the order in which its constructor makes them.

    Attributes:
        conditions: The conditions of the class, also those that its submodules check. Inequalities that follow from
            others, such as `n != 0` from `n >= 1`, are left out.
        closed: The values of the numbers that the class does not take.
        values: The values of all its numbers in one use.
        checks: The checks so far.
        about: The conditions on each sum, without those whose divisors are being checked.
    """

    conditions: list[Clause]
    closed: Mapping[str, Number]
    values: Mapping[str, Number]
    checks: dict[Key, Clause] = field(default_factory=dict)
    about: dict[Polynomial, dict[Key, Clause]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for clause in self.conditions:
            self._about(clause)[clause.key] = clause
        self.conditions = [each for each in self.conditions if not self._follows(each)]

    def _about(self, clause: Clause) -> dict[Key, Clause]:
        """Return the conditions on the sum that the first comparison of a condition is about."""
        found = _sum(clause.atoms[0])
        return self.about.setdefault(_positive(found[0]) if found else (), {})

    def _follows(self, clause: Clause) -> bool:
        """Return whether a condition is an inequality that others imply; it is forgotten if so."""
        (first, *others) = clause.atoms
        if others or first.key[0] != "!=":
            return False
        about = self._about(clause)
        del about[clause.key]
        if self._implying(first) is not None:
            return True
        about[clause.key] = clause
        return False

    def add(self, clause: Clause) -> None:
        """Add a check, after checks that it does not divide by 0."""
        if clause.key not in self.checks:
            about = self._about(clause)
            about.pop(clause.key, None)
            self.divide(number for only in clause.atoms for number in (only.left, only.right))
            about[clause.key] = self.checks[clause.key] = clause

    def implies(self, clause: Clause) -> bool:
        """Return whether the conditions imply one."""
        own = {each.key for each in self.conditions}
        return clause.key in own or any(only.key[0] == "!=" and self._implying(only) for only in clause.atoms)

    def divide(self, numbers: Iterable[Number]) -> None:
        """Add checks that no divisor in the numbers is 0, unless the checks so far exclude it."""
        for divisor in dict.fromkeys(each for number in numbers for each in divisors(number)):
            for clause in self._excluding(replaced(number_of(divisor), self.closed, self.values)):
                self.add(clause)

    def _excluding(self, size: Number) -> Iterator[Clause]:
        """Yield conditions of the class that exclude together that a number is 0, or new ones that do."""
        if not isinstance(size, int):
            yield from clauses(Guard("!=", ((size, 0),), None), self.values)
            return
        found, trace = atom("!=", size, 0), polynomial(size)
        if not isinstance(found, Atom):
            return
        implying = self._implying(found)
        if implying is not None:
            yield from implying
        elif len(trace) == 1 and len(trace[0][0]) > 1:
            for factor in dict.fromkeys(trace[0][0]):
                yield from self._excluding(_alone(factor))
        else:
            yield from clauses(Guard("!=", ((size, 0),), None), self.values)

    def _implying(self, found: Atom) -> list[Clause] | None:
        """Return conditions of the class that imply an inequality of integers, None if there are none."""
        meant = _sum(found)
        if meant is None:
            return None
        for clause in self.about.get(meant[0], {}).values():
            if all(_excludes(only, meant) for only in clause.atoms):
                return [clause]
        (*terms, last), rest = meant
        if terms or rest:
            return self._bounding((*terms, last, ((), rest)))
        factors = [atom("!=", _alone(each), 0) for each in dict.fromkeys(last[0])] if len(last[0]) > 1 else [None]
        implying = [self._implying(each) if isinstance(each, Atom) else None for each in factors]
        known = [each for each in implying if each is not None]
        return [clause for each in known for clause in each] if len(known) == len(implying) else None

    def _bounding(self, trace: Polynomial) -> list[Clause] | None:
        """Return the lower bounds of its factors by which a sum is at least 1, None if they do not show that."""
        used: list[Clause] = []
        least = 0
        for monomial, count in trace:
            term = self._least(monomial, used) if count > 0 or not monomial else None
            if term is None:
                return None
            least += count * term
        return used if least >= 1 else None

    def _least(self, monomial: Monomial, used: list[Clause]) -> int | None:
        """Return a lower bound of a product, and add the conditions that give it."""
        least = 1
        for factor in monomial:
            known = max(self._bounds(factor), key=lambda each: each[0], default=None)
            if known is None or known[0] < 0:
                return None
            least *= known[0]
            used.append(known[1])
        return least

    def _bounds(self, factor: Factor) -> Iterator[tuple[int, Clause]]:
        """Yield the lower bounds of a factor, with the conditions that state them."""
        alone = (((factor,), 1),)
        for clause in self.about.get(alone, {}).values():
            sums = [_sum(only) if only.key[0] in (">=", "==") else None for only in clause.atoms]
            bounds = [-each[1] for each in sums if each is not None and each[0] == alone]
            if len(bounds) == len(sums):
                yield min(bounds), clause


def _alone(factor: Factor) -> int:
    return TracedInt.make(1, (((factor,), 1),))


def _sum(found: Atom) -> _Sum | None:
    """Return the sum that a comparison of integers holds against 0, as its key has it."""
    _, terms, constant = found.key
    return (terms, constant) if isinstance(terms, tuple) and isinstance(constant, int) else None


def _positive(terms: Polynomial) -> Polynomial:
    """Return a sum, or its opposite if the first number in it is negative."""
    return tuple((monomial, -count) for monomial, count in terms) if terms[0][1] < 0 else terms


def _excludes(found: Atom, meant: _Sum) -> bool:
    """Return whether a comparison implies that a sum is not 0."""
    given, (terms, constant) = _sum(found), meant
    if given is None or _positive(given[0]) != terms:
        return False
    if found.key[0] == ">=":
        return given[1] < (constant if given[0] == terms else -constant)
    return (given[1] == constant) == (found.key[0] == "!=")
