"""Binds the arguments of a call to those of its operator."""

from dataclasses import dataclass

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate.ast_queries import calls
from archdsl.elaborate.binding import Arguments, Evaluate
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import ArgumentDefaults
from archdsl.elaborate.expected import STEP_ARGUMENT
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.suggestions import suggestion
from archdsl.ops import all_ops, lookup
from archdsl.ops.base import Op
from archdsl.ops.reasons import Reason
from archdsl.syntax import ast


@dataclass(frozen=True, slots=True)
class Bound:
    """An operator with its arguments, and the places where they were written: in the call, or in a `set`."""

    op: Op
    call: ast.Call
    places: dict[str, Span]
    defaults: dict[str, Span]

    def place(self, reason: Reason) -> Span:
        """Return the place that a reason is about: its argument if that was written in the call, else the call."""
        return self.places.get(reason.at, self.call.span)


class Binder:
    """Turns calls into operators, and reports arguments that do not fit."""

    def __init__(self, evaluator: Evaluator, problems: Problems) -> None:
        self.evaluator = evaluator
        self.problems = problems
        self.arguments = Arguments(problems)
        self._constant: dict[tuple[int, int], tuple[Bound, ArgumentDefaults]] = {}

    def operator(self, name: ast.Name) -> type[Op] | None:
        """Return the operator with this name, or None after reporting that there is none."""
        found = lookup(name.text)
        if found is None:
            known = [op.name for op in all_ops()]
            help = suggestion(name.text, known) or "`archdsl ops` lists all operators"
            self.problems.report(codes.NO_SUCH_OPERATOR, name.span, help=help)
        return found

    def with_set(
        self, statement: ast.Set, scope: Scope, cursor: Cursor, below: tuple[ast.Statement | ast.Item, ...]
    ) -> Scope:
        """Return the scope with the defaults of a `set` statement; `below` are the statements that it affects."""
        called = {call.name.text for part in below for call in calls(part)}
        defaults = scope.defaults
        for setting in statement.settings:
            op = self.operator(setting.name)
            if op is None:
                continue
            given = self.arguments.given(op, setting, self._evaluate(scope, cursor), positional=0)
            if given is None:
                continue
            if op.name not in called:
                help = "move it above the calls that it should affect, or remove it"
                self.problems.report(codes.UNUSED_SET, setting.span, f"no `{op.name}` follows", help=help)
            defaults = defaults.overridden(op.name, given)
        return scope.with_defaults(defaults)

    def bind(self, call: ast.Call, scope: Scope, cursor: Cursor, op: type[Op] | None = None) -> Bound | None:
        """Return the operator of a call with its arguments, or None after reporting a problem."""
        op = op or self.operator(call.name)
        if op is None:
            for arg in call.args:
                self.evaluator.value(arg.value, scope, cursor, STEP_ARGUMENT)
            return None
        defaults = scope.defaults.of(op.name)
        # A call with literals only has the same operator wherever these defaults are in effect.
        key = id(call), id(defaults)
        known = self._constant.get(key)
        if known is not None and known[0].call is call and known[1] is defaults and type(known[0].op) is op:
            return known[0]
        bound = self._bound(call, scope, cursor, op, defaults)
        if bound is not None and all(isinstance(arg.value, ast.Literal) for arg in call.args):
            self._constant[key] = bound, defaults
        return bound

    def _bound(
        self, call: ast.Call, scope: Scope, cursor: Cursor, op: type[Op], defaults: ArgumentDefaults
    ) -> Bound | None:
        written = self.arguments.given(op, call, self._evaluate(scope, cursor), positional=op.positional)
        if written is None:
            return None
        inherited = {name: default for name, default in defaults.items() if name not in written} if defaults else {}
        given = {**written, **inherited}
        if not self.arguments.complete(op, call, given):
            return None
        return Bound(
            op(**{name: default.value for name, default in given.items()}),
            call,
            {name: default.span for name, default in written.items()},
            {name: default.span for name, default in inherited.items()},
        )

    def _evaluate(self, scope: Scope, cursor: Cursor) -> Evaluate:
        return lambda expr, expected: self.evaluator.value(expr, scope, cursor, expected)
