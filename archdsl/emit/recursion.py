"""Bounds of the parameters that a class counts down while it constructs itself."""

from collections.abc import Iterator

from archdsl.base.pyexpr import Call, ClassRef, Expr, Infix, parts
from archdsl.base.symbolic import TracedInt, difference, parameters_of
from archdsl.emit.classes import Class
from archdsl.emit.conditions import Atom, Clause, atom


def ends(found: Class) -> Iterator[Clause]:
    """Yield the conditions without which a class would construct itself without end.

    They are `levels >= 1` for a class that has other steps at `levels == 1`, and constructs itself with `levels - 1`.
    """
    if found.merged is None:
        return
    own = {each.number for each in found.members}
    calls = [each for entry in found.merged.entries for each in _calls(entry.module, own)]
    for test in found.merged.open_tests if calls else ():
        if not isinstance(test, Infix) or test.symbol not in ("==", "!="):
            continue
        number, last = test.left, test.right
        if not isinstance(number, TracedInt) or not isinstance(last, int) or isinstance(last, TracedInt):
            continue
        names = parameters_of(number)
        if len(names) != 1:
            continue
        (name,) = names
        is_own = number.trace == (((name,), 1),)
        values = [each.parameters.values[name] for each in found.members]
        if is_own and all(_counts_down(each, name, number) for each in calls) and min(values) >= last:
            bound = atom(">=", number, last)
            if isinstance(bound, Atom):
                yield Clause((bound,))


def _calls(expr: Expr, own: set[int]) -> Iterator[Call]:
    """Yield the constructions of a class in an expression of it."""
    if isinstance(expr, Call) and isinstance(expr.function, ClassRef) and expr.function.number in own:
        yield expr
    for part in parts(expr):
        yield from _calls(part, own)


def _counts_down(call: Call, name: str, number: TracedInt) -> bool:
    """Return whether a construction gives a parameter a smaller number than its own."""
    value = dict(call.named).get(name)
    if not isinstance(value, int):
        return False
    less = difference(value, number)
    return len(less) == 1 and less[0][0] == () and less[0][1] < 0
