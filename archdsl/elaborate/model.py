"""Unfolds one model of a file."""

from collections.abc import Mapping

from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.reserved import why_no_model, why_no_parameter
from archdsl.elaborate.scopes import Children, Defaults, Names
from archdsl.elaborate.settings import require_parameters
from archdsl.elaborate.steps import Steps, TooManyOperations, labels
from archdsl.elaborate.values import HOLE
from archdsl.ir import Container, Graph, Kind, Parameter
from archdsl.ops.kinds import is_int
from archdsl.symbolic import TracedFloat, TracedInt
from archdsl.syntax import ast


def elaborate(
    file: ast.File,
    model: ast.Model,
    problems: Problems,
    *,
    settings: Mapping[str, object] | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> Graph | None:
    """Return the graph of a model, or None where a mistake left a hole in it.

    Raises SettingError where `settings` names a parameter that the model does not have.
    """
    given = dict(settings or {})
    require_parameters(model, given)
    _check_names(file, model, problems)
    names = Names(_parameters(model, given, problems))
    steps = Steps(names, problems, limits)
    defaults = Defaults()
    _file_defaults(file, model, steps, defaults)
    try:
        children = Children(numbered=False, labels=labels(model.body))
        made = steps.body(model.body, (), children, Defaults(defaults))
    except TooManyOperations:
        return None
    broken = any(isinstance(statement, ast.Broken) for statement in model.body)
    if not steps.inputs and not broken:
        if not any(isinstance(statement, ast.Input) for statement in model.body):
            problems.report(codes.NO_INPUT, model.name.span, help="begin with a line such as `input image: 3x32x32`")
        return None
    if not steps.history:
        if not broken and not problems.has_errors:
            problems.report(codes.NO_STEPS, model.name.span, help="write a step below the input")
        return None
    if names.hole:
        return None
    return Graph(
        name=model.name.text,
        doc=model.doc,
        source=file.source,
        span=model.span,
        parameters=_described(model, names, problems),
        inputs=tuple(steps.inputs),
        root=Container((), Kind.NAMED, tuple(made), model.span),
        claims=tuple(steps.claims),
        overridden=bool(given),
    )


def _check_names(file: ast.File, model: ast.Model, problems: Problems) -> None:
    first = next(other for other in file.models if other.name.text == model.name.text)
    if first is not model:
        problems.report(codes.DEFINED_TWICE, model.name.span, secondary=(Label(first.name.span, "first here"),))
    why = why_no_model(model.name.text)
    if why:
        problems.report(codes.RESERVED_NAME, model.name.span, why, help="choose another name for the model")
    seen: dict[str, ast.Parameter] = {}
    for param in model.params:
        name = param.name
        if name.text in seen:
            earlier = Label(seen[name.text].name.span, "first here")
            problems.report(codes.DEFINED_TWICE, name.span, secondary=(earlier,))
        seen[name.text] = param
        why = why_no_parameter(name.text)
        if why:
            problems.report(codes.RESERVED_NAME, name.span, why, help="choose another name for the parameter")


def _parameters(model: ast.Model, given: dict[str, object], problems: Problems) -> dict[str, object]:
    values: dict[str, object] = {}
    for param in model.params:
        name = param.name.text
        if name in given:
            value = given[name]
        elif param.default is None:
            help = f"give it with `--set {name}=…`, or write a default: `{name} = 10`"
            problems.report(codes.NO_DEFAULT, param.name.span, help=help)
            value = HOLE
        else:
            value = Evaluator(Names(dict(values)), problems).value(param.default)
        values[name] = _traced(name, value)
    return values


def _traced(name: str, value: object) -> object:
    if is_int(value):
        return TracedInt.parameter(name, value)  # type: ignore[arg-type]
    if isinstance(value, float):
        return TracedFloat.parameter(name, value)
    return value


def _file_defaults(file: ast.File, model: ast.Model, steps: Steps, defaults: Defaults) -> None:
    """Enter the `set` statements that stand above the model in its file; they see no parameters."""
    position = next(number for number, item in enumerate(file.items) if item is model)
    outer = Steps(Names({}), steps.problems, steps.limits)
    for number, item in enumerate(file.items[:position]):
        if isinstance(item, ast.Set):
            below = tuple(other for other in file.items[number + 1 :] if isinstance(other, ast.Model))
            outer.set(item, defaults, below)


def _described(model: ast.Model, names: Names, problems: Problems) -> tuple[Parameter, ...]:
    found = []
    for param in model.params:
        name = param.name.text
        used = name in names.used
        if not used and not problems.has_errors:
            problems.report(codes.UNUSED_PARAMETER, param.name.span, help="use it in a step, or leave it out")
        found.append(Parameter(name, names.values[name], name in names.pinned, used, param.span))
    return tuple(found)
