"""Binds the arguments of a call to those of its operator."""

from dataclasses import dataclass

from archdsl.base.source import Span
from archdsl.diag import codes
from archdsl.diag.model import Problems
from archdsl.elaborate.ast_queries import calls
from archdsl.elaborate.binding import WORDS, Arguments
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.scopes import Default, Defaults
from archdsl.elaborate.suggestions import suggestion
from archdsl.ops import all_ops, lookup
from archdsl.ops.base import Op
from archdsl.ops.reasons import Reason
from archdsl.syntax import ast


@dataclass(frozen=True, slots=True)
class Bound:
    """An operator with its arguments, and the places that they were written at: in the call, or in a `set`."""

    op: Op
    call: ast.Call
    places: dict[str, Span]
    defaults: dict[str, Span]

    def place(self, reason: Reason) -> Span:
        """Return where a reason points: at an argument if it was written, else at the call."""
        return self.places.get(reason.at, self.call.span)


class Binder:
    """Turns calls into operators; reports what does not fit."""

    def __init__(self, evaluator: Evaluator, problems: Problems) -> None:
        self.evaluator = evaluator
        self.problems = problems
        self.arguments = Arguments(lambda expr, words: evaluator.value(expr, words=words), problems)

    def operator(self, name: ast.Name) -> type[Op] | None:
        """Return the operator of this name, or None after reporting that there is none."""
        found = lookup(name.text)
        if found is None:
            known = [op.name for op in all_ops()]
            help = suggestion(name.text, known) or "`archdsl ops` lists all operators"
            self.problems.report(codes.NO_SUCH_OPERATOR, name.span, help=help)
        return found

    def enter(self, statement: ast.Set, defaults: Defaults, below: tuple[ast.Statement | ast.Item, ...]) -> None:
        """Enter the defaults of a `set` statement; `below` is what it is for."""
        called = {call.name.text for part in below for call in calls(part)}
        for setting in statement.settings:
            op = self.operator(setting.name)
            if op is None:
                continue
            given = self.arguments.given(op, setting, positional=0)
            if given is None:
                continue
            if op.name not in called:
                help = "move it above the calls that it is for, or leave it out"
                self.problems.report(codes.UNUSED_SET, setting.span, f"no `{op.name}` follows", help=help)
            for name, default in given.items():
                defaults.given[op.name, name] = Default(default.value, default.span)

    def bind(self, call: ast.Call, defaults: Defaults, op: type[Op] | None = None) -> Bound | None:
        """Return the operator of a call with its arguments, or None after reporting what is wrong."""
        op = op or self.operator(call.name)
        if op is None:
            for arg in call.args:
                self.evaluator.value(arg.value, words=WORDS)
            return None
        written = self.arguments.given(op, call, positional=op.positional)
        if written is None:
            return None
        found = {name: defaults.find(op.name, name) for name in op.arguments if name not in written}
        inherited = {name: default for name, default in found.items() if default}
        given = written | inherited
        if not self.arguments.complete(op, call, given):
            return None
        return Bound(
            op(**{name: default.value for name, default in given.items()}),
            call,
            {name: default.span for name, default in written.items()},
            {name: default.span for name, default in inherited.items()},
        )
