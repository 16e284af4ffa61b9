"""The tests that decide which steps exist: their values, and what they say in terms of the block around them."""

from collections.abc import Callable
from functools import partial

from archdsl.base.guards import Guard, recorder, recording
from archdsl.base.pyexpr import Expr, Infix, Not, Ref
from archdsl.base.source import Span
from archdsl.diag.model import Problems
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import ERROR, ErrorValue, is_number
from archdsl.elaborate.walk import Walk
from archdsl.ir.origin import Origin, Test, Tested
from archdsl.syntax import ast


class _NotSayable(Exception):
    """The parameters of the block cannot say the test."""


def tested(walk: Walk, expr: ast.Expr, scope: Scope, cursor: Cursor) -> Test | ErrorValue:
    """Evaluate a test that decides about steps, and enter it in the log of the block; ERROR after a problem."""
    before = len(recorder.log or ())
    value = walk.evaluator.truth(expr, scope, cursor)
    if value is ERROR:
        return ERROR
    return decided(walk, expr, scope, cursor, tuple((recorder.log or ())[before:]), value)


def decided(
    walk: Walk,
    expr: ast.Expr,
    scope: Scope,
    cursor: Cursor,
    guards: tuple[Guard, ...],
    value: bool,  # noqa: FBT001
) -> Test:
    """Enter a test that was evaluated in the log of the block, and return it."""
    # Not the scope itself: it leads to the log, and so to this test. Labels are no names of the block.
    values = Scope(scope.values, scope.definitions, parameters=scope.parameters, aliases=scope.aliases)
    return entered(walk, expr.span, scope, partial(_written, walk.evaluator, expr, values, cursor), guards, value=value)


def entered(
    walk: Walk, span: Span, scope: Scope, written: Callable[[], Expr], guards: tuple[Guard, ...], *, value: bool
) -> Test:
    """Enter a test in the log of the block, and return it."""
    found = Test(span, value, guards, written)
    scope.usage.tests.append(Tested(walk.origin, found))
    return found


class within:
    """Unfolds steps of a statement within the context: they have it in their origins."""

    # A class, because a generator takes several times as long, and each step enters this.
    __slots__ = ("_origin", "_walk")

    def __init__(
        self, walk: Walk, span: Span, *, round: int = 0, test: Test | None = None, argument: str = "",
        is_branch: bool = False,
    ) -> None:  # fmt: skip
        self._walk = walk
        self._origin = Origin(walk.origin, span, round, test, argument, is_branch)

    def __enter__(self) -> None:
        self._walk.origin = self._origin

    def __exit__(self, *_: object) -> None:
        self._walk.origin = self._origin.outer


def _written(evaluator: Evaluator, expr: ast.Expr, scope: Scope, cursor: Cursor) -> Expr:
    """Return a test as Python over the names of the block, None if these cannot say it."""
    try:
        with recording(None):
            return _Writer(Evaluator(Problems(), evaluator.limits), scope, cursor).test(expr)
    except _NotSayable:
        return None


class _Writer:
    """Writes tests in a scope, with the stream at a cursor."""

    def __init__(self, evaluator: Evaluator, scope: Scope, cursor: Cursor) -> None:
        self.evaluator = evaluator
        self.scope = scope
        self.cursor = cursor

    def test(self, expr: ast.Expr) -> Expr:
        match expr:
            case ast.Comparison():
                pairs = zip((expr.first, *(each for _, each in expr.rest)), expr.rest, strict=False)
                first, *others = [self._compared(left, symbol, right) for left, (symbol, right) in pairs]
                for other in others:
                    first = Infix(first, "and", other)
                return first
            case ast.Binary() if expr.symbol in ("and", "or"):
                return Infix(self.test(expr.left), expr.symbol, self.test(expr.right))
            case ast.Unary() if expr.symbol == "not":
                return Not(self.test(expr.operand))
            case _:
                value = self._operand(expr)
                if isinstance(value, bool | Ref):
                    return value
                raise _NotSayable

    def _compared(self, left: ast.Expr, symbol: str, right: ast.Expr) -> Expr:
        one, other = self._operand(left), self._operand(right)
        if one is not None and other is not None and (self._is_tensor(left) or self._is_tensor(right)):
            raise _NotSayable
        if one is None or other is None:
            symbol = {"==": "is", "!=": "is not"}[symbol]
        return Infix(one, symbol, other)

    def _is_tensor(self, expr: ast.Expr) -> bool:
        return isinstance(expr, ast.Name) and isinstance(self.scope.values.get(expr.text), Tensor)

    def _operand(self, expr: ast.Expr) -> Expr:
        if isinstance(expr, ast.Name) and expr.text in self.scope.aliases:
            return Ref(self.scope.aliases[expr.text])
        value = self.evaluator.value(expr, self.scope, self.cursor)
        if value is None or isinstance(value, bool | str) or is_number(value):
            return value
        raise _NotSayable
