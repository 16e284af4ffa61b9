"""`for` and `if`: which bodies unfold, and with which names."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.elaborate.values import HOLE
from archdsl.ops.argument_types import shown
from archdsl.syntax import ast

if TYPE_CHECKING:
    from archdsl.elaborate.steps import Steps


def bodies(steps: "Steps", statement: ast.For | ast.If) -> Iterator[tuple[ast.Statement, ...]]:
    """Yield the body of a `for` once for each round, or the branch of an `if` that is taken."""
    with steps.bounds.nested(statement.span):
        if isinstance(statement, ast.If):
            yield _branch(steps, statement)
            return
        for _ in rounds(steps, statement):
            yield statement.body


def rounds(steps: "Steps", statement: ast.For) -> Iterator[None]:
    """Give the names of a `for` their values, round by round."""
    items = steps.evaluator.structural(statement.items)
    if not isinstance(items, list | tuple):
        if items is not HOLE:
            _report_no_list(steps, statement.items.span, f"{shown(items)} is no list")
        steps.names.hole = True
        return
    names = [name.text for name in statement.names]
    outer = {name: steps.names.values[name] for name in names if name in steps.names.values}
    for item in items:
        parts = item if len(names) > 1 else (item,)
        if not isinstance(parts, list | tuple) or len(parts) != len(names):
            _report_no_list(steps, statement.items.span, f"{shown(item)} does not go to {len(names)} names")
            steps.names.hole = True
            break
        steps.names.values.update(zip(names, parts, strict=True))
        steps.bounds.count_idle(statement.span)
        yield
    for name in names:
        steps.names.values.pop(name, None)
    steps.names.values.update(outer)


def _report_no_list(steps: "Steps", span: Span, label: str) -> None:
    steps.problems.report(codes.NOT_A_LIST, span, label, help="write `for i in range(4)`, or name a list")


def _branch(steps: "Steps", statement: ast.If) -> tuple[ast.Statement, ...]:
    test = steps.evaluator.truth(statement.test)
    if isinstance(test, bool):
        return statement.body if test else statement.otherwise
    steps.names.hole = True
    return ()
