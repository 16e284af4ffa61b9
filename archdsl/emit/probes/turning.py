"""Values of the names in a test under which it has another truth value."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from math import floor, isfinite

from archdsl.base.pyexpr import Expr, Infix, Not, Ref
from archdsl.base.pynumbers import names_of
from archdsl.base.records import record
from archdsl.emit.merge.samples import holds_in, value_in
from archdsl.ir.uses import Plain

# Values that are tried for a name in a comparison.
_TRIED = 6
Changes = dict[str, Plain]


@record(frozen=True, slots=True)
class Turning:
    """Finds values for names of a block.

    Attributes:
        names: The names that can change, those to try first at the front.
        known: Values that uses have for each name.
    """

    names: Sequence[str]
    known: Mapping[str, Sequence[Plain]] = field(default_factory=dict)

    def of(self, test: Expr, wanted: bool, values: Mapping[str, object]) -> Iterator[Changes]:  # noqa: FBT001
        """Yield changes of values after which a test should have a truth value; callers check whether it has."""
        match test:
            case Not():
                yield from self.of(test.test, not wanted, values)
            case Infix(symbol="and" | "or") if wanted == (test.symbol == "and"):
                for first in self.of(test.left, wanted, values):
                    for second in self.of(test.right, wanted, {**values, **first}):
                        yield {**first, **second}
            case Infix(symbol="and" | "or"):
                yield from self.of(test.left, wanted, values)
                yield from self.of(test.right, wanted, values)
            case _ if holds_in(test, values) == wanted:
                yield {}
            case Ref() if test.name in self.names and isinstance(values.get(test.name), bool):
                yield {test.name: wanted}
            case Infix():
                yield from self._compared(test, wanted, values)
            case _:
                return

    def _compared(self, test: Infix, wanted: bool, values: Mapping[str, object]) -> Iterator[Changes]:  # noqa: FBT001
        """Yield changes of one name each after which a comparison has a truth value."""
        mentioned = names_of(test)
        for name in self.names:
            if name not in mentioned:
                continue
            now = values.get(name)
            candidates = _texts(test) if isinstance(now, str) else _numbers(test, name, values)
            tried = dict.fromkeys((*self.known.get(name, ()), *candidates))
            fitting = (each for each in tried if type(each) is type(now) and each != now)
            for number, value in enumerate(fitting):
                if number == _TRIED:
                    break
                if holds_in(test, {**values, name: value}) == wanted:
                    yield {name: value}


def _texts(test: Infix) -> Iterator[str]:
    """Yield the strings that a comparison mentions."""
    return (side for side in (test.left, test.right) if isinstance(side, str))


def _numbers(test: Infix, name: str, values: Mapping[str, object]) -> Iterable[Plain]:
    """Return values for a name around the one for which the sides of a comparison are equal."""
    now = values.get(name)
    if isinstance(now, bool) or not isinstance(now, int | float):
        return ()
    try:
        here, there = (_difference(test, {**values, name: value}) for value in (now, now + 1))
    except (KeyError, TypeError, ArithmeticError, ValueError):
        return ()
    if here == there:
        return ()
    equal = now - here / (there - here)
    if not isfinite(equal) or abs(equal) > 2**53:
        return ()
    found: list[int | float] = [equal, 2 * equal, equal + 1, equal - 1]
    if isinstance(now, int):
        found = [floor(each) for each in (equal, 2 * equal, equal + 1, equal - 1)]
    # Sizes and counts are not negative.
    return [each for each in found if each >= 0]


def _difference(test: Infix, values: Mapping[str, object]) -> float:
    left, right = (value_in(side, values) for side in (test.left, test.right))
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        raise TypeError(test)
    return float(left - right)
