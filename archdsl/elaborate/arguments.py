"""Binds the arguments of a call to those of its operator, once for all calls with the same values."""

from collections.abc import Hashable
from dataclasses import field
from typing import NamedTuple, TypeAlias

from archdsl.base.guards import Guard, recorder, recording
from archdsl.base.records import record
from archdsl.base.role import Role
from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.base.symbolic import has_trace
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate import foreign_names, unknown
from archdsl.elaborate.binding import Arguments, Evaluate, names_given
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import ArgumentDefaults
from archdsl.elaborate.expected import STEP_ARGUMENT, Expected, expected_by
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.scopes import Scope
from archdsl.elaborate.stream_words import warn_of_sizes
from archdsl.elaborate.streams import STREAM_NAMES
from archdsl.elaborate.values import ERROR, MaybeValue, is_whole
from archdsl.ir.answers import Answers
from archdsl.ops import lookup
from archdsl.ops.argument_types import ArgumentValue
from archdsl.ops.base import Op
from archdsl.ops.reasons import Reason
from archdsl.syntax import ast
from archdsl.syntax.ast_queries import Below, last_calls

_ARITHMETIC = frozenset({"+", "-", "*", "//", "%"})
_PLAIN = (bool, int, float, str, type(None))
ShapeKey: TypeAlias = tuple[tuple[Hashable, ...], ...]
_CallKey: TypeAlias = tuple[int, type[Op], int, tuple[Hashable, ...]]


_InputKey: TypeAlias = tuple[ShapeKey, tuple[Role, ...]]


class Application(NamedTuple):
    """The rules of an operator, applied to input shapes and roles.

    They are its answers, the role of its output, its advice, and the guards of its rules.
    """

    answers: Answers
    role: Role
    advice: tuple[Reason, ...]
    role_advice: Reason | None
    guards: tuple[Guard, ...]


@record(frozen=True, slots=True)
class Bound:
    """An operator with its arguments, and the places where they were written: in the call, or in a `set`.

    `guards` are those of its arguments.

    `applications` keeps what the operator gives for input shapes, with their traces, and for their roles: the rules of
    operators are pure.
    """

    op: Op
    call: ast.Call
    places: dict[str, Span]
    defaults: dict[str, Span]
    guards: tuple[Guard, ...] = ()
    applications: dict[_InputKey, Application] = field(default_factory=dict, compare=False, repr=False)

    def apply(self, shapes: tuple[Shape, ...], roles: tuple[Role, ...]) -> Application:
        """Apply the operator to inputs of these shapes and roles.

        Raises ShapeError where it does not accept them.
        """
        key = tuple([tuple([_key(size) for size in shape.dims]) for shape in shapes]), roles
        found = self.applications.get(key)
        if found is None:
            op, written = self.op, self.places.keys() | self.defaults.keys()
            guards: list[Guard] = []
            with recording(guards):
                shape = op.result(shapes)
            with recording(None):
                role, advice = op.role(roles, shapes, shape), op.advice(shapes[0])
                role_advice = op.role_advice(roles, shapes, written)
            found = Application(Answers(op, shapes, shape), role, advice, role_advice, tuple(guards))
            self.applications[key] = found
        if found.guards:
            # Calls with equal arguments share their applications, and each demands the guards at its own place.
            merges, span = len(shapes) > 1, self.call.span
            recorder.replay([guard._replace(span=span, of_merge=merges) for guard in found.guards])
        return found

    def place(self, reason: Reason) -> Span:
        """Return the place that a reason is about: its argument if that was written in the call, else the call."""
        return self.places.get(reason.at, self.call.span)


class Binder:
    """Turns calls into operators, and reports arguments that do not fit."""

    def __init__(self, evaluator: Evaluator, problems: Problems) -> None:
        self.evaluator = evaluator
        self.problems = problems
        self.arguments = Arguments(problems)
        self._known: dict[_CallKey, tuple[Bound, ArgumentDefaults]] = {}
        self._alike: dict[_CallKey, tuple[Bound, ArgumentDefaults]] = {}
        self._names: dict[int, tuple[_Names | None, ast.Call]] = {}
        self._kinds: dict[tuple[int, type[Op]], tuple[Expected, ...] | None] = {}
        self._calls: dict[int, tuple[Below, dict[str, int]]] = {}
        self._equal: dict[Hashable, tuple[Op, dict[_InputKey, Application]]] = {}

    def operator(
        self, call: ast.Call, scope: Scope, *, is_step: bool = True, branches: bool = False
    ) -> type[Op] | None:
        """Return the operator of a call, or None after reporting that there is none.

        `is_step` says that the call is a step, and `branches` that branches in braces follow it.
        """
        found = lookup(call.name.text)
        if found is None:
            unknown.report_unknown_operator(self.problems, call, scope, is_step=is_step, branches=branches)
        return found

    def with_set(self, statement: ast.Set, scope: Scope, cursor: Cursor, below: Below) -> Scope:
        """Return the scope with the defaults of a `set` statement; `below` are the statements that it affects."""
        _, last = self._calls.get(id(below.parts)) or self._calls.setdefault(
            id(below.parts), (below, last_calls(below.parts))
        )
        defaults = scope.defaults
        for setting in statement.settings:
            op = self.operator(setting, scope, is_step=False)
            if op is None:
                continue
            given = self.arguments.given(op, setting, self._evaluate(scope, cursor), positional=0, in_set=True)
            if given is None:
                defaults = defaults.without(op.name)
                continue
            if last.get(op.name, -1) < below.start:
                help = "move it above the calls that it should affect, or remove it"
                self.problems.report(codes.UNUSED_SET, setting.span, f"no `{op.name}` follows", help=help)
            defaults = defaults.overridden(op.name, given)
        return scope.with_defaults(defaults)

    def bind(
        self, call: ast.Call, scope: Scope, cursor: Cursor, op: type[Op] | None = None, *, branches: bool = False
    ) -> Bound | None:
        """Return the operator of a call with its arguments, or None after reporting a problem."""
        op = op or self.operator(call, scope, branches=branches)
        if op is None:
            # The message about the name covers the arguments of a foreign call.
            for arg in () if foreign_names.step(call) else call.args:
                self.evaluator.value(arg.value, scope, cursor, STEP_ARGUMENT)
            return None
        defaults = scope.defaults.of(op.name)
        values = None if op.name in scope.defaults.lost else self._values(call, scope)
        if values is None:
            return self._bound(call, scope, cursor, op, defaults)
        key = id(call), op, id(defaults), values
        known = self._known.get(key)
        if known is None:
            find = self._computed if call.args and values else self._bound
            bound = find(call, scope, cursor, op, defaults)
            if bound is None:
                return None
            # The call and the defaults are kept, so that their identities stay theirs.
            known = self._known[key] = bound, defaults
        else:
            recorder.replay(known[0].guards)
        return known[0]

    def _computed(
        self, call: ast.Call, scope: Scope, cursor: Cursor, op: type[Op], defaults: ArgumentDefaults
    ) -> Bound | None:
        """Return the operator of a call, one for all rounds of a loop in which its arguments have equal values."""
        kinds = self._expected(call, op)
        if kinds is None:
            return self._bound(call, scope, cursor, op, defaults)
        guards: list[Guard] = []
        evaluate = self._evaluate(scope, cursor)
        with recording(guards):
            values = [evaluate(arg.value, kind) for arg, kind in zip(call.args, kinds, strict=True)]
        is_sound = not any([value is ERROR for value in values])
        if guards and is_sound:
            return self._bound(call, scope, cursor, op, defaults)
        found = iter(values)

        def computed(expr: ast.Expr, _: Expected) -> MaybeValue:
            recorder.span = expr.span
            return next(found)

        if not (is_sound and all([isinstance(value, _PLAIN) for value in values])):
            return self._bound(call, scope, cursor, op, defaults, computed)
        key = id(call), op, id(defaults), tuple([_key(value) for value in values])
        known = self._alike.get(key)
        if known is None:
            bound = self._bound(call, scope, cursor, op, defaults, computed)
            if bound is None:
                return None
            known = self._alike[key] = bound, defaults
        else:
            recorder.replay(known[0].guards)
        return known[0]

    def _expected(self, call: ast.Call, op: type[Op]) -> tuple[Expected, ...] | None:
        """Return what the arguments of a call accept, None if some are not those of the operator."""
        key = id(call), op
        if key not in self._kinds:
            names = names_given(op, call)
            self._kinds[key] = tuple([expected_by(op.arguments[name].kind) for name in names]) if names else None
        return self._kinds[key]

    def _values(self, call: ast.Call, scope: Scope) -> tuple[Hashable, ...] | None:
        """Return the values that decide the arguments of a call, with their traces; None if there is no such list.

        Their names count as read.
        """
        names = self._names.get(id(call))
        if names is None:
            names = self._names[id(call)] = _Names.of(call), call
        if names[0] is None:
            return None
        found: list[Hashable] = []
        for name in names[0].texts:
            if name not in scope.values:
                if name in STREAM_NAMES:
                    return None
                found.append(None)
                continue
            value = scope.read(name)
            if not isinstance(value, int if names[0].is_arithmetic else _PLAIN) or isinstance(value, bool):
                return None
            found.append(_key(value))
        return tuple(found)

    def _bound(
        self,
        call: ast.Call,
        scope: Scope,
        cursor: Cursor,
        op: type[Op],
        defaults: ArgumentDefaults,
        evaluate: Evaluate | None = None,
    ) -> Bound | None:
        """Return the operator of a call, or None after reporting a problem; `evaluate` gives values computed before."""
        guards: list[Guard] = []
        evaluate = evaluate or self._evaluate(scope, cursor)
        with recording(guards):
            written = self.arguments.given(op, call, evaluate, positional=op.positional, stream=cursor.shape)
        recorder.replay(guards)
        if written is None:
            return None
        with recording(None):
            warn_of_sizes(self.problems, op, call, scope, cursor)
        inherited = {name: default for name, default in defaults.items() if name not in written} if defaults else {}
        given = {**written, **inherited}
        if op.name in scope.defaults.lost:
            return None
        if not self.arguments.complete(op, call, given):
            return None
        made, applications = self._shared(op, {name: default.value for name, default in given.items()})
        return Bound(
            made,
            call,
            {name: default.span for name, default in written.items()},
            {name: default.span for name, default in inherited.items()},
            tuple(guards),
            applications,
        )

    def implied(self, op: type[Op], call: ast.Call, **values: ArgumentValue) -> Bound:
        """Return the operator that a form without its name stands for, such as the `add` of a residual."""
        made, applications = self._shared(op, values)
        return Bound(made, call, {}, {}, (), applications)

    def _shared(self, op: type[Op], values: dict[str, ArgumentValue]) -> tuple[Op, dict[_InputKey, Application]]:
        """Return an operator and its applications, shared by all calls with equal arguments if these are plain."""
        if not all(isinstance(value, _PLAIN) for value in values.values()):
            return op(**values), {}
        key = op, tuple([(name, _key(value)) for name, value in values.items()])
        found = self._equal.get(key)
        if found is None:
            found = self._equal[key] = op(**values), {}
        return found

    def _evaluate(self, scope: Scope, cursor: Cursor) -> Evaluate:
        return lambda expr, expected: self.evaluator.value(expr, scope, cursor, expected)


class _Names(NamedTuple):
    """The names that the arguments of a call consist of, besides literals and, if `is_arithmetic`, operations.

    A name such as `width` belongs to the stream where it has no value.
    """

    texts: tuple[str, ...]
    is_arithmetic: bool

    @staticmethod
    def of(call: ast.Call) -> "_Names | None":
        """Return the names of a call; None if its arguments depend on more, such as a label."""
        found: list[str] = []
        is_arithmetic = False
        left: list[ast.Expr] = [arg.value for arg in call.args]
        while left:
            expr = left.pop()
            if isinstance(expr, ast.Name):
                found.append(expr.text)
            elif isinstance(expr, ast.Binary) and expr.symbol in _ARITHMETIC:
                is_arithmetic = True
                left += (expr.left, expr.right)
            elif not isinstance(expr, ast.Literal) or (is_arithmetic and not is_whole(expr.value)):
                return None
        return _Names(tuple(found), is_arithmetic)


def _key(value: object) -> Hashable:
    """Return a number, word or truth value such that equal keys stand for equal values with equal traces."""
    if type(value) is int:
        return value
    if has_trace(value):
        return type(value), value.real, value.trace
    return type(value), value
