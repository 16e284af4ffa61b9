"""Tests in Python expressions."""

from archdsl.base.guards import NEGATED
from archdsl.base.pyexpr import Expr, Infix, Not

_OPPOSITE = {**NEGATED, "is": "is not", "is not": "is", "in": "not in", "not in": "in"}


def negated(expr: Expr) -> Expr:
    """Return the opposite of a test."""
    if isinstance(expr, Not):
        return expr.test
    if isinstance(expr, Infix) and expr.symbol in _OPPOSITE:
        return Infix(expr.left, _OPPOSITE[expr.symbol], expr.right)
    if isinstance(expr, Infix) and expr.symbol in ("and", "or"):
        return Infix(negated(expr.left), "or" if expr.symbol == "and" else "and", negated(expr.right))
    return Not(expr)
