"""The numbers in the code of a class, each with the test under which the code computes it."""

from collections.abc import Iterator

from archdsl.base.guards import Number
from archdsl.base.pyexpr import Conditional, Expr, Infix, OnlyIf, parts, structure
from archdsl.base.pylogic import negated
from archdsl.base.symbolic import is_traced
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import names_in


def numbers_by_test(draft: ClassDraft) -> list[tuple[Expr, list[Number]]]:
    """Return the traced numbers of a class by their tests; those that it always computes are first, with None."""
    found: dict[object, tuple[Expr, list[Number]]] = {structure(None): (None, [])}
    for test, expr in _code(draft):
        # Most expressions have no numbers, which each keeps.
        for inner, number in _numbers(expr, test) if names_in(expr) else ():
            found.setdefault(structure(inner), (inner, []))[1].append(number)
    return [*found.values()]


def _code(draft: ClassDraft) -> Iterator[tuple[Expr, Expr]]:
    """Yield the expressions of a class, each behind its test."""
    for entry in draft.entries:
        yield entry.test, entry.module
    for step in draft.steps:
        test: Expr = None
        for flag, is_on in step.tests:
            # A flag without a test is an attribute whose value no argument says.
            own = draft.flags.get(flag)
            test = _both(test, own if is_on or own is None else negated(own))
        yield test, step.expr


def _numbers(expr: Expr, test: Expr) -> Iterator[tuple[Expr, Number]]:
    """Yield the traced numbers in an expression, each behind its test."""
    if is_traced(expr):
        yield test, expr
    elif isinstance(expr, OnlyIf):
        yield from _numbers(expr.test, test)
        yield from _numbers(expr.item, _both(test, expr.test))
    elif isinstance(expr, Conditional):
        yield from _numbers(expr.test, test)
        yield from _numbers(expr.value, _both(test, expr.test))
        yield from _numbers(expr.otherwise, _both(test, negated(expr.test)))
    else:
        for part in parts(expr):
            yield from _numbers(part, test)


def _both(outer: Expr, inner: Expr) -> Expr:
    if outer is None or inner is None:
        return inner if outer is None else outer
    return outer if structure(outer) == structure(inner) else Infix(outer, "and", inner)
