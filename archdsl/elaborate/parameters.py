"""The parameters of a model: their values, also where the model is defined as `model A = B(…)`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from archdsl.base.symbolic import TracedFloat, TracedInt
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate.blocks import bind
from archdsl.elaborate.cursor import Cursor
from archdsl.elaborate.definitions import Defined, Library
from archdsl.elaborate.expected import PARAMETER_DEFAULT
from archdsl.elaborate.scopes import Scope, UsageLog
from archdsl.elaborate.settings import require_parameters
from archdsl.elaborate.values import ERROR, MaybeValue, Value, is_number, is_whole
from archdsl.elaborate.walk import Walk
from archdsl.syntax import ast
from archdsl.target.reserved import why_no_parameter


@dataclass(slots=True)
class ModelParameters:
    """The parameters that a model leaves open, with their values, and the scope of the body that unfolds.

    `base` is the model that the body belongs to: with `model A = B(…)` it is B, and A has the parameters of B that the
    call does not give.
    """

    base: Defined
    declared: dict[str, ast.Parameter] = field(default_factory=dict)
    values: dict[str, MaybeValue] = field(default_factory=dict)
    defaults: dict[str, int | float] = field(default_factory=dict)
    usage: UsageLog = field(default_factory=UsageLog)
    scope: Scope = field(default_factory=lambda: Scope({}))

    def enter(self, target: Defined, bound: Mapping[str, Value], settings: Mapping[str, Value], walk: Walk) -> None:
        """Make `target` the base; `bound` are the arguments that the model derived from it gives."""
        self.base = target
        check_parameters(target.definition, walk.problems)
        values: dict[str, MaybeValue] = {}
        for param in target.definition.params:
            name = param.name.text
            if name in bound:
                values[name] = bound[name]
                continue
            self.declared.setdefault(name, param)
            if name not in self.values:
                value = _value(param, Scope(values, target.library.names), settings, walk)
                if is_number(value):
                    self.defaults[name] = value
                self.values[name] = _traced(name, value)
            values[name] = self.values[name]
        own = frozenset(values).difference(bound)
        untraceable = frozenset(name for name in own if not isinstance(values[name], TracedInt | TracedFloat))
        defaults = target.library.defaults_of(target.definition)
        self.scope = Scope(
            values, target.library.names, self.usage, defaults=defaults, parameters=own, untraceable=untraceable
        )


def model_parameters(
    walk: Walk, model: ast.Definition, library: Library, settings: Mapping[str, Value], usage: UsageLog
) -> ModelParameters | None:
    """Return the parameters of a model, or None after reporting that its definition leads to no body.

    Raises SettingError where `settings` names a parameter that the model does not have.
    """
    found = ModelParameters(Defined(model, library), usage=usage)
    target: Defined = found.base
    bound: dict[str, Value] = {}
    seen: list[ast.Definition] = []
    while True:
        found.enter(target, bound, settings, walk)
        call = _alias(target)
        if call is None:
            break
        seen.append(target.definition)
        target = target.library.names[call.name.text]
        most = walk.budget.limits.nesting
        if any(target.definition is each for each in seen) or len(seen) > most:
            label = "this model is defined by itself"
            if len(seen) > most:
                label = f"models can be defined from others {most} levels deep"
            walk.problems.report(codes.TOO_DEEP, call.span, label)
            return None
        given = bind(walk, call, target, found.scope, Cursor(), partly=True)
        if given is None:
            return None
        bound = given
    require_parameters(model.name.text, list(found.declared.values()), settings)
    return found


def _alias(defined: Defined) -> ast.Call | None:
    """Return the call of `model A = B(…)` where B is a model."""
    definition = defined.definition
    if not definition.is_inline or not isinstance(definition.body[0], ast.Chain):
        return None
    first, *rest = definition.body[0].steps
    call = first.unit
    if rest or first.label or first.times or not isinstance(call, ast.Call):
        return None
    found = defined.library.names.get(call.name.text)
    return call if found and found.definition.kind == "model" else None


def _value(param: ast.Parameter, scope: Scope, settings: Mapping[str, Value], walk: Walk) -> MaybeValue:
    """Return the value of a parameter: its setting, or its default, which sees the parameters before it."""
    name = param.name.text
    if name in settings:
        return settings[name]
    if param.default is None:
        help = f"give it with `--set {name}=…`, or write a default: `{name} = 10`"
        walk.problems.report(codes.NO_DEFAULT, param.name.span, help=help)
        return ERROR
    return walk.evaluator.value(param.default, scope, Cursor(), PARAMETER_DEFAULT)


def _traced(name: str, value: MaybeValue) -> MaybeValue:
    if is_whole(value):
        return TracedInt.parameter(name, value.real)
    return TracedFloat.parameter(name, value) if isinstance(value, float) else value


def check_parameters(definition: ast.Definition, problems: Problems) -> None:
    """Report parameters with the same name, and names that a constructor cannot have; a macro has no constructor."""
    seen: dict[str, Label] = {}
    for param in definition.params:
        name = param.name
        if name.text in seen:
            problems.report(codes.DEFINED_TWICE, name.span, secondary=(seen[name.text],))
        seen.setdefault(name.text, Label(name.span, "first here"))
        why = None if definition.kind == "macro" else why_no_parameter(name.text)
        if why:
            problems.report(codes.RESERVED_NAME, name.span, why, help="choose another name for the parameter")
