"""The uses of a block as samples of its class: the values of its names, and the tests that each use evaluated."""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from archdsl.base.guards import Guard
from archdsl.base.pyexpr import Conditional, Expr, Infix, Not, Ref, mapped
from archdsl.base.substitution import evaluated
from archdsl.base.symbolic import TracedFloat, TracedInt
from archdsl.emit.class_draft import ClassDraft
from archdsl.emit.class_parameters import own
from archdsl.emit.conditions import clauses, joined
from archdsl.ir.origin import Origin, Test

# A place of the source, seen from the container of a step: the statements around it, with their rounds.
Place: TypeAlias = tuple[tuple[str, int, int], ...]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "is": operator.is_, "is not": operator.is_not,
    "in": lambda value, values: value in values, "not in": lambda value, values: value not in values,
}  # fmt: skip


class Unmergeable(Exception):
    """The uses of a block do not become one class; the text says why."""


def place_of(origin: Origin | None, end: Origin | None) -> Place:
    """Return the place of a step within the container with the origin `end`.

    The branches of an `if` do not count, so that both sides of one that call the same macro meet. Nor do the statements
    in an operator or macro that the block was given.
    """
    found: list[tuple[str, int, int]] = []
    for link in origin.up_to(end) if origin else ():
        if link.argument:
            found.clear()
        if not link.is_branch:
            found.append((link.span.source.name, link.span.start, link.round))
    return tuple(found)


@dataclass(frozen=True)
class Sample:
    """A use of a block.

    Attributes:
        draft: Its draft.
        form: The number of its form: uses of a form have the same steps.
    """

    draft: ClassDraft
    form: int

    @cached_property
    def values(self) -> Mapping[str, object]:
        """The values of the names in the block."""
        choices = {each.name: each.value for each in self.draft.choices}
        return {**self.draft.parameters.values, **choices}

    @cached_property
    def tests(self) -> Mapping[Place, Test]:
        """The tests that it evaluated, by place. A test that a loop evaluates at one place again is not among them."""
        use, end = self.draft.container.use, self.draft.container.origin
        assert use
        return {site_of(each.around, each.test, end): each.test for each in use.tests}

    def sized(self, expr: Expr) -> Expr:
        """Return a test whether a tensor of the block is `none` as a test of its size, anything else as it is."""
        if not (isinstance(expr, Infix) and isinstance(expr.left, Ref) and expr.right is None):
            return expr
        size = self.draft.present.get(expr.left.name, "")
        number = own(size, self.draft.parameters.values[size]) if size else None
        return expr if number is None else Infix(number, ">" if expr.symbol == "is not" else "==", 0)

    def value(self, expr: Expr) -> object:
        """Return the value of an expression in this use.

        Raises:
            KeyError: The use has no value for a name in it.
            TypeError: Its values cannot be computed with.
        """
        return value_in(expr, self.values)

    def has(self, expr: Expr, value: object) -> bool:
        """Return whether an expression has a value in this use."""
        try:
            return self.value(expr) == value
        except (KeyError, TypeError, ZeroDivisionError):
            return False

    def holds(self, expr: Expr) -> bool:
        """Return whether a test holds in this use."""
        return self.has(expr, value=True)


def value_in(expr: Expr, values: Mapping[str, Any]) -> object:
    """Return the value of an expression for values of its names.

    Raises:
        KeyError: A name has no value.
        TypeError: The values cannot be computed with.
    """
    match expr:
        case TracedInt() | TracedFloat():
            return evaluated(expr, values)
        case Ref():
            return values[expr.name]
        case Not():
            return not value_in(expr.test, values)
        case Conditional():
            return value_in(expr.value if value_in(expr.test, values) else expr.otherwise, values)
        case Infix(symbol="and"):
            return bool(value_in(expr.left, values)) and bool(value_in(expr.right, values))
        case Infix(symbol="or"):
            return bool(value_in(expr.left, values)) or bool(value_in(expr.right, values))
        case Infix():
            return _COMPARE[expr.symbol](value_in(expr.left, values), value_in(expr.right, values))
        case None | bool() | int() | float() | str() | tuple():
            return expr
        case _:
            raise TypeError(expr)


def holds_in(expr: Expr, values: Mapping[str, object]) -> bool:
    """Return whether a test holds for values of its names."""
    try:
        return value_in(expr, values) is True
    except (KeyError, TypeError, ArithmeticError, ValueError):
        return False


def site_of(around: Origin | None, test: Test, end: Origin | None) -> Place:
    """Return the place of a test within a container."""
    return (*place_of(around, end), (test.span.source.name, test.span.start, -test.span.end))


def written(test: Test, sample: Sample) -> Expr:
    """Return a test of a use as Python over the names of the block, None if these cannot say it.

    That of a projection comes from its guard: the sizes that differ. That of a tensor is its size: it is 0 where the
    tensor is none.
    """
    found = test.written()
    if found is not None:
        return mapped(found, sample.sized) if sample.draft.present else found
    if len(test.guards) != 1:
        return None
    numbers = {name: value for name, value in sample.values.items() if isinstance(value, int | float)}
    return _differing(test.guards[0]._replace(symbol="!="), numbers)


def _differing(guard: Guard, values: Mapping[str, int | float]) -> Expr:
    found = [each.expr for each in clauses(guard, values)]
    return joined("and", found) if found else None


def forms_of(samples: Iterable[Sample]) -> dict[int, list[Sample]]:
    """Return the samples by their form."""
    found: dict[int, list[Sample]] = {}
    for each in samples:
        found.setdefault(each.form, []).append(each)
    return found


def is_split(draft: ClassDraft) -> bool:
    """Return whether a submodule is on several devices, or its steps are run by its parent."""
    return draft.is_placed or draft.container.inline or draft.takes_group or bool(draft.anchors)


def varying(samples: Iterable[Sample]) -> frozenset[str]:
    """Return the parameters without a trace whose values differ between uses."""
    texts: dict[str, set[str]] = {}
    for sample in samples:
        for each in sample.draft.choices:
            texts.setdefault(each.name, set()).add(each.text)
    return frozenset(name for name, found in texts.items() if len(found) > 1)
