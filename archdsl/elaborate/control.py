"""`for` and `if`: the bodies that unfold, and their scopes."""

from collections.abc import Callable, Iterator
from typing import TypeAlias

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.decisions import tested, within
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.values import ERROR, Value, is_whole
from archdsl.elaborate.walk import Made, Unfolded, Walk, stopped
from archdsl.ir.origin import Test
from archdsl.ops.argument_types import shown
from archdsl.syntax import ast

Body: TypeAlias = tuple[ast.Statement, ...]
Unfold: TypeAlias = Callable[[Body, Scope, Cursor], Unfolded]


def bodies(
    walk: Walk, statement: ast.For | ast.If, scope: Scope, cursor: Cursor
) -> Iterator[tuple[Scope, Body]] | None:
    """Return the body of a `for` for each round, or the branch of an `if`, each with its scope.

    None after reporting a problem. The bodies have to be unfolded while the iterator is consumed.
    """
    if isinstance(statement, ast.If):
        test = tested(walk, statement.test, scope, cursor)
        if test is ERROR:
            return None
        taken = statement.body if test.value else statement.otherwise
        return _counted(walk, statement.span, iter(((scope, taken),)), test)
    rounds = bindings(walk, statement, scope, cursor)
    if rounds is None:
        return None
    return _counted(walk, statement.span, ((scope.with_values(each), statement.body) for each in rounds))


def unfolded(walk: Walk, statement: ast.For | ast.If, scope: Scope, cursor: Cursor, unfold: Unfold) -> Unfolded:
    """Unfold the bodies of a `for` or `if` one after another with `unfold`, which gets the statements of a body."""
    found = bodies(walk, statement, scope, cursor)
    if found is None:
        return stopped(cursor)
    made: Made = []
    for inner, taken in found:
        more, cursor = unfold(taken, inner, cursor)
        made += more
    return Unfolded(made, cursor)


def _counted(
    walk: Walk, span: Span, found: Iterator[tuple[Scope, Body]], test: Test | None = None
) -> Iterator[tuple[Scope, Body]]:
    with walk.budget.nested(span):
        for number, each in enumerate(found):
            if test is None:
                walk.budget.count_idle(span)
                walk.budget.count_work(span, len(each[0].values) // 8)
            with within(walk, span, round=number, test=test, is_branch=test is not None):
                yield each


def bindings(walk: Walk, statement: ast.For, scope: Scope, cursor: Cursor) -> list[dict[str, Value]] | None:
    """Return the values of the names of a `for` for each round, or None after reporting a problem."""
    # The number of items decides about the structure, not the numbers among them.
    items = walk.evaluator.value(statement.items, scope, cursor)
    if items is ERROR:
        return None
    if not isinstance(items, list | tuple):
        count = items if is_whole(items) and items > 0 else 4
        _report_no_list(walk, statement.items.span, f"{shown(items)} is not a list", count)
        return None
    names = [name.text for name in statement.names]
    found: list[dict[str, Value]] = []
    for item in items:
        parts = item if len(names) > 1 else (item,)
        if not isinstance(parts, list | tuple) or len(parts) != len(names):
            label = f"{shown(item)} cannot be assigned to {len(names)} names"
            _report_no_list(walk, statement.items.span, label)
            return None
        found.append(dict(zip(names, parts, strict=True)))
    return found


def _report_no_list(walk: Walk, span: Span, label: str, count: int = 4) -> None:
    walk.problems.report(codes.NOT_A_LIST, span, label, help=f"write `for i in range({count})`, or name a list")


def branch(walk: Walk, statement: ast.If, scope: Scope, cursor: Cursor) -> Body | None:
    """Return the branch of an `if` that its test selects, or None after reporting a problem."""
    test = walk.evaluator.truth(statement.test, scope, cursor)
    if test is ERROR:
        return None
    return statement.body if test else statement.otherwise
