"""Binds the arguments of a call to those that an operator or an initialiser declares."""

from collections.abc import Callable, Collection

from archdsl.base.shape import Shape
from archdsl.base.source import Span
from archdsl.base.typos import typo_of
from archdsl.diag import codes
from archdsl.diag.model import Fix, Label, Problems
from archdsl.elaborate import foreign_names, layout
from archdsl.elaborate.definitions import Default
from archdsl.elaborate.expected import Expected, expected_by, expected_by_any
from archdsl.elaborate.streams import Tensor
from archdsl.elaborate.suggestions import meant_argument
from archdsl.elaborate.training_words import about_argument
from archdsl.elaborate.values import ERROR, ErrorValue, MaybeValue
from archdsl.ops import all_ops
from archdsl.ops.argument_types import ArgumentType, ArgumentValue
from archdsl.ops.base import Merge, Op
from archdsl.ops.declared import Declared
from archdsl.ops.initialisers import InitialiserType
from archdsl.ops.reasons import ShapeError
from archdsl.syntax import ast

_MOST_ARGUMENTS = 24
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
        self,
        declared: type[Declared],
        call: ast.Call | ast.Apply,
        evaluate: Evaluate,
        *,
        positional: int,
        stream: Shape | None = None,
        in_set: bool = False,
    ) -> dict[str, Default] | None:
        """Return the arguments that a call or a `set` gives, by name, or None after reporting a problem.

        The first `positional` arguments need no name. `stream` is the shape of the input, for messages; `in_set` says
        that a `set` gives the arguments.
        """
        found: dict[str, Default] = {}
        sound = True
        names = list(declared.arguments) if call.args else []
        many = False
        for number, arg in enumerate(call.args):
            if many and arg.name is None:
                continue
            name = _name(declared, names, number, arg, positional)
            # Calls of other frameworks are short; in a long one, each argument is reported by itself.
            is_short = len(call.args) <= _MOST_ARGUMENTS
            if name is None and is_short and not in_set and self._report_foreign(declared, call, arg, stream):
                return None
            if name is None and is_short and arg.name and self._report_argument(declared, call, arg, found):
                sound = False
                continue
            if name is None:
                unknown = evaluate(arg.value, expected_by_any(declared))
                given = {_name(declared, names, at, each, positional) for at, each in enumerate(call.args)}
                many = self._report_unknown(declared, call, number, positional, unknown, given)
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

    def _report_foreign(
        self, declared: type[Declared], call: ast.Call | ast.Apply, arg: ast.Argument, stream: Shape | None
    ) -> bool:
        """Report a call whose arguments are those of another framework; return whether it is one."""
        names = list(declared.arguments)
        if any(isinstance(each.value, ast.Reference) for each in call.args):
            return False
        if arg.name is None:
            if {"heads", "hidden"} & declared.arguments.keys() and not layout.begins_with_features(call, stream):
                return False
            if {"out", "kernel"} <= declared.arguments.keys() and not layout.gives_input_channels(call, stream):
                return False
            code, span, label = codes.TOO_MANY_ARGUMENTS, arg.span, _positional(declared, declared.positional)
        else:
            if sum(each.name is not None and each.name.text not in names for each in call.args) < 2:
                return False
            code, span, label = codes.NO_SUCH_ARGUMENT, arg.name.span, f"`{declared.name}` takes {_listed(names)}"
        is_map = issubclass(declared, Op) and declared.family != "linear"
        help = foreign_names.whole(call, declared.name, stream, is_map=is_map)
        if help is None:
            return False
        self.problems.report(code, span, label, help=help.help, fixes=help.fixes)
        return True

    def _report_argument(
        self, declared: type[Declared], call: ast.Call | ast.Apply, arg: ast.Argument, given: Collection[str]
    ) -> bool:
        """Report an argument with a name of another framework; return whether it is one."""
        assert arg.name is not None
        names = list(declared.arguments)
        if typo_of(arg.name.text, names) or about_argument(arg.name.text):
            return False
        named = [each.name.text for each in call.args if each.name is not None]
        found = foreign_names.argument(declared.name, names, call, arg, [*given, *named])
        if found is None:
            return False
        label = f"`{declared.name}` takes {_listed(names)}"
        self.problems.report(codes.NO_SUCH_ARGUMENT, arg.name.span, label, help=found.help, fixes=found.fixes)
        return True

    def _report_unknown(
        self,
        declared: type[Declared],
        call: ast.Call | ast.Apply,
        number: int,
        positional: int,
        value: MaybeValue,
        given: Collection[str | None],
    ) -> bool:
        """Report an argument that the operator does not have; return whether that covers all without a name."""
        names, arg = list(declared.arguments), call.args[number]
        if arg.name is None:
            if not isinstance(value, Tensor):
                more = any(each.name is None for each in call.args[number + 1 :])
                return self._report_unnamed(declared, names, number, arg, positional, value, more=more)
            self._report_tensor(declared, arg)
            return False
        near = typo_of(arg.name.text, names)
        help = meant_argument(near, given) if near else about_argument(arg.name.text)
        help = help or f"remove it; `archdsl ops {declared.name}` explains the arguments"
        fixes = (Fix(f"write `{near}`", ((arg.name.span, near),)),) if near and near not in given else ()
        label = f"`{declared.name}` takes {_listed(names)}"
        cause = f"{declared.name}.{arg.name.text}"
        self.problems.report(
            codes.NO_SUCH_ARGUMENT, arg.name.span, label, help=help, fixes=fixes, cause="" if near else cause
        )
        return False

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
        *,
        more: bool,
    ) -> bool:
        label = _positional(declared, positional)
        what = "it and those after it" if more else "it"
        help = f"remove {what}: `{declared.name}` takes {_listed(names)}"
        fixes: tuple[Fix, ...] = ()
        if number < len(names) and arg.span.text.isprintable() and _accepts(declared, names[number], value):
            help = f"write `{names[number]} = {arg.span.text}`"
            fixes = (Fix(help, ((arg.span, f"{names[number]} = {arg.span.text}"),)),)
        self.problems.report(codes.TOO_MANY_ARGUMENTS, arg.span, label, help=help, fixes=fixes)
        return not fixes

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
            found = self._meant(declared.arguments[name].kind, arg.value.span, value)
            help, fixes = (found.help, found.fixes) if found else (reason.help(), ())
            self.problems.report(reason.code, arg.value.span, reason.label(), help=help, fixes=fixes)
            return ERROR

    @staticmethod
    def _meant(kind: ArgumentType, span: Span, value: object) -> foreign_names.Help | None:
        """Return the help for a word of another framework in quotes."""
        if not isinstance(value, str) or value in kind.words:
            return None
        if isinstance(kind, InitialiserType):
            return foreign_names.initialiser(span, value)
        return foreign_names.word(span, value, [word for word in kind.words if word != "same"])


def _name(declared: type[Declared], names: list[str], number: int, arg: ast.Argument, positional: int) -> str | None:
    """Return the name of the argument that an argument of a call is, or None if there is none."""
    if arg.name is None:
        return names[number] if number < positional else None
    return arg.name.text if arg.name.text in declared.arguments else None


def names_given(declared: type[Declared], call: ast.Call) -> list[str] | None:
    """Return the names of the arguments that a call gives, None if some are unknown or given twice."""
    names = list(declared.arguments)
    found = [_name(declared, names, number, arg, declared.positional) for number, arg in enumerate(call.args)]
    known = [name for name in found if name is not None]
    return known if len(set(known)) == len(found) else None


def _positional(declared: type[Declared], positional: int) -> str:
    """Return how many arguments need no name, in words."""
    if declared.positional and not positional:
        return "a `set` gives all arguments by name"
    if not positional:
        return f"`{declared.name}` takes {'its arguments by name' if declared.arguments else 'no arguments'}"
    return f"`{declared.name}` takes {positional} argument{'s' * (positional > 1)} without a name"


def _accepts(declared: type[Declared], name: str, value: MaybeValue) -> bool:
    """Return whether an argument accepts a value; an error may be any value."""
    if value is ERROR:
        return True
    if type(value) is int and isinstance(declared.arguments[name].default, float):
        # A whole number is hardly meant for an argument such as a standard deviation.
        return False
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
    return tuple([name for name, argument in declared.arguments.items() if argument.required])
