"""Arithmetic on plain integers, such as the numbers of a loop: most expressions of many operations."""

import operator
from collections.abc import Callable

from archdsl.base.guards import recorder
from archdsl.elaborate.limits import MAX_NUMBER, Used
from archdsl.elaborate.scopes import Scope
from archdsl.syntax import ast

_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_DEEPEST = 8


def plain_integer(expr: ast.Expr, scope: Scope, used: Used) -> int | None:
    """Return the value of an expression; None if it is of another kind, or if there is a problem to report."""
    before = used.work
    found = _value(expr, scope, used, _DEEPEST)
    if found is None:
        used.work = before
    recorder.span = expr.span
    return found


def _value(expr: ast.Expr, scope: Scope, used: Used, depth: int) -> int | None:
    used.work += 1
    if isinstance(expr, ast.Binary):
        compute = _OPERATIONS.get(expr.symbol)
        if compute is None or not depth:
            return None
        left, right = _value(expr.left, scope, used, depth - 1), _value(expr.right, scope, used, depth - 1)
        if left is None or right is None or (right == 0 and expr.symbol in ("//", "%")):
            return None
        found = compute(left, right)
    elif isinstance(expr, ast.Name) and expr.text in scope.values:
        recorder.span = expr.span
        value = scope.read(expr.text)
        if type(value) is not int:
            return None
        found = value
    elif isinstance(expr, ast.Literal) and type(expr.value) is int:
        found = expr.value
    else:
        return None
    return found if -MAX_NUMBER <= found <= MAX_NUMBER else None
