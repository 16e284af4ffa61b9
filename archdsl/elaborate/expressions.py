"""The evaluator of compile-time expressions. It terminates, and it reports each problem once."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import filterfalse
from typing import TypeAlias, assert_never

from archdsl.base.guards import Guard, recorder, recording
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate import layout, values
from archdsl.elaborate.arithmetic import plain_integer
from archdsl.elaborate.binding import Arguments
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.expected import ANY, Expected
from archdsl.elaborate.functions import FUNCTIONS, apply
from archdsl.elaborate.limits import MAX_EXPRESSION_DEPTH, MAX_NAME, MAX_NUMBER, Limits
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.stream_words import axis_of
from archdsl.elaborate.streams import STREAM_NAMES, Tensor
from archdsl.elaborate.suggestions import rounding
from archdsl.elaborate.unknown import report_unknown_function, report_unknown_label, report_unknown_name
from archdsl.elaborate.values import (
    ERROR,
    ErrorValue,
    MaybeValue,
    Remainder,
    TooLarge,
    Uncomputable,
    Value,
    fix,
    is_whole,
    untraced,
)
from archdsl.ops import lookup
from archdsl.ops.argument_types import Word, shown
from archdsl.ops.initialisers import Initialiser, find_initialiser
from archdsl.ops.reasons import ShapeError
from archdsl.syntax import ast

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

# Enters the test of a conditional expression: its scope and cursor, the guards that it recorded, and its value.
Decided: TypeAlias = Callable[[ast.Expr, Scope, Cursor, tuple[Guard, ...], bool], object]

_ONE_STREAM = "join the streams first, for example with `concat`"
_NO_STREAM = "write a number, or a parameter"


class Evaluator:
    """Computes expressions in a scope, with the stream at a cursor.

    `decided` is called with the test of each conditional expression.
    """

    def __init__(self, problems: Problems, limits: Limits, decided: Decided | None = None) -> None:
        self.problems = problems
        self.limits = limits
        self.decided = decided

    def value(self, expr: ast.Expr, scope: Scope, cursor: Cursor, expected: Expected = ANY) -> MaybeValue:
        """Return the value of an expression, or ERROR after reporting a problem."""
        # Most expressions are a parameter or a number.
        recorder.span = expr.span
        if isinstance(expr, ast.Name) and expr.text in scope.values:
            return scope.read(expr.text)
        if isinstance(expr, ast.Literal) and isinstance(expr.value, int) and abs(expr.value) <= MAX_NUMBER:
            return expr.value
        if isinstance(expr, ast.Binary) and (found := plain_integer(expr, scope, self.limits.used)) is not None:
            return found
        return _Evaluation(self.problems, self.limits, scope, cursor, expected, self.decided).value(expr)

    def structural(self, expr: ast.Expr, scope: Scope, cursor: Cursor) -> MaybeValue:
        """Return a value that the structure depends on, without its trace, or ERROR after reporting a problem."""
        return _Evaluation(self.problems, self.limits, scope, cursor, ANY, self.decided).plain(expr)

    def truth(self, expr: ast.Expr, scope: Scope, cursor: Cursor) -> bool | ErrorValue:
        """Return a truth value that the structure depends on, or ERROR after reporting a problem."""
        return _Evaluation(self.problems, self.limits, scope, cursor, ANY, self.decided).truth(expr)

    def sizes(self, shape: ast.ShapeOf, scope: Scope, cursor: Cursor) -> tuple[int, ...] | None:
        """Return the sizes of a written shape, or None after reporting a problem."""
        sizes: list[int] = []
        for number, dim in enumerate(shape.dims):
            value = self.value(dim.value, scope, cursor)
            recorder.span = dim.value.span
            if value is ERROR:
                return None
            if not is_whole(value) or value < 1:
                label = f"a size must be an integer of at least 1, not {shown(value)}"
                found = layout.open_batch(shape, number, value)
                help, fixes = (found.help, found.fixes) if found else ("write an integer of at least 1", ())
                self.problems.report(codes.BAD_SHAPE, dim.value.span, label, help=help, fixes=fixes)
                return None
            sizes.append(value)
        return tuple(sizes)

    def label_texts(self, label: ast.Label, scope: Scope, cursor: Cursor) -> list[str] | None:
        """Return the names of a label, several with a range, or None after reporting a problem."""
        if isinstance(label, ast.Name):
            return [label.text]
        return _Evaluation(self.problems, self.limits, scope, cursor, ANY, self.decided).label_texts(label)


@dataclass(slots=True)
class _Evaluation:
    """The evaluation of one expression."""

    problems: Problems
    limits: Limits
    scope: Scope
    cursor: Cursor
    expected: Expected
    decided: Decided | None = None
    depth: int = 0

    def value(self, expr: ast.Expr) -> MaybeValue:
        """Return the value of an expression, or ERROR after reporting a problem."""
        self.depth += 1
        self.limits.used.work += 1
        try:
            if self.depth > MAX_EXPRESSION_DEPTH:
                label = f"expressions can be nested {MAX_EXPRESSION_DEPTH} levels deep"
                self.problems.report(codes.TOO_DEEP, expr.span, label)
                return ERROR
            return self._compute(expr)
        except Uncomputable as why:
            fixes = rounding(expr) if isinstance(why, Remainder) else ()
            self.problems.report(codes.CANNOT_COMPUTE, expr.span, str(why), help=why.help, fixes=fixes)
        except TooLarge as why:
            self.problems.report(codes.NUMBER_TOO_LARGE, expr.span, f"this would be {why}", help=why.help)
        finally:
            self.depth -= 1
        return ERROR

    def plain(self, expr: ast.Expr) -> MaybeValue:
        """Return a value that the structure depends on, without its trace."""
        value = self.value(expr)
        fix(value, expr.span)
        return untraced(value)

    def truth(self, expr: ast.Expr) -> bool | ErrorValue:
        """Return a truth value that the structure depends on."""
        return self._truth(expr, self.value(expr))

    def _compute(self, expr: ast.Expr) -> MaybeValue:
        match expr:
            case ast.Literal():
                # The parser reported an integer that is out of range.
                is_reported = values.is_whole(expr.value) and expr.value > MAX_NUMBER
                return ERROR if is_reported else values.bounded(expr.value, self.limits)
            case ast.Name():
                return self._name(expr)
            case ast.Display():
                return self._display(expr)
            case ast.Unary():
                return self._unary(expr)
            case ast.Binary():
                return self._binary(expr)
            case ast.Comparison():
                return self._comparison(expr)
            case ast.Conditional():
                return self._conditional(expr)
            case ast.Index():
                return self._index(expr)
            case ast.Apply():
                return self._apply(expr)
            case ast.Reference():
                return self._reference(expr)
            case _:
                assert_never(expr)

    # names

    def _name(self, name: ast.Name) -> MaybeValue:
        text = name.text
        if text in self.scope.values:
            recorder.span = name.span
            return self.scope.read(text)
        if text in self.expected.words and not self.expected.initialiser:
            return Word(text)
        if text in self.scope.definitions:
            return self.scope.definitions[text]
        if (found := find_initialiser(text)) is not None:
            return self._initialiser(found, ast.Call(name, (), name.span))
        if text in STREAM_NAMES:
            return self._stream(name)
        operator = lookup(text)
        if operator is not None and self.expected.blocks:
            return operator
        report_unknown_name(self.problems, name, self.scope, self.cursor, self.expected)
        return ERROR

    def _stream(self, word: ast.Name) -> MaybeValue:
        name = word.text
        if self.cursor.failed:
            return ERROR
        stream = self.cursor.stream
        if not isinstance(stream, Tensor):
            if self.cursor.is_bundle:
                raise Uncomputable(f"several streams flow here, so there is no single `{name}`", _ONE_STREAM)
            raise Uncomputable(f"`{name}` belongs to the stream, and there is no stream before the input", _NO_STREAM)
        if name == "shape":
            return stream.shape.dims
        with recording(None):
            axis = axis_of(self.problems, word, stream)
        if axis is None:
            help = f"use `shape[0]`, which is {int(stream.shape.dims[0])}" if stream.shape.dims else None
            raise Uncomputable(f"the stream is {stream.shape} and has no {name}", help)
        return stream.shape.dims[axis]

    def _reference(self, reference: ast.Reference) -> MaybeValue:
        texts = self.label_texts(reference.label)
        if texts is None:
            return ERROR
        if len(texts) != 1:
            label = f"a reference is to one step, not to {len(texts)}"
            self.problems.report(codes.BAD_NAME, reference.span, label)
            return ERROR
        found = self.scope.children.find(texts[0])
        if found is not None:
            self.scope.usage.referred.add(texts[0])
            return found.tensor
        if not self.cursor.failed:
            report_unknown_label(self.problems, texts[0], reference.span, self.scope)
        return ERROR

    def label_texts(self, label: ast.Label) -> list[str] | None:
        """Return the names of a label, several with a range, or None after reporting a problem."""
        if isinstance(label, ast.Name):
            return [label.text]
        texts = [""]
        for part in label.parts:
            endings = [part] if isinstance(part, str) else self._label_values(part)
            if endings is None:
                return None
            if len(texts) * len(endings) > self.limits.items:
                text, help = f"more than {self.limits.items:,} names", "raise the limit with --max-operations"
                self.problems.report(codes.NUMBER_TOO_LARGE, label.span, text, help=help)
                return None
            texts = [text + ending for text in texts for ending in endings]
            if max(map(len, texts), default=0) > MAX_NAME:
                words = f"this name would have more than {MAX_NAME} characters"
                self.problems.report(codes.NAME_TOO_LONG, label.span, words)
                return None
        wrong = next(filterfalse(_NAME.fullmatch, texts), None)
        if wrong is not None:
            self.problems.report(codes.BAD_NAME, label.span, f"`{wrong[:40]}` is not a name")
            return None
        return texts

    def _label_values(self, part: ast.Expr | ast.Range) -> list[str] | None:
        found = None if isinstance(part, ast.Range) else plain_integer(part, self.scope, self.limits.used)
        if found is not None:
            return [str(found)]
        if isinstance(part, ast.Range):
            first, last = self._end(part.first), self._end(part.last)
            if first is None or last is None:
                return None
            return [str(number) for number in range(first, min(last, first + self.limits.items) + 1)]
        value = self.plain(part)
        if value is ERROR:
            return None
        if is_whole(value) or isinstance(value, str):
            return [str(value)]
        self.problems.report(codes.BAD_NAME, part.span, f"{shown(value)} is {values.kind_of(value)}")
        return None

    def _end(self, expr: ast.Expr) -> int | None:
        """Return an end of a range, or None after reporting a problem."""
        value = self.plain(expr)
        if is_whole(value):
            return value
        if value is not ERROR:
            self.problems.report(codes.BAD_NAME, expr.span, f"{shown(value)} is not an integer")
        return None

    # operations

    def _display(self, expr: ast.Display) -> MaybeValue:
        items: list[Value] = []
        failed = False
        for each in expr.items:
            value = self.value(each)
            if value is ERROR:
                failed = True
            else:
                items.append(value)
        if failed:
            return ERROR
        return values.bounded(items if expr.is_list else tuple(items), self.limits)

    def _index(self, expr: ast.Index) -> MaybeValue:
        owner, position = self.value(expr.owner), self.plain(expr.position)
        return ERROR if owner is ERROR or position is ERROR else values.index(owner, position)

    def _unary(self, expr: ast.Unary) -> MaybeValue:
        value = self.value(expr.operand)
        if value is ERROR:
            return ERROR
        if expr.symbol == "not":
            return self._truth(expr.operand, value, negated=True)
        return values.negated(value, self.limits)

    def _binary(self, expr: ast.Binary) -> MaybeValue:
        left = self.value(expr.left)
        if expr.symbol in ("and", "or"):
            first = self._truth(expr.left, left)
            if first is ERROR or first == (expr.symbol == "or"):
                return first
            return self._truth(expr.right, self.value(expr.right))
        right = self.value(expr.right)
        if left is ERROR or right is ERROR:
            return ERROR
        if not values.keeps_trace(expr.symbol, left, right):
            fix((left, right), expr.span)
            left, right = untraced(left), untraced(right)
        recorder.span = expr.span
        return values.binary(expr.symbol, left, right, self.limits)

    def _comparison(self, expr: ast.Comparison) -> MaybeValue:
        left = self.value(expr.first)
        for symbol, operand in expr.rest:
            right = self.value(operand)
            if left is ERROR or right is ERROR:
                return ERROR
            recorder.span = expr.span
            if not values.compare(symbol, left, right):
                return False
            left = right
        return True

    def _conditional(self, expr: ast.Conditional) -> MaybeValue:
        before = len(recorder.log or ())
        test = self._truth(expr.test, self.value(expr.test))
        if test is ERROR:
            return ERROR
        if self.decided:
            self.decided(expr.test, self.scope, self.cursor, tuple((recorder.log or ())[before:]), test)
        return self.value(expr.value if test else expr.otherwise)

    def _truth(self, expr: ast.Expr, value: MaybeValue, *, negated: bool = False) -> bool | ErrorValue:
        if isinstance(value, bool):
            return value != negated
        if value is not ERROR:
            label = f"{shown(value)} is {values.kind_of(value)}, not a truth value"
            self.problems.report(codes.CANNOT_COMPUTE, expr.span, label, help="write a comparison, such as `width > 8`")
        return ERROR

    # functions and initialisers

    def _apply(self, expr: ast.Apply) -> MaybeValue:
        if (found := find_initialiser(expr.function.text)) is not None:
            return self._initialiser(found, expr)
        if expr.function.text not in FUNCTIONS:
            report_unknown_function(self.problems, expr.function, self.scope, self.expected)
            return ERROR
        named = [arg for arg in expr.args if arg.name]
        for arg in named:
            label = "functions take their arguments without names"
            self.problems.report(codes.CANNOT_COMPUTE, arg.span, label, help=f"write `{arg.value.span.text}` only")
        if named:
            return ERROR
        args: list[Value] = []
        failed = False
        for arg in expr.args:
            value = self.value(arg.value)
            if value is ERROR:
                failed = True
            else:
                args.append(value)
        return ERROR if failed else apply(expr.function.text, args, expr.span, self.limits)

    def _initialiser(self, found: type[Initialiser], call: ast.Call | ast.Apply) -> MaybeValue:
        """Return an initialiser with its arguments, or ERROR after reporting a problem with them."""
        binding = Arguments(self.problems)
        given = binding.given(found, call, self._expecting, positional=found.positional)
        if given is None or not binding.complete(found, call, given):
            return ERROR
        made = found(**{name: each.value for name, each in given.items()})
        try:
            made.check()
        except ShapeError as error:
            place = given[error.reason.at].span if error.reason.at in given else call.span
            self.problems.report(error.reason.code, place, error.reason.label(), help=error.reason.help())
            return ERROR
        return made

    def _expecting(self, expr: ast.Expr, expected: Expected) -> MaybeValue:
        return replace(self, expected=expected).value(expr)
