"""Binds the arguments of a call to those of its operator."""

from dataclasses import dataclass

from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate.expressions import Evaluator, suggestion
from archdsl.elaborate.scopes import Default, Defaults
from archdsl.elaborate.values import HOLE
from archdsl.elaborate.written import calls
from archdsl.ops import all_ops, lookup
from archdsl.ops.base import Op
from archdsl.ops.reasons import Misfit, Reason
from archdsl.source import Span
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


WORDS = ("half", "tf_same", "same")


class Binder:
    """Turns calls into operators; reports what does not fit."""

    def __init__(self, evaluator: Evaluator, problems: Problems) -> None:
        self.evaluator = evaluator
        self.problems = problems

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
            given = self.given(op, setting, positional=0)
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
        written = self.given(op, call, positional=op.positional)
        if written is None:
            return None
        found = {name: defaults.find(op.name, name) for name in op.arguments if name not in written}
        inherited = {name: default for name, default in found.items() if default}
        given = written | inherited
        missing = [name for name, argument in op.arguments.items() if argument.required and name not in given]
        if missing:
            names = " and ".join(f"`{name}` ({op.arguments[name].help})" for name in missing)
            self.problems.report(codes.MISSING_ARGUMENT, call.span, f"needs {names}", help=f"write {_usage(op)}")
            return None
        return Bound(
            op(**{name: default.value for name, default in given.items()}),
            call,
            {name: default.span for name, default in written.items()},
            {name: default.span for name, default in inherited.items()},
        )

    def given(self, op: type[Op], call: ast.Call, *, positional: int) -> dict[str, Default] | None:
        """Return the arguments that a call or a `set` gives, or None after reporting a mistake in one of them."""
        found: dict[str, Default] = {}
        sound = True
        names = list(op.arguments)
        for number, arg in enumerate(call.args):
            name = self._name(op, names, number, arg, positional)
            if name is None:
                sound = False
                self.evaluator.value(arg.value, words=WORDS)
                continue
            if name in found:
                earlier = Label(found[name].span, "given here already")
                label = f"`{name}` again" if arg.name else f"`{name}` again, by its position"
                help = None if arg.name else "put arguments without a name before the others"
                self.problems.report(codes.GIVEN_TWICE, arg.span, label, secondary=(earlier,), help=help)
                sound = False
                continue
            value = self._converted(op, name, arg)
            if value is HOLE:
                sound = False
            found[name] = Default(value, arg.value.span)
        return found if sound else None

    def _name(self, op: type[Op], names: list[str], number: int, arg: ast.Argument, positional: int) -> str | None:
        if arg.name is None:
            if number < positional:
                return names[number]
            self._report_unnamed(op, names, number, arg, positional)
            return None
        if arg.name.text in op.arguments:
            return arg.name.text
        near = suggestion(arg.name.text, names)
        meant = near if near and near.startswith("did") else None
        self.problems.report(codes.NO_SUCH_ARGUMENT, arg.name.span, f"`{op.name}` takes {_listed(names)}", help=meant)
        return None

    def _report_unnamed(self, op: type[Op], names: list[str], number: int, arg: ast.Argument, positional: int) -> None:
        label = f"`{op.name}` takes {positional} argument{'s' * (positional > 1)} without a name"
        if not positional:
            label = f"`{op.name}` takes all arguments by name" if op.positional else f"`{op.name}` takes no arguments"
        if op.positional and not positional:
            label = "a `set` gives all arguments by name"
        help = f"leave it out: `{op.name}` takes {_listed(names)}"
        if number < len(names) and arg.span.text.isprintable():
            help = f"write `{names[number]} = {arg.span.text}`"
        self.problems.report(codes.TOO_MANY_ARGUMENTS, arg.span, label, help=help)

    def _converted(self, op: type[Op], name: str, arg: ast.Argument) -> object:
        kind = op.arguments[name].kind
        value = self.evaluator.value(arg.value, words=kind.words)
        if value is HOLE:
            return HOLE
        try:
            return kind.convert(name, value)
        except Misfit as misfit:
            reason = misfit.reason
            self.problems.report(reason.code, arg.value.span, reason.label(), help=reason.help())
            return HOLE


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no arguments"


def _usage(op: type[Op]) -> str:
    """Return a call with the required arguments by name: `conv(out, kernel)`."""
    required = [name for name, argument in op.arguments.items() if argument.required]
    return f"`{op.name}({', '.join(required)})`" if required else f"`{op.name}`"
