"""Bounds of the parameters that a class counts down while it constructs itself."""

from collections.abc import Iterator

from archdsl.base.pyexpr import Call, Infix
from archdsl.base.symbolic import TracedInt, difference, parameters_of
from archdsl.emit.class_draft import constructions
from archdsl.emit.classes import Class
from archdsl.emit.conditions import Atom, Clause, atom


def ends(found: Class) -> Iterator[Clause]:
    """Yield the conditions without which a class would construct itself without end.

    They are `levels >= 1` for a class that has other steps at `levels == 1`, and constructs itself with `levels - 1`.
    """
    if found.merged is None:
        return
    own = {each.number for each in found.members}
    made = (each for entry in found.merged.entries for each in constructions(entry.module))
    calls = [call for call, number in made if number in own]
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


def _counts_down(call: Call, name: str, number: TracedInt) -> bool:
    """Return whether a construction gives a parameter a smaller number than its own."""
    value = dict(call.named).get(name)
    if not isinstance(value, int):
        return False
    less = difference(value, number)
    return len(less) == 1 and less[0][0] == () and less[0][1] < 0
