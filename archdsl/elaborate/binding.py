"""Binds the arguments of a call to those that an operator or an initialiser declares."""

from collections.abc import Callable, Collection

from archdsl.diag import codes
from archdsl.diag.model import Fix, Label, Problems
from archdsl.elaborate.definitions import Default
from archdsl.elaborate.expected import Expected, expected_by, expected_by_any
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.training_words import about_argument
from archdsl.elaborate.values import ERROR, ErrorValue, MaybeValue
from archdsl.ops import all_ops
from archdsl.ops.argument_types import ArgumentValue
from archdsl.ops.base import Merge
from archdsl.ops.declared import Declared
from archdsl.ops.reasons import ShapeError
from archdsl.syntax import ast

Evaluate = Callable[[ast.Expr, Expected], MaybeValue]


class Arguments:
    """Binds arguments, and reports those that do not fit."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    def complete(self, declared: type[Declared], call: ast.Call | ast.Apply, given: Collection[str]) -> bool:
        """Return whether all required arguments are given, and report the missing ones."""
        missing = [name for name in _required(declared) if name not in given]
        if missing:
            names = " and ".join(f"`{name}` ({declared.arguments[name].help})" for name in missing)
            self.problems.report(codes.MISSING_ARGUMENT, call.span, f"needs {names}", help=f"write {_usage(declared)}")
        return not missing

    def given(
        self, declared: type[Declared], call: ast.Call | ast.Apply, evaluate: Evaluate, *, positional: int
    ) -> dict[str, Default] | None:
        """Return the arguments that a call or a `set` gives, by name, or None after reporting a problem.

        The first `positional` arguments need no name.
        """
        found: dict[str, Default] = {}
        sound = True
        names = list(declared.arguments) if call.args else []
        for number, arg in enumerate(call.args):
            name = self._name(declared, names, number, arg, positional, evaluate)
            if name is None:
                sound = False
                continue
            if name in found:
                earlier = Label(found[name].span, "first given here")
                label = f"`{name}` again" if arg.name else f"`{name}` again, by its position"
                help = None if arg.name else "put arguments without a name before the others"
                self.problems.report(codes.GIVEN_TWICE, arg.span, label, secondary=(earlier,), help=help)
                sound = False
                continue
            value = self._converted(declared, name, arg, evaluate)
            sound = sound and value is not ERROR
            found[name] = Default(None if value is ERROR else value, arg.value.span)
        return found if sound else None

    def _name(
        self,
        declared: type[Declared],
        names: list[str],
        number: int,
        arg: ast.Argument,
        positional: int,
        evaluate: Evaluate,
    ) -> str | None:
        """Return the name of an argument, or None after reporting that the operator has none such."""
        if arg.name is None and number < positional:
            return names[number]
        if arg.name is not None and arg.name.text in declared.arguments:
            return arg.name.text
        value = evaluate(arg.value, expected_by_any(declared))
        if arg.name is None:
            if isinstance(value, Tensor):
                self._report_tensor(declared, arg)
            else:
                self._report_unnamed(declared, names, number, arg, positional, value)
            return None
        near = suggestion(arg.name.text, names)
        meant = about_argument(arg.name.text) or (near if near and near.startswith("did") else None)
        label = f"`{declared.name}` takes {_listed(names)}"
        self.problems.report(
            codes.NO_SUCH_ARGUMENT, arg.name.span, label, help=meant, cause=f"{declared.name}.{arg.name.text}"
        )
        return None

    def _report_tensor(self, declared: type[Declared], arg: ast.Argument) -> None:
        label = f"this is a tensor, and `{declared.name}` reads one tensor: the stream"
        merges = ", ".join(f"`{op.name}`" for op in all_ops() if issubclass(op, Merge))
        help = f"join the tensors in a step before it; only {merges} read several tensors"
        self.problems.report(codes.TENSOR_AS_ARGUMENT, arg.span, label, help=help)

    def _report_unnamed(
        self,
        declared: type[Declared],
        names: list[str],
        number: int,
        arg: ast.Argument,
        positional: int,
        value: MaybeValue,
    ) -> None:
        label = f"`{declared.name}` takes {positional} argument{'s' * (positional > 1)} without a name"
        if not positional:
            label = (
                f"`{declared.name}` takes all arguments by name"
                if declared.positional
                else f"`{declared.name}` takes no arguments"
            )
        if declared.positional and not positional:
            label = "a `set` gives all arguments by name"
        help = f"remove it: `{declared.name}` takes {_listed(names)}"
        fixes: tuple[Fix, ...] = ()
        if number < len(names) and arg.span.text.isprintable() and _accepts(declared, names[number], value):
            help = f"write `{names[number]} = {arg.span.text}`"
            fixes = (Fix(help, ((arg.span, f"{names[number]} = {arg.span.text}"),)),)
        self.problems.report(codes.TOO_MANY_ARGUMENTS, arg.span, label, help=help, fixes=fixes)

    def _converted(
        self, declared: type[Declared], name: str, arg: ast.Argument, evaluate: Evaluate
    ) -> "ArgumentValue | ErrorValue":
        """Return an argument's value as the operator takes it, or ERROR after reporting a problem."""
        kind = declared.arguments[name].kind
        value = evaluate(arg.value, expected_by(kind))
        if value is ERROR:
            return ERROR
        try:
            return kind.convert(name, value)
        except ShapeError as error:
            reason = error.reason
            self.problems.report(reason.code, arg.value.span, reason.label(), help=reason.help())
            return ERROR


def _accepts(declared: type[Declared], name: str, value: MaybeValue) -> bool:
    """Return whether an argument accepts a value; an error may be any value."""
    if value is ERROR:
        return True
    try:
        declared.arguments[name].kind.convert(name, value)
    except ShapeError:
        return False
    return True


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no arguments"


def _usage(declared: type[Declared]) -> str:
    """Return a call with the required arguments by name: `conv(out, kernel)`."""
    required = _required(declared)
    return f"`{declared.name}({', '.join(required)})`" if required else f"`{declared.name}`"


def _required(declared: type[Declared]) -> tuple[str, ...]:
    return tuple(name for name, argument in declared.arguments.items() if argument.required)
