"""Binds the arguments of a call to those that an operator or an initialiser declares."""

from collections.abc import Callable, Collection

from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate.scopes import Default
from archdsl.elaborate.suggestions import suggestion
from archdsl.elaborate.values import HOLE
from archdsl.ops.declared import Declared
from archdsl.ops.reasons import ShapeError
from archdsl.syntax import ast

WORDS = ("half", "tf_same", "same")


class Arguments:
    """Binds arguments; `value` computes an expression in which some words stand for themselves."""

    def __init__(self, value: Callable[[ast.Expr, tuple[str, ...]], object], problems: Problems) -> None:
        self.value = value
        self.problems = problems

    def complete(self, declared: type[Declared], call: ast.Call | ast.Apply, given: Collection[str]) -> bool:
        """Whether all arguments are given that have to be; report those that are not."""
        missing = [name for name, each in declared.arguments.items() if each.required and name not in given]
        if missing:
            names = " and ".join(f"`{name}` ({declared.arguments[name].help})" for name in missing)
            self.problems.report(codes.MISSING_ARGUMENT, call.span, f"needs {names}", help=f"write {_usage(declared)}")
        return not missing

    def given(
        self, declared: type[Declared], call: ast.Call | ast.Apply, *, positional: int
    ) -> dict[str, Default] | None:
        """Return the arguments that a call or a `set` gives, or None after reporting a mistake in one of them."""
        found: dict[str, Default] = {}
        sound = True
        names = list(declared.arguments)
        for number, arg in enumerate(call.args):
            name = self._name(declared, names, number, arg, positional)
            if name is None:
                sound = False
                self.value(arg.value, _all_words(declared))
                continue
            if name in found:
                earlier = Label(found[name].span, "given here already")
                label = f"`{name}` again" if arg.name else f"`{name}` again, by its position"
                help = None if arg.name else "put arguments without a name before the others"
                self.problems.report(codes.GIVEN_TWICE, arg.span, label, secondary=(earlier,), help=help)
                sound = False
                continue
            value = self._converted(declared, name, arg)
            if value is HOLE:
                sound = False
            found[name] = Default(value, arg.value.span)
        return found if sound else None

    def _name(
        self, declared: type[Declared], names: list[str], number: int, arg: ast.Argument, positional: int
    ) -> str | None:
        if arg.name is None:
            if number < positional:
                return names[number]
            self._report_unnamed(declared, names, number, arg, positional)
            return None
        if arg.name.text in declared.arguments:
            return arg.name.text
        near = suggestion(arg.name.text, names)
        meant = near if near and near.startswith("did") else None
        self.problems.report(
            codes.NO_SUCH_ARGUMENT, arg.name.span, f"`{declared.name}` takes {_listed(names)}", help=meant
        )
        return None

    def _report_unnamed(
        self, declared: type[Declared], names: list[str], number: int, arg: ast.Argument, positional: int
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
        help = f"leave it out: `{declared.name}` takes {_listed(names)}"
        if number < len(names) and arg.span.text.isprintable():
            help = f"write `{names[number]} = {arg.span.text}`"
        self.problems.report(codes.TOO_MANY_ARGUMENTS, arg.span, label, help=help)

    def _converted(self, declared: type[Declared], name: str, arg: ast.Argument) -> object:
        kind = declared.arguments[name].kind
        value = self.value(arg.value, kind.words)
        if value is HOLE:
            return HOLE
        try:
            return kind.convert(name, value)
        except ShapeError as error:
            reason = error.reason
            self.problems.report(reason.code, arg.value.span, reason.label(), help=reason.help())
            return HOLE


def _all_words(declared: type[Declared]) -> tuple[str, ...]:
    """Return the words of all arguments: one that is misspelt may have been meant for any of them."""
    words = [word for argument in declared.arguments.values() for word in argument.kind.words]
    return (*WORDS, *dict.fromkeys(words))


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "no arguments"


def _usage(declared: type[Declared]) -> str:
    """Return a call with the required arguments by name: `conv(out, kernel)`."""
    required = [name for name, argument in declared.arguments.items() if argument.required]
    return f"`{declared.name}({', '.join(required)})`" if required else f"`{declared.name}`"
