"""Unfolds one model of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from archdsl.base.shape import Shape
from archdsl.base.symbolic import TracedFloat, TracedInt
from archdsl.diag import codes
from archdsl.diag.model import Label, Problems
from archdsl.elaborate import control
from archdsl.elaborate.ast_queries import labels
from archdsl.elaborate.blocks import bind
from archdsl.elaborate.budget import Unbounded
from archdsl.elaborate.expressions import Evaluator
from archdsl.elaborate.library import Library
from archdsl.elaborate.limits import Limits
from archdsl.elaborate.scopes import Children, Labelled, Names, Site
from archdsl.elaborate.settings import SettingError, require_inputs, require_parameters
from archdsl.elaborate.steps import Made, Steps
from archdsl.elaborate.streams import Defined, Tensor
from archdsl.elaborate.values import HOLE
from archdsl.ir.graph import ChildNaming, Container, Graph, Input, Output, Parameter
from archdsl.ops.argument_types import is_int
from archdsl.syntax import ast
from archdsl.target.reserved import why_no_parameter


def elaborate(
    library: Library,
    model: ast.Definition,
    problems: Problems,
    *,
    settings: Mapping[str, object] | None = None,
    shapes: Mapping[str | None, Shape] | None = None,
    limits: Limits = Limits(),  # noqa: B008
) -> Graph | None:
    """Return the graph of a model, or None where a mistake left a hole in it.

    `shapes` are those that inputs have in place of their own, None being the first; the shapes that the model states
    are not judged then.

    Raises SettingError where `settings` names a parameter that the model does not have, or `shapes` an input.
    """
    steps = Steps(Names({}, definitions=library.names), problems, limits, library.file.source, dict(shapes or {}))
    try:
        unfolding = _unfolding(model, library, steps, dict(settings or {}))
        return unfolding.graph() if unfolding else None
    except Unbounded:
        return None


@dataclass(slots=True)
class _Unfolding:
    """The unfolding of a model: `model` gives it its name, `base` its body, and both have parameters."""

    model: ast.Definition
    base: Defined
    params: list[ast.Parameter]
    steps: Steps
    overridden: bool
    outputs: list[Output] = field(default_factory=list)
    begun: bool = False

    def graph(self) -> Graph | None:
        """Return the graph, or None where a mistake left a hole in it."""
        steps, body = self.steps, self.base.definition.body
        children = Children(numbered=False, labels=labels(body, steps.names.blocks))
        site = Site((), children, self.base.library.defaults_of(self.base.definition))
        steps.names.children = children
        made = self._statements(body, site)
        if not self._is_whole(body):
            return None
        stream = steps.single(self.model.name.span)
        if stream is None:
            return None
        self._check_inputs()
        require_inputs(self.model.name.text, [given.name for given in steps.inputs], steps.shapes)
        outputs = self._named(Output("output", stream.source, stream.shape))
        given = steps.inputs[0]
        return Graph(
            name=self.model.name.text,
            doc=self.model.doc or self.base.definition.doc,
            source=self.model.name.span.source,
            span=self.model.span,
            parameters=self._parameters(),
            inputs=tuple(steps.inputs),
            root=Container(
                (),
                ChildNaming.NAMED,
                tuple(made),
                self.model.span,
                given.path,
                given.shape,
                stream.source,
                stream.shape,
            ),
            assertions=tuple(steps.assertions),
            outputs=outputs,
            devices=tuple(steps.devices),
            overridden=self.overridden or bool(steps.shapes),
        )

    def _named(self, stream: Output) -> tuple[Output, ...]:
        """Return the outputs, the stream first: under its own name if an output is nothing but the stream."""
        given = [output for output in self.outputs if output.path == stream.path and not output.when_training]
        first = given[0] if given else stream
        return (first, *(output for output in self.outputs if output is not first))

    def _is_whole(self, body: tuple[ast.Statement, ...]) -> bool:
        steps, problems = self.steps, self.steps.problems
        name = self.model.name.span
        broken = any(isinstance(statement, ast.Broken) for statement in body)
        if not steps.inputs and not broken:
            if not any(isinstance(statement, ast.Input) for statement in body):
                problems.report(codes.NO_INPUT, name, help="begin with a line such as `input image: 3x32x32`")
            return False
        if not steps.nodes:
            if not broken and not problems.has_errors:
                problems.report(codes.NO_STEPS, name, help="write a step below the input")
            return False
        return not steps.names.hole

    # the statements that only a model has

    def _statements(self, body: tuple[ast.Statement, ...], site: Site) -> Made:
        made: Made = []
        for number, statement in enumerate(body):
            match statement:
                case ast.Input():
                    self._input(statement)
                case ast.Devices():
                    self._devices(statement)
                case ast.Output():
                    made += self._output(statement, site)
                case ast.For() | ast.If():
                    for taken in control.bodies(self.steps, statement):
                        made += self._statements(taken, site.inner())
                case _:
                    self.begun = self.begun or isinstance(statement, ast.Chain)
                    made += self.steps.statement(statement, site, body[number + 1 :])
        return made

    def _input(self, statement: ast.Input) -> None:
        steps, problems = self.steps, self.steps.problems
        if self.begun:
            problems.report(codes.INPUT_TOO_LATE, statement.span, help="move it to the top of the model")
            return
        name = statement.name
        sizes = steps.evaluator.sizes(statement.shape)
        sizes = self._replaced(name.text, sizes) if sizes else sizes
        why = why_no_parameter(name.text)
        if why:
            problems.report(codes.RESERVED_NAME, name.span, why, help=f"call it `{name.text}_in`, say")
        if sizes is None or why:
            steps.names.hole = True
        self._enter_dimensions(statement.shape, sizes)
        given = Input(name.text, Shape(sizes or (1,)), statement.span)
        if any(other.name == given.name for other in steps.inputs):
            earlier = next(other for other in steps.inputs if other.name == given.name)
            problems.report(codes.DEFINED_TWICE, name.span, secondary=(Label(earlier.span, "first here"),))
            return
        tensor = Tensor(given.path, given.shape)
        if not steps.inputs:
            steps.names.stream = tensor
        steps.inputs.append(given)
        children = steps.names.children
        assert children is not None
        children.labelled[name.text] = Labelled(tensor, None, None, {}, name.span)

    def _replaced(self, name: str, sizes: tuple[int, ...]) -> tuple[int, ...]:
        """Return the sizes that an input is given in place of its own."""
        shapes = self.steps.shapes
        shape = shapes.get(name, None if self.steps.inputs else shapes.get(None))
        if shape is None:
            return sizes
        if shape.rank != len(sizes):
            raise SettingError(f"the input `{name}` has {len(sizes)} axes, and {shape} has {shape.rank}")
        return shape.dims

    def _enter_dimensions(self, shape: ast.ShapeOf, sizes: tuple[int, ...] | None) -> None:
        """Let expressions use the dimensions that the input names."""
        seen: dict[str, Label] = {}
        for dim, size in zip(shape.dims, sizes or (), strict=False):
            if dim.name and dim.name.text in seen:
                first = (seen[dim.name.text],)
                self.steps.problems.report(codes.DEFINED_TWICE, dim.name.span, secondary=first)
            elif dim.name:
                seen[dim.name.text] = Label(dim.name.span, "first here")
            if dim.name and dim.name.text not in self.steps.names.values:
                self.steps.names.values[dim.name.text] = size

    def _devices(self, statement: ast.Devices) -> None:
        for label in statement.names:
            for name in self.steps.evaluator.label_texts(label) or ():
                why = why_no_parameter(name)
                if why:
                    self.steps.problems.report(codes.RESERVED_NAME, label.span, why)
                elif name in self.steps.devices:
                    self.steps.problems.report(codes.DEFINED_TWICE, label.span, f"`{name}` is declared already")
                else:
                    self.steps.devices.append(name)

    def _output(self, statement: ast.Output, site: Site) -> Made:
        steps, problems = self.steps, self.steps.problems
        first, names = statement.chain.steps[0], steps.names
        texts = steps.evaluator.label_texts(first.label) if first.label else None
        if texts is None or len(texts) != 1:
            if first.label is None:
                help = "write a label: `output aux: …`"
                problems.report(codes.BAD_OUTPUT, first.span, "this output has no name", help=help)
            names.hole = True
            return []
        before = names.stream
        chain = statement.chain
        if isinstance(first.unit, ast.Reference):
            chain = replace(chain, steps=(replace(first, label=None), *chain.steps[1:]))
        made = steps.chain(chain, site)
        tensor = steps.single(statement.span)
        names.stream = before
        if tensor is None:
            return made
        if any(output.name == texts[0] for output in self.outputs) or texts[0] == "output":
            problems.report(codes.BAD_OUTPUT, first.span, f"there is an output `{texts[0]}` already")
            return made
        output = Output(texts[0], tensor.source, tensor.shape, statement.when_training, statement.span)
        self.outputs.append(output)
        return made

    # parameters and what is not used

    def _check_inputs(self) -> None:
        for given in self.steps.inputs[1:]:
            if given.name not in self.steps.names.referred and not self.steps.problems.has_errors:
                help = f"use it as `@{given.name}`, or leave it out"
                self.steps.problems.report(codes.UNUSED_INPUT, given.span, help=help)

    def _parameters(self) -> tuple[Parameter, ...]:
        names, problems = self.steps.names, self.steps.problems
        found = []
        for param in self.params:
            name = param.name.text
            used = name in names.used
            if not used and not problems.has_errors:
                problems.report(codes.UNUSED_PARAMETER, param.name.span, help="use it in a step, or leave it out")
            found.append(Parameter(name, names.values[name], name in names.pinned, used, param.span))
        self._check_blocks()
        return tuple(found)

    def _check_blocks(self) -> None:
        """Warn of parameters of blocks that no use of the block reads."""
        for callee, used in self.steps.used.values():
            if callee.library is not self.base.library or self.steps.problems.has_errors:
                continue
            for param in callee.definition.params:
                if param.name.text not in used:
                    help = "use it in a step, or leave it out"
                    self.steps.problems.report(codes.UNUSED_PARAMETER, param.name.span, help=help)


def _unfolding(model: ast.Definition, library: Library, steps: Steps, given: dict[str, object]) -> _Unfolding | None:
    """Return what unfolds for a model: itself, or with `model A = B(…)` another one, whose other parameters it has."""
    base = Defined(model, library)
    params = list(model.params)
    names = steps.names
    overridden = bool(given)
    chain: list[ast.Definition] = []
    bound: dict[str, object] = {}
    while (call := _alias(base, steps)) is not None:
        chain.append(base.definition)
        _check_params(base.definition, steps.problems)
        _enter_values(base.definition, names, given, bound, steps.problems, steps.bounds.limits)
        target = _callee(call, base, steps)
        if target.definition in chain:
            steps.problems.report(codes.TOO_DEEP, call.span, "this model is defined by itself")
            return None
        values = bind(steps, call, target.definition, target, partly=True)
        if values is None:
            return None
        bound = values
        base = target
        names.definitions = target.library.names
        params += [param for param in target.definition.params if param.name.text not in bound]
    require_parameters(model.name.text, params, given)
    _check_params(base.definition, steps.problems)
    _enter_values(base.definition, names, given, bound, steps.problems, steps.bounds.limits)
    if any(value is HOLE for value in names.values.values()):
        names.hole = True
    own = {param.name.text: param for param in params}
    return _Unfolding(model, base, list(own.values()), steps, overridden)


def _alias(base: Defined, steps: Steps) -> ast.Call | None:
    """Return the call of `model A = B(…)` where B is a model."""
    definition = base.definition
    if not definition.is_inline or not isinstance(definition.body[0], ast.Chain):
        return None
    first, *rest = definition.body[0].steps
    call = first.unit
    if rest or first.label or first.times or not isinstance(call, ast.Call):
        return None
    found = base.library.names.get(call.name.text)
    return call if found and found.definition.kind == "model" else None


def _callee(call: ast.Call, base: Defined, steps: Steps) -> Defined:
    return base.library.names[call.name.text]


def _enter_values(
    definition: ast.Definition,
    names: Names,
    given: Mapping[str, object],
    bound: Mapping[str, object],
    problems: Problems,
    limits: Limits,
) -> None:
    """Give the parameters of a model their values: those of its caller, those from outside, or the defaults."""
    before = {**names.values}
    for param in definition.params:
        name = param.name.text
        if name in bound:
            names.values[name] = bound[name]
            continue
        if name in given:
            value = given[name]
        elif name in before:
            continue
        elif param.default is None:
            help = f"give it with `--set {name}=…`, or write a default: `{name} = 10`"
            problems.report(codes.NO_DEFAULT, param.name.span, help=help)
            value = HOLE
        else:
            scope = Names(dict(names.values), definitions=names.definitions)
            value = Evaluator(scope, problems, limits).value(param.default, blocks=True)
        names.values[name] = _traced(name, value)


def _traced(name: str, value: object) -> object:
    if is_int(value):
        return TracedInt.parameter(name, int(value))  # type: ignore[call-overload]
    if isinstance(value, float):
        return TracedFloat.parameter(name, value)
    return value


def _check_params(definition: ast.Definition, problems: Problems) -> None:
    seen: dict[str, ast.Parameter] = {}
    for param in definition.params:
        name = param.name
        if name.text in seen:
            earlier = Label(seen[name.text].name.span, "first here")
            problems.report(codes.DEFINED_TWICE, name.span, secondary=(earlier,))
        seen[name.text] = param
        why = why_no_parameter(name.text)
        if why:
            problems.report(codes.RESERVED_NAME, name.span, why, help="choose another name for the parameter")
