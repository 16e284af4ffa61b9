"""`assert`: a test that is evaluated when the totals of the net are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from archdsl.base.role import BY_POSITION
from archdsl.diag.model import Problems
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.stream_words import axis_at
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.values import ERROR, MaybeValue, is_whole, untraced
from archdsl.ir.assertions import Assertion, Outcome
from archdsl.ops.argument_types import shown
from archdsl.syntax import ast


def assertion(statement: ast.Assert, scope: Scope, cursor: Cursor, notes: tuple[str, ...], limits: Limits) -> Assertion:
    """Return the assertion of an `assert` statement, with the values that its names have at the cursor."""
    values: dict[str, MaybeValue] = {}
    shape = cursor.shape
    if shape is not None:
        values |= {"shape": shape.dims}
        assert isinstance(cursor.stream, Tensor)
        axes = {word: axis_at(word, cursor.stream) for word in BY_POSITION}
        values |= {word: shape.dims[axis] for word, axis in axes.items() if axis is not None}
    return Assertion(_Test(statement.test, values | dict(scope.values), limits), scope.path, notes)


@dataclass(frozen=True, slots=True)
class _Test:
    """The expression of an `assert`, with the values of its names. It implements `archdsl.ir.graph.Test`."""

    test: ast.Expr
    values: Mapping[str, MaybeValue]
    limits: Limits

    def outcomes(self, totals: Mapping[str, int], problems: Problems) -> Iterator[Outcome]:
        """Yield the outcome of each part of `a and b` that has a value."""
        values = {name: untraced(value) for name, value in self.values.items()}
        scope, evaluator = Scope({**totals, **values}), Evaluator(problems, self.limits)
        for part in _conjuncts(self.test):
            value = evaluator.value(part, scope, Cursor())
            if value is ERROR:
                continue
            text = "this is false" if value is False else f"this is {shown(value)}"
            if value is False and isinstance(part, ast.Comparison):
                text = _sides(part, evaluator, scope)
            yield Outcome(part.span, value if isinstance(value, bool) else None, text)


def _conjuncts(test: ast.Expr) -> list[ast.Expr]:
    """Return the parts of `a and b`, so that only those that fail are reported."""
    found = []
    while isinstance(test, ast.Binary) and test.symbol == "and":
        found.append(test.right)
        test = test.left
    return [test, *reversed(found)]


def _sides(test: ast.Comparison, evaluator: Evaluator, scope: Scope) -> str:
    """Return a comparison with the values of its sides, such as `61_705 == 61_706`."""
    words = [_grouped(evaluator.value(test.first, scope, Cursor()))]
    for symbol, side in test.rest:
        words += [symbol, _grouped(evaluator.value(side, scope, Cursor()))]
    return " ".join(words)


def _grouped(value: MaybeValue) -> str:
    return f"{value:_}" if is_whole(value) else shown(value)
